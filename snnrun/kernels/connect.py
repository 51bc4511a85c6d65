"""Synapses made by rules: the targets of sources, and the places of synapses in memory.

Number k of a row is `random.uniform` of element k at step `row`. The row is the index of the source, or of the target
where a rule goes through targets; docs/decisions/0020 says what k counts.

A *run* is what one rule gives one source: synapses to some of its candidates, which are targets of the rule with
indices that follow each other. Runs are sorted by source and then by rule; the arrays that describe them are those of
`connect.runs.Runs`, shape (runs,). A *block* is a range of sources, and its synapses lie run after run in buffers of
their own. Blocks do not see each other, so threads may share them.
"""

from __future__ import annotations

from snnrun.kernels.functions import floor, log
from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array, select
from snnrun.kernels.random import fraction
from snnrun.kernels.threefry import threefry

DRAWS = 512
"""The fewest uniform numbers that a buffer `draws` has room for; some are drawn in advance, so that loops vectorise."""


# draws


@kernel()
def draw(first: int, pairs: int, row: int, seed: int, stream: int, out: Array) -> None:
    """Uniform numbers of a row, from element 2 * first on.

    Args:
        first: The first pair of elements.
        pairs: How many pairs.
        row: The row.
        seed: Of all connections.
        stream: Of the rule.
        out: The numbers, in [0, 1), float64, shape (2 * pairs,).
    """
    for q in range(pairs):
        x0, x1 = threefry(first + q, row, seed, stream)
        out[2 * q] = fraction(x0)
        out[2 * q + 1] = fraction(x1)


@kernel()
def draw_gaps(first: int, pairs: int, row: int, seed: int, stream: int, scale: float, limit: float, out: Array) -> None:
    """Numbers of candidates that are passed over before the next partner: geometric, floor(log(1 - u) * scale).

    Args:
        first: The first pair of elements.
        pairs: How many pairs.
        row: The row.
        seed: Of all connections.
        stream: Of the rule.
        scale: 1 / log(1 - p) for the probability p of a partner.
        limit: Larger numbers become this one.
        out: Whole numbers as float64, shape (2 * pairs,).
    """
    for q in range(pairs):
        x0, x1 = threefry(first + q, row, seed, stream)
        gap0 = floor(log(1.0 - fraction(x0)) * scale)
        gap1 = floor(log(1.0 - fraction(x1)) * scale)
        out[2 * q] = select(gap0 < limit, gap0, limit)
        out[2 * q + 1] = select(gap1 < limit, gap1, limit)


# partners of one neuron


@kernel()
def ascending(n: int, size: int, chosen: Array, buckets: Array, begin: int, out: Array) -> None:
    """Sort indices that are spread evenly: into as many buckets as there are, then each to its place.

    Args:
        n: How many.
        size: The indices lie below it.
        chosen: The indices, int32, shape (n,).
        buckets: Room to work, int32, shape (n + 1,).
        begin: Where the result begins.
        out: The result, int32.
    """
    scale = float(n) / float(size)
    for b in range(n + 1):
        buckets[b] = 0
    for q in range(n):
        buckets[min(int(float(chosen[q]) * scale), n - 1) + 1] += 1
    for b in range(n):
        buckets[b + 1] += buckets[b]
    for q in range(n):
        b = min(int(float(chosen[q]) * scale), n - 1)
        out[begin + buckets[b]] = chosen[q]
        buckets[b] += 1
    for q in range(begin + 1, begin + n):
        j = out[q]
        b = q
        while b > begin and out[b - 1] > j:
            out[b] = out[b - 1]
            b -= 1
        out[b] = j


