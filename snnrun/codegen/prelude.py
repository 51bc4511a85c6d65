"""Text that every kernel carries besides the numerics library: casts of the pointer table, and scans of spike flags."""

PRELUDE = '''
_inline = njit(forceinline=True, **_options)
_outline = njit(**_options)


def _cast(pointer):
    """Make a function that reads entry k of the pointer table as a typed pointer."""

    @intrinsic
    def entry(typing, table, k):
        def emit(context, builder, signature, args):
            place = context.cast(builder, args[1], signature.args[1], types.int64)
            address = builder.load(builder.gep(args[0], [place]))
            return builder.inttoptr(address, context.get_value_type(pointer))

        return pointer(table, k), emit

    return entry


f64 = _cast(types.CPointer(types.float64))
i64 = _cast(types.CPointer(types.int64))
i32 = _cast(types.CPointer(types.int32))
u8 = _cast(types.CPointer(types.uint8))


@_inline
def timed_row(time, fine, k, rows):
    """Entry of a timed array: int((time/fine + 0.5)/k), clamped to its ends."""
    row = (time / fine + 0.5) / k
    row = select(row > rows - 1.0, rows - 1.0, row)
    return int(select(row > 0.0, row, 0.0))


@_inline
def limited(column, columns):
    """A column, clamped to the array."""
    return select(column < 0, 0, select(column >= columns, columns - 1, column))


@_outline
def list_spikes(step, n, words, flags, depth, spikes, number):
    """List the neurons whose flag is set, eight flags at a time, in ascending order."""
    slot = step % depth
    base = slot * n
    found = 0
    for w in range((n + 7) >> 3):
        if words[w] != 0:
            for k in range(8 * w, 8 * w + 8):
                if flags[k] != 0:
                    spikes[base + found] = k
                    found += 1
    number[slot] = found


@_outline
def list_scheduled(step, n, depth, spikes, number, steps, ids, total, period, cursor):
    """List the neurons that a schedule lets spike now."""
    now = step
    if period > 0:
        now = step % period
        if now == 0:
            cursor[0] = 0
    slot = step % depth
    base = slot * n
    found = 0
    at = cursor[0]
    while at < total and steps[at] == now:
        spikes[base + found] = ids[at]
        found += 1
        at += 1
    cursor[0] = at
    number[slot] = found


@_outline
def mark_spiked(step, n, depth, spikes, number, last):
    """Remember the time of the last spike."""
    slot = step % depth
    for b in range(number[slot]):
        last[spikes[slot * n + b]] = step


@_outline
def mark_refractory(step, n, depth, spikes, number, not_refractory):
    """From its spike on, a neuron is refractory."""
    slot = step % depth
    for b in range(number[slot]):
        not_refractory[spikes[slot * n + b]] = 0


@_outline
def count_spikes(step, n, depth, spikes, number, counts):
    """Count the spikes of each neuron."""
    slot = step % depth
    for b in range(number[slot]):
        counts[spikes[slot * n + b]] += 1


@_outline
def count_events(step, n, size, draws, table, counts):
    """Number of thresholds of `table` (padded with inf to a multiple of four) that are not above each draw.

    Blocks stay in the first-level cache, and four thresholds are compared in one pass.
    """
    for first in range(0, n, 512):
        last = min(first + 512, n)
        for k in range(first, last):
            counts[k] = 0.0
        for j in range(0, size, 4):
            t0 = table[j]
            t1 = table[j + 1]
            t2 = table[j + 2]
            t3 = table[j + 3]
            for k in range(first, last):
                u = draws[k]
                low = select(t0 <= u, 1.0, 0.0) + select(t1 <= u, 1.0, 0.0)
                high = select(t2 <= u, 1.0, 0.0) + select(t3 <= u, 1.0, 0.0)
                counts[k] += low + high


@_outline
def keep_frozen(n, words, flags, ids, kept, values):
    """Remember the values of refractory neurons; returns their number."""
    found = 0
    for w in range(n >> 3):
        if words[w] != 0x0101010101010101:
            for k in range(8 * w, 8 * w + 8):
                if flags[k] == 0:
                    ids[found] = k
                    kept[found] = values[k]
                    found += 1
    for k in range(n >> 3 << 3, n):
        if flags[k] == 0:
            ids[found] = k
            kept[found] = values[k]
            found += 1
    return found


@_outline
def put_back(found, ids, kept, values):
    """Undo what was done to refractory neurons."""
    for b in range(found):
        values[ids[b]] = kept[b]
'''
