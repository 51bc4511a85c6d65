"""Text that every kernel carries besides the numerics library: casts of the pointer table, and scans of spike flags."""

PRELUDE = '''
_inline = compiled(_fast, inline=True)
_exact = compiled(inline=True)
_outline = compiled(_fast)


def _cast(pointer):
    """Make a function that reads entry k of the pointer table as a typed pointer."""

    @intrinsic
    def element(table, k):
        def emit(builder, table, k):
            return builder.inttoptr(builder.load(builder.gep(table, [k])), pointer.llvm)

        return pointer(table, types.int64), emit

    return element


f64 = _cast(types.pointer(types.float64))
f32 = _cast(types.pointer(types.float32))
i64 = _cast(types.pointer(types.int64))
i32 = _cast(types.pointer(types.int32))
u16 = _cast(types.pointer(types.uint16))
u8 = _cast(types.pointer(types.uint8))


@_exact
def timed_row(time, fine, k, rows):
    """Entry of a timed array: int((time/fine + 0.5)/k), clamped to its ends."""
    row = (time / fine + 0.5) / k
    row = select(row > rows - 1.0, rows - 1.0, row)
    return int(select(row > 0.0, row, 0.0))


@_exact
def broken(x):
    """Whether x is infinite or NaN."""
    return x - x != 0.0


@compiled()
def note_failure(failure, failed, step, element, code, value):
    """Keep the first failure of a thread: the step after it, the element, of what, and the value."""
    if failure[0] == 0:
        failure[0] = step + 1
        failure[1] = element
        failure[2] = code
        failed[0] = value


@_inline
def limited(column, columns):
    """A column, clamped to the array."""
    return select(column < 0, 0, select(column >= columns, columns - 1, column))


@intrinsic
def load_word(words, k):
    """A word that other threads write."""

    def emit(builder, words, k):
        return builder.load_atomic(builder.gep(words, [k]), "seq_cst", 8)

    return types.int64(words, types.int64), emit


@intrinsic
def add_to_word(words, k, value):
    """Add to a word that other threads write too; what it was before."""

    def emit(builder, words, k, value):
        return builder.atomic_rmw("add", builder.gep(words, [k]), value, "seq_cst")

    return types.int64(words, types.int64, types.int64), emit


@intrinsic
def call_system(address, number, words, k, operation, value):
    """Call the function of the system at an address: (number, place of word k, operation, value, 0)."""

    def emit(builder, address, number, words, k, operation, value):
        word = ir.IntType(64)
        function = ir.FunctionType(word, [word] * 5).as_pointer()
        place = builder.ptrtoint(builder.gep(words, [k]), word)
        return builder.call(builder.inttoptr(address, function), [number, place, operation, value, word(0)])

    return types.int64(types.int64, types.int64, words, types.int64, types.int64, types.int64), emit


@_outline
def wait(words, parts):
    """Wait until all threads are here.

    Word 0 counts those that have come, word 8 the times that all had. Who has waited for long goes to sleep, if word 24
    is the address of a function of the system for that (`futex`, word 25 its number), and is counted in word 16: with
    more threads than free cores, the others need the core.
    """
    if parts > 1:
        turn = load_word(words, 8)
        if add_to_word(words, 0, 1) == parts - 1:
            add_to_word(words, 0, -parts)
            add_to_word(words, 8, 1)
            if load_word(words, 16) > 0:
                call_system(words[24], words[25], words, 8, 129, parts)
        else:
            tries = 0
            while load_word(words, 8) == turn:
                tries += 1
                if tries > 300000 and words[24] != 0:
                    add_to_word(words, 16, 1)
                    call_system(words[24], words[25], words, 8, 128, turn)
                    add_to_word(words, 16, -1)


@_outline
def list_spikes(step, n, depth, part, parts, low, high, words, flags, spikes, number):
    """List the thread's neurons whose flag is set, eight flags at a time, in ascending order.

    `low` is a multiple of 8, or the range is empty.
    """
    slot = step % depth
    base = slot * n + low
    found = 0
    for w in range((low + 7) >> 3, (high + 7) >> 3):
        if words[w] != 0:
            for k in range(8 * w, 8 * w + 8):
                if flags[k] != 0:
                    spikes[base + found] = k
                    found += 1
    number[slot * parts + part] = found


@_outline
def list_scheduled(step, n, depth, part, parts, low, high, total, period, spikes, number, steps, ids, cursor):
    """List the thread's neurons that a schedule lets spike now; each thread goes through the schedule on its own."""
    now = step
    if period > 0:
        now = step % period
        if now == 0:
            cursor[8 * part] = 0
    slot = step % depth
    base = slot * n + low
    found = 0
    at = cursor[8 * part]
    while at < total and steps[at] == now:
        if ids[at] >= low and ids[at] < high:
            spikes[base + found] = ids[at]
            found += 1
        at += 1
    cursor[8 * part] = at
    number[slot * parts + part] = found


@_outline
def mark_spiked(step, n, depth, part, parts, low, spikes, number, last):
    """Remember the time of the last spike."""
    slot = step % depth
    for b in range(number[slot * parts + part]):
        last[spikes[slot * n + low + b]] = step


@_outline
def mark_refractory(step, n, depth, part, parts, low, spikes, number, not_refractory):
    """From its spike on, a neuron is refractory."""
    slot = step % depth
    for b in range(number[slot * parts + part]):
        not_refractory[spikes[slot * n + low + b]] = 0


@_inline
def first_at(delays, low, high, age):
    """The first synapse of an ascending row whose delay is at least `age`, by bisection."""
    while low < high:
        middle = (low + high) >> 1
        if delays[middle] < age:
            low = middle + 1
        else:
            high = middle
    return low


@intrinsic
def prefetch(pointer, k):
    """Ask for the line of memory that holds an element, which will be read soon."""

    def emit(builder, pointer, k):
        place = builder.bitcast(builder.gep(pointer, [k]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        builder.call(function, [place, word(0), word(3), word(1)])

    return types.void(pointer, types.int64), emit


@_outline
def list_segments(
    step, age, shortest, n, depth, parts, bounds, spikes, number, rows, width, starts, delays, segments
):
    """List begin and end of the synapses with delay `age` of each neuron that spiked so long ago; returns how many."""
    found = 0
    if age < shortest:
        return found
    slot = (step - age) % depth
    first = (age & 1) * 2 * n
    for p in range(parts):
        base = slot * n + bounds[p]
        for b in range(base, base + number[slot * parts + p]):
            k = int(spikes[b])
            if width > 0:
                at = k * (width + 1) + age - shortest
                begin = rows[k] + starts[at]
                stop = rows[k] + starts[at + 1]
            else:
                begin = first_at(delays, rows[k], rows[k + 1], age)
                stop = first_at(delays, begin, rows[k + 1], age + 1)
            if begin < stop:
                segments[first + 2 * found] = begin
                segments[first + 2 * found + 1] = stop
                found += 1
    return found


@_outline
def count_events(low, high, size, draws, table, counts):
    """Number of thresholds of `table` (padded with inf to a multiple of four) that are not above each draw.

    Blocks stay in the first-level cache, and four thresholds are compared in one pass; the last pass is the one whose
    largest threshold is above all draws of a block.
    """
    one = number(1.0)
    zero = number(0.0)
    for first in range(low, high, 128):
        last = min(first + 128, high)
        for k in range(first, last):
            counts[k] = zero
        above = 1
        j = 0
        while j < size and above != 0:
            t0 = table[j]
            t1 = table[j + 1]
            t2 = table[j + 2]
            t3 = table[j + 3]
            above = 0
            for k in range(first, last):
                u = draws[k]
                few = select(t0 <= u, one, zero) + select(t1 <= u, one, zero)
                more = select(t2 <= u, one, zero) + select(t3 <= u, one, zero)
                counts[k] += few + more
                above |= select(t3 <= u, 1, 0)
            j += 4


@intrinsic
def lowest_bit(word):
    """The number of the lowest bit of a word that is set."""

    def emit(builder, word):
        return builder.cttz(word, ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), emit


@_outline
def list_frozen(step, low, high, part, words, flags, ids, found):
    """List the thread's refractory neurons (their flags are 0, not 1), read eight at a time.

    `low` is a multiple of 8, or the range is empty.
    """
    at = low
    for w in range(low >> 3, high >> 3):
        zeros = words[w] ^ 0x0101010101010101
        while zeros != 0:
            ids[at] = 8 * w + (lowest_bit(zeros) >> 3)
            at += 1
            zeros &= zeros - 1
    for k in range(max(low, high >> 3 << 3), high):
        if flags[k] == 0:
            ids[at] = k
            at += 1
    found[part] = at - low


@_outline
def keep_frozen(first, last, bounds, found, ids, kept, values):
    """Remember the values of the refractory neurons of some threads."""
    for p in range(first, last):
        for b in range(bounds[p], bounds[p] + found[p]):
            kept[b] = values[ids[b]]


@_outline
def put_back(first, last, bounds, found, ids, kept, values):
    """Undo what was done to refractory neurons."""
    for p in range(first, last):
        for b in range(bounds[p], bounds[p] + found[p]):
            values[ids[b]] = kept[b]
'''