@kernel()
def different(
    n: int,
    size: int,
    row: int,
    seed: int,
    stream: int,
    draws: Array,
    chosen: Array,
    buckets: Array,
    seen: Array,
    begin: int,
    out: Array,
) -> None:
    """Different partners, ascending: the first different ones drawn, or all but those where they are more than half.

    Args:
        n: How many, at most `size`.
        size: The number of candidates.
        row: The row.
        seed: Of all connections.
        stream: Of the rule.
        draws: Room to work, float64, shape (`DRAWS`,) or more.
        chosen: Room to work, int32, shape (n,) or more.
        buckets: Room to work, int32, shape (n + 1,) or more.
        seen: Zeros, before and after, uint8, shape (size,) or more.
        begin: Where the result begins.
        out: Indices of candidates, int32.
    """
    few = min(n, size - n)
    found = 0
    pair = 0
    while found < few:
        draw(pair, 16, row, seed, stream, draws)
        pair += 16
        for b in range(32):
            j = min(int(draws[b] * float(size)), size - 1)
            if found < few and seen[j] == 0:
                seen[j] = 1
                chosen[found] = j
                found += 1
    if few == n:
        ascending(n, size, chosen, buckets, begin, out)
    else:
        at = begin
        for j in range(size):
            if seen[j] == 0:
                out[at] = j
                at += 1
    for b in range(found):
        seen[chosen[b]] = 0


@kernel()
def name_targets(n: int, own: int, first_id: int, ids: Array, begin: int, target: Array) -> None:
    """From indices of candidates to neurons.

    Args:
        n: How many.
        own: Place of the neuron that was no candidate, or -1.
        first_id: Where the rule's neurons begin in `ids`.
        ids: Neurons of all rules, int32.
        begin: Where the indices begin.
        target: Indices, which become neurons, int32.
    """
    if own >= 0:
        for q in range(begin, begin + n):
            target[q] += select(target[q] >= own, 1, 0)
    for q in range(begin, begin + n):
        target[q] = ids[first_id + target[q]]


# how many partners


@kernel()
def share(
    number: int, sources: int, targets: int, seed: int, stream: int, own: Array, draws: Array, counts: Array
) -> None:
    """How many synapses of a fixed total each source gets: a source is drawn for each.

    What is left of the number that chose a source would choose a target; if that is the source itself and may not be,
    the draw does not count. So a source with one candidate less gets fewer.

    Args:
        number: The total.
        sources: The number of sources.
        targets: The number of targets.
        seed: Of all connections.
        stream: Of the rule.
        own: For each source its own index among the targets, if that is left out, else -1; int64, shape (sources,).
        draws: Room to work, float64, shape (`DRAWS`,) or more.
        counts: Grows by the number of synapses, int64, shape (sources,).
    """
    missing = number
    pair = 0
    while missing > 0:
        draw(pair, DRAWS >> 1, 0, seed, stream, draws)
        pair += DRAWS >> 1
        for b in range(DRAWS):
            at = draws[b] * float(sources)
            i = min(int(at), sources - 1)
            if missing > 0 and int((at - float(i)) * float(targets)) != own[i]:
                counts[i] += 1
                missing -= 1


@kernel()
def different_pairs(
    few: int,
    sources: int,
    targets: int,
    seed: int,
    stream: int,
    own: Array,
    draws: Array,
    mask: int,
    table: Array,
    chosen: Array,
) -> None:
    """The first different pairs drawn among all.

    Args:
        few: How many.
        sources: The number of sources.
        targets: The number of targets.
        seed: Of all connections.
        stream: Of the rule.
        own: For each source its own index among the targets, if that is left out, else -1; int64, shape (sources,).
        draws: Room to work, float64, shape (`DRAWS`,) or more.
        mask: The length of `table`, a power of two and more than `few`, minus one.
        table: A hash table of the pairs found: -1 where it is free; int64.
        chosen: source * targets + target of each pair, as drawn; int64, shape (few,).
    """
    everyone = sources * targets
    found = 0
    pair = 0
    while found < few:
        draw(pair, DRAWS >> 1, 0, seed, stream, draws)
        pair += DRAWS >> 1
        for b in range(DRAWS):
            flat = min(int(draws[b] * float(everyone)), everyone - 1)
            i = flat // targets
            if found < few and flat - i * targets != own[i]:
                slot = flat & mask
                while table[slot] != -1 and table[slot] != flat:
                    slot = (slot + 1) & mask
                if table[slot] == -1:
                    table[slot] = flat
                    chosen[found] = flat
                    found += 1


@kernel()
def sort_by_source(n: int, source: Array, post: Array, at: Array, listed: Array, created: Array) -> None:
    """Sort listed pairs by source; those of one source stay in their order.

    Args:
        n: The number of pairs.
        source: Index of the source of each, int32, shape (n,).
        post: Its target neuron, int32, shape (n,).
        at: Where the pairs of each source begin in the result, and then where they end; int64, shape (sources,).
        listed: Target neurons, sorted, int32, shape (n,).
        created: What place each had, int32, shape (n,).
    """
    for b in range(n):
        i = int(source[b])
        listed[at[i]] = post[b]
        created[at[i]] = b
        at[i] += 1


# the targets of a block: one function for each way to find them, which passes over the runs of other rules


@kernel()
def targets_repeated(
    first: int,
    last: int,
    seed: int,
    mine: Array,
    streams: Array,
    first_ids: Array,
    ids: Array,
    run_rule: Array,
    run_source: Array,
    run_size: Array,
    run_own: Array,
    run_count: Array,
    draws: Array,
    chosen: Array,
    buckets: Array,
    target: Array,
) -> None:
    """Targets drawn with repetition, ascending.

    Args:
        first: First run of the block.
        last: The one after its last.
        seed: Of all connections.
        mine: 1 for a rule that finds targets so, else 0; uint8, shape (rules,).
        streams: Its stream, int64, shape (rules,).
        first_ids: Where its neurons begin in `ids`, int64, shape (rules,).
        ids: Target neurons of all rules, int32.
        run_rule: Rule of each run, int32.
        run_source: Index of its source, int32.
        run_size: Number of its candidates, the one that is left out included; int32.
        run_own: Index of the target that is left out, or -1; int32.
        run_count: Number of its synapses, int32.
        draws: Room to work, float64, shape (the largest of `run_count` + 1,), at least (`DRAWS`,).
        chosen: Room to work, int32, shape (the largest of `run_count`,).
        buckets: Room to work, int32, shape (the largest of `run_count` + 1,).
        target: Target neurons of the block, int32.
    """
    at = 0
    for k in range(first, last):
        rule, n, own = int(run_rule[k]), int(run_count[k]), int(run_own[k])
        if mine[rule] != 0:
            free = int(run_size[k]) - 1 if own >= 0 else int(run_size[k])
            draw(0, (n + 1) >> 1, int(run_source[k]), seed, streams[rule], draws)
            for q in range(n):
                chosen[q] = min(int(draws[q] * float(free)), free - 1)
            ascending(n, free, chosen, buckets, at, target)
            name_targets(n, own, first_ids[rule], ids, at, target)
        at += n


@kernel()
def targets_different(
    first: int,
    last: int,
    seed: int,
    mine: Array,
    streams: Array,
    first_ids: Array,
    ids: Array,
    run_rule: Array,
    run_source: Array,
    run_size: Array,
    run_own: Array,
    run_count: Array,
    draws: Array,
    chosen: Array,
    buckets: Array,
    seen: Array,
    target: Array,
) -> None:
    """Different targets, as `different`.

    The arguments are those of `targets_repeated`, and `seen`, room to work: zeros, before and after, uint8, shape (the
    largest of `run_size`,).
    """
    at = 0
    for k in range(first, last):
        rule, n, own = int(run_rule[k]), int(run_count[k]), int(run_own[k])
        if mine[rule] != 0:
            free = int(run_size[k]) - 1 if own >= 0 else int(run_size[k])
            different(n, free, int(run_source[k]), seed, streams[rule], draws, chosen, buckets, seen, at, target)
            name_targets(n, own, first_ids[rule], ids, at, target)
        at += n


@kernel()
def targets_by_chance(
    first: int,
    last: int,
    seed: int,
    mine: Array,
    streams: Array,
    scales: Array,
    first_ids: Array,
    ids: Array,
    run_rule: Array,
    run_source: Array,
    run_low: Array,
    run_size: Array,
    run_own: Array,
    run_count: Array,
    write: int,
    draws: Array,
    target: Array,
) -> None:
    """Targets with the same probability each, ascending; or only how many there are.

    The arguments are those of `targets_repeated`, and `scales`: 1 / log(1 - p) for the probability p of each rule,
    float64, shape (rules,); `run_low`: index of the first candidate, int32; and `write`: whether targets are written;
    if it is 0, their number becomes `run_count`.
    """
    at = 0
    for k in range(first, last):
        rule, row, own = int(run_rule[k]), int(run_source[k]), int(run_own[k])
        if mine[rule] != 0:
            j = int(run_low[k]) - 1
            size = int(run_size[k])
            high = j + 1 + size
            pair = 0
            n = 0
            while j < high:
                draw_gaps(pair, 16, row, seed, streams[rule], scales[rule], float(size), draws)
                pair += 16
                for b in range(32):
                    j += 1 + int(draws[b])
                    if j >= high:
                        break
                    if j != own:
                        if write != 0:
                            target[at + n] = j
                        n += 1
            if write != 0:
                name_targets(n, -1, first_ids[rule], ids, at, target)
            else:
                run_count[k] = n
        if write != 0:
            at += int(run_count[k])


@kernel()
def targets_all(
    first: int,
    last: int,
    mine: Array,
    first_ids: Array,
    ids: Array,
    run_rule: Array,
    run_low: Array,
    run_own: Array,
    run_count: Array,
    target: Array,
) -> None:
    """All candidates but the one that is left out; the arguments are those of `targets_by_chance`."""
    at = 0
    for k in range(first, last):
        rule, n, low = int(run_rule[k]), int(run_count[k]), int(run_low[k])
        if mine[rule] != 0:
            for q in range(n):
                target[at + q] = low + q
            name_targets(n, int(run_own[k]), first_ids[rule], ids, at, target)
        at += n


@kernel()
def targets_listed(
    first: int,
    last: int,
    mine: Array,
    shifts: Array,
    listed: Array,
    run_rule: Array,
    run_count: Array,
    run_created: Array,
    target: Array,
) -> None:
    """Targets that are known.

    Args:
        first: First run of the block.
        last: The one after its last.
        mine: 1 for a rule whose targets are listed, else 0; uint8, shape (rules,).
        shifts: What leads from `run_created` of a rule to a place in `listed`, int64, shape (rules,).
        listed: Target neurons of all these rules, int32.
        run_rule: Rule of each run, int32.
        run_count: Number of its synapses, int32.
        run_created: Creation number of its first synapse, or, where they are listed too, its place in the list; int64.
        target: Target neurons of the block, int32.
    """
    at = 0
    for k in range(first, last):
        rule, n = int(run_rule[k]), int(run_count[k])
        if mine[rule] != 0:
            begin = run_created[k] + shifts[rule]
            for q in range(n):
                target[at + q] = listed[begin + q]
        at += n


@kernel()
def creation_numbers(
    first: int,
    last: int,
    shuffled: Array,
    first_created: Array,
    listed_created: Array,
    run_rule: Array,
    run_count: Array,
    run_created: Array,
    created: Array,
) -> None:
    """The creation numbers of the synapses of a block.

    Args:
        first: First run of the block.
        last: The one after its last.
        shuffled: 1 for a rule whose creation numbers are listed, else 0; uint8, shape (rules,).
        first_created: Creation number of the first synapse of each rule, int64, shape (rules,).
        listed_created: For listed synapses, the creation number within the rule, int32.
        run_rule: Rule of each run, int32.
        run_count: Number of its synapses, int32.
        run_created: Creation number of its first synapse, or, where they are listed, its place in the list; int64.
        created: The numbers, int64.
    """
    at = 0
    for k in range(first, last):
        rule, n, begin = int(run_rule[k]), int(run_count[k]), run_created[k]
        if shuffled[rule] != 0:
            for q in range(n):
                created[at + q] = first_created[rule] + listed_created[begin + q]
        else:
            for q in range(n):
                created[at + q] = begin + q
        at += n


# places in memory


@kernel()
def count_parts(
    first: int, last: int, sources: int, lengths: Array, part_of: Array, target: Array, counts: Array
) -> None:
    """How many synapses of each source of a block belong to each part of the target group.

    Args:
        first: First source of the block.
        last: The one after its last.
        sources: The number of all sources.
        lengths: Synapses of each source, int64, shape (sources,).
        part_of: Part of each neuron of the target group, uint8.
        target: Target neurons of the block, int32.
        counts: Grows by the numbers, int64, shape (parts * sources,).
    """
    at = 0
    for k in range(first, last):
        for b in range(at, at + lengths[k]):
            counts[int(part_of[target[b]]) * sources + k] += 1
        at += lengths[k]


@kernel()
def order_by_delay(n: int, shortest: int, width: int, delay: Array, at: Array, order: Array) -> None:
    """Sort the synapses of a block by delay; those of one delay stay in their order.

    Args:
        n: Number of synapses of the block.
        shortest: The shortest delay in steps.
        width: How many delays there are from the shortest to the longest.
        delay: Delays in steps, int32.
        at: Room to work, int64, shape (width + 1,) or more.
        order: Which synapse comes when, int32.
    """
    for d in range(width + 1):
        at[d] = 0
    for b in range(n):
        at[int(delay[b]) - shortest + 1] += 1
    for d in range(width):
        at[d + 1] += at[d]
    for b in range(n):
        d = int(delay[b]) - shortest
        order[at[d]] = b
        at[d] += 1


@kernel()
def place_rows(
    first: int,
    last: int,
    sources: int,
    parts: int,
    ordered: int,
    lengths: Array,
    part_of: Array,
    rows: Array,
    target: Array,
    order: Array,
    cell: Array,
    at: Array,
    place: Array,
    post: Array,
) -> None:
    """Where the synapses of a block go, and their targets there: sorted by part, source, delay, and creation.

    Args:
        first: First source of the block.
        last: The one after its last.
        sources: The number of all sources.
        parts: The number of parts of the target group.
        ordered: Whether `order` is read; else synapses stay in the order of the block.
        lengths: Synapses of each source, int64, shape (sources,).
        part_of: Part of each neuron of the target group, uint8; read with several parts.
        rows: Where the synapses of each source begin in each part, int64, shape (parts * (sources + 1),).
        target: Target neurons of the block, int32.
        order: The synapses of the block by delay, int32.
        cell: Room to work, int32, shape (synapses of the block,).
        at: Room to work, int64, shape (parts * sources of the block,) or more.
        place: The place of each synapse of the block among all, int64.
        post: Target neurons by place, uint16 or int32.
    """
    width = last - first
    for p in range(parts):
        for k in range(width):
            at[p * width + k] = rows[p * (sources + 1) + first + k]
    end = 0
    for k in range(width):
        for b in range(end, end + lengths[first + k]):
            cell[b] = k
        end += lengths[first + k]
    if parts > 1:
        for b in range(end):
            cell[b] += int(part_of[target[b]]) * width
    for q in range(end):
        b = int(order[q]) if ordered != 0 else q
        c = int(cell[b])
        place[b] = at[c]
        at[c] += 1
    for b in range(end):
        post[place[b]] = target[b]


@kernel()
def table_delays(
    first: int,
    last: int,
    sources: int,
    parts: int,
    shortest: int,
    width: int,
    lengths: Array,
    part_of: Array,
    target: Array,
    delay: Array,
    starts: Array,
) -> None:
    """Where each delay begins among the synapses of a source in a part.

    The arguments are those of `order_by_delay` and `place_rows`, and `starts`: zeros before; int32, shape
    (parts * sources * (width + 1),).
    """
    end = 0
    for k in range(first, last):
        begin = end
        end += lengths[k]
        for b in range(begin, end):
            p = int(part_of[target[b]]) if parts > 1 else 0
            starts[(p * sources + k) * (width + 1) + int(delay[b]) - shortest + 1] += 1
        for p in range(parts):
            row = (p * sources + k) * (width + 1)
            for d in range(row, row + width):
                starts[d + 1] += starts[d]


@kernel()
def copy_to_places(n: int, place: Array, values: Array, out: Array) -> None:
    """Put values of a block in their places.

    Args:
        n: The number of synapses of the block.
        place: The place of each, int64.
        values: A value for each, of any type.
        out: The values by place, of the same type.
    """
    for b in range(n):
        out[place[b]] = values[b]
