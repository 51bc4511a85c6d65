"""The text of the kernel that makes rows of synapses: partners by rule, and their places in memory.

One text for all networks with the same kinds of rules: sizes and seeds are arguments. The numbers are those of
`network.connect`: the same draws, the same rounding. The kernel carries out one task for a range of sources at a time;
ranges do not see each other, so threads may share them.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

PRELUDE = ""
kernel_text: object = None

DRAWS = 512  # uniform numbers drawn together, so that loops over them are vectorised


class Task(IntEnum):
    """What a call does."""

    SHARE = 0  # `counts`: how many synapses of a fixed total each source gets
    COUNT = 1  # `counts`: how many partners each source of a rule has
    TARGETS = 2  # targets of a range of sources, row by row
    PARTS = 3  # how many of them each part of the target group owns
    PLACE = 4  # from rows as created to rows in memory
    SORT = 5  # listed pairs by source: `at` holds where the synapses of each begin, and then where they end


class Way(IntEnum):
    """How a rule finds the partners of a neuron."""

    REPEATED = 0  # drawn with repetition, ascending
    DIFFERENT = 1  # drawn without repetition, ascending
    CHANCE = 2  # each with the same probability
    EVERY = 3  # all
    SAME = 4  # the one of the same index
    LISTED = 5  # written in a list


class Rule(IntEnum):
    """Columns of the table of rules."""

    WAY = 0
    TARGETS = 1
    SEED = 2
    STREAM = 3
    IDS = 4  # where the rule's targets begin in the list of ids
    SHIFT = 5  # added to a creation number, it is the place in the list of targets
    FIRST = 6  # creation number of the rule's first synapse
    SHUFFLED = 7  # whether creation numbers are listed too
    SOURCES = 8
    NUMBER = 9
    WIDTH = 10


NUMBERS = ("task", "rule", "parts", "width", "shortest", "sources", "started", "numbered", "narrow", "variables")
TABLE = (
    ("numbers", "i64"),
    ("rules", "i64"),
    ("scales", "f64"),
    ("first_run", "i64"),
    ("run_rule", "i32"),
    ("run_source", "i32"),
    ("run_own", "i32"),
    ("run_count", "i32"),
    ("run_created", "i64"),
    ("ids", "i32"),
    ("listed", "i32"),
    ("listed_created", "i32"),
    ("own", "i32"),
    ("counts", "i64"),
    ("part_of", "u8"),
    ("rows", "i64"),
    ("starts", "i32"),
    ("post16", "u16"),
    ("post32", "i32"),
    ("target", "i32"),
    ("created", "i64"),
    ("delay", "i32"),
    ("cell", "i32"),
    ("place", "i64"),
    ("at", "i64"),
    ("draws", "f64"),
    ("chosen", "i32"),
    ("buckets", "i32"),
    ("seen", "u8"),
    ("sizes", "i64"),
)
"""Entries of the pointer table; after them, for each variable, its buffer and its array."""

_FUNCTIONS = {
    "draw": """
@_outline
def draw(out, pair, pairs, row, seed, stream):
    # uniform numbers of a row, from an even position on
    for q in range(pairs):
        x0, x1 = threefry(pair + q, row, seed, stream)
        out[2 * q] = float_of(shift_right(x0, 12) | 0x3FF0000000000000) - 1.0
        out[2 * q + 1] = float_of(shift_right(x1, 12) | 0x3FF0000000000000) - 1.0
""",
    "share": """
@_outline
def share(seed, stream, sources, targets, number, own, counts, draws):
    # the source of each synapse of a fixed total
    missing = number
    pair = 0
    while missing > 0:
        draw(draws, pair, 256, 0, seed, stream)
        pair += 256
        for b in range(512):
            at = draws[b] * float(sources)
            i = min(int(at), sources - 1)
            if missing > 0 and int((at - float(i)) * float(targets)) != own[i]:
                counts[i] += 1
                missing -= 1
""",
    "ascending": """
@_outline
def ascending(n, size, chosen, buckets, out, at):
    # sort uniform indices: into as many buckets as there are, then each to its place
    scale = float(n) / float(size)
    for b in range(n + 1):
        buckets[b] = 0
    for q in range(n):
        buckets[min(int(float(chosen[q]) * scale), n - 1) + 1] += 1
    for b in range(n):
        buckets[b + 1] += buckets[b]
    for q in range(n):
        b = min(int(float(chosen[q]) * scale), n - 1)
        out[at + buckets[b]] = chosen[q]
        buckets[b] += 1
    for q in range(at + 1, at + n):
        j = out[q]
        b = q
        while b > at and out[b - 1] > j:
            out[b] = out[b - 1]
            b -= 1
        out[b] = j
""",
    "repeated": """
@_outline
def repeated(n, size, row, seed, stream, draws, chosen, buckets, out, at):
    draw(draws, 0, (n + 1) >> 1, row, seed, stream)
    for q in range(n):
        chosen[q] = min(int(draws[q] * float(size)), size - 1)
    ascending(n, size, chosen, buckets, out, at)
""",
    "different": """
@_outline
def different(n, size, row, seed, stream, draws, chosen, buckets, seen, out, at):
    few = min(n, size - n)
    found = 0
    pair = 0
    while found < few:
        draw(draws, pair, 32, row, seed, stream)
        pair += 32
        for b in range(64):
            j = min(int(draws[b] * float(size)), size - 1)
            if found < few and seen[j] == 0:
                seen[j] = 1
                chosen[found] = j
                found += 1
    if few == n:
        ascending(n, size, chosen, buckets, out, at)
    else:
        for j in range(size):
            if seen[j] == 0:
                out[at] = j
                at += 1
    for b in range(found):
        seen[chosen[b]] = 0
""",
    "draw_gaps": """
@_outline
def draw_gaps(row, pair, seed, stream, scale, limit, gaps):
    # distances to the next partner: geometric, by the logarithm of a uniform number
    for q in range(32):
        x0, x1 = threefry(pair + q, row, seed, stream)
        u0 = float_of(shift_right(x0, 12) | 0x3FF0000000000000) - 1.0
        u1 = float_of(shift_right(x1, 12) | 0x3FF0000000000000) - 1.0
        g0 = floor(log(1.0 - u0) * scale)
        g1 = floor(log(1.0 - u1) * scale)
        gaps[2 * q] = select(g0 < limit, g0, limit)
        gaps[2 * q + 1] = select(g1 < limit, g1, limit)
""",
    "by_chance": """
@_outline
def by_chance(targets, row, own, seed, stream, scale, gaps, write, out, at):
    j = -1
    pair = 0
    n = 0
    while j < targets:
        draw_gaps(row, pair, seed, stream, scale, float(targets), gaps)
        pair += 32
        for b in range(64):
            j += 1 + int(gaps[b])
            if j >= targets:
                break
            if j != own:
                if write:
                    out[at + n] = j
                n += 1
    return n
""",
    "every": """
@_outline
def every(n, out, at):
    for q in range(n):
        out[at + q] = q
""",
    "copy": """
@_outline
def copy(n, place, buffer, out):
    for b in range(n):
        out[place[b]] = buffer[b]
""",
}
_NEEDS = {
    Way.REPEATED: ("draw", "share", "ascending", "repeated"),
    Way.DIFFERENT: ("draw", "ascending", "different"),
    Way.CHANCE: ("draw_gaps", "by_chance"),
    Way.EVERY: ("every",),
}
_WAYS = {
    Way.REPEATED: "repeated(n, free, row, rules[r + 2], rules[r + 3], draws, chosen, buckets, target, at_row)",
    Way.DIFFERENT: "different(n, free, row, rules[r + 2], rules[r + 3], draws, chosen, buckets, seen, target, at_row)",
    Way.CHANCE: (
        "by_chance(rules[r + 1], row, own_target, rules[r + 2], rules[r + 3], scales[run_rule[k]], draws, True, "
        "target, at_row)"
    ),
    Way.EVERY: "every(n, target, at_row)",
    Way.SAME: "target[at_row] = row",
}
_COUNTING = {
    Way.REPEATED: """    if task == 0:
        r = {columns} * rule
        share(rules[r + 2], rules[r + 3], rules[r + 8], rules[r + 1], rules[r + 9], own, counts, draws)
        return 0
""",
    Way.CHANCE: """    if task == 1:
        r = {columns} * rule
        for i in range(first, first + count):
            counts[i] = by_chance(
                rules[r + 1], i, own[i], rules[r + 2], rules[r + 3], scales[rule], draws, False, target, 0
            )
        return 0
""",
}
_ADVANCE = """
@entry(types.int64(types.int64, types.int64, types.pointer(types.int64)))
def advance(first, count, table):
{table}
{numbers}
{counting}    at_row = 0
    if task == 2:
        for k in range(first_run[first], first_run[first + count]):
            r = {columns} * run_rule[k]
            n = run_count[k]
            way = rules[r]
            if way == 5:
                begin = run_created[k] + rules[r + 5]
                for q in range(n):
                    target[at_row + q] = listed[begin + q]
            else:
                # indices of targets, ascending; `own` is left out of those that are drawn
                own_target = run_own[k]
                free = rules[r + 1] - 1 if own_target >= 0 else rules[r + 1]
                row = run_source[k]
                {ways}
                if own_target >= 0 and way != 2:
                    for q in range(at_row, at_row + n):
                        target[q] += select(target[q] >= own_target, 1, 0)
                begin = rules[r + 4]
                for q in range(at_row, at_row + n):
                    target[q] = ids[begin + target[q]]
            if numbered != 0:
                if rules[r + 7] != 0:
                    for q in range(n):
                        created[at_row + q] = rules[r + 6] + listed_created[run_created[k] + rules[r + 5] + q]
                else:
                    for q in range(n):
                        created[at_row + q] = run_created[k] + q
            at_row += n
        return at_row
    if task == 3:
        for k in range(first, first + count):
            for e in range(first_run[k], first_run[k + 1]):
                for b in range(at_row, at_row + run_count[e]):
                    counts[part_of[target[b]] * sources + k] += 1
                at_row += run_count[e]
        return at_row
    if task == 5:
        for b in range(first, first + count):
            i = target[b]
            listed[at[i]] = delay[b]
            listed_created[at[i]] = b
            at[i] += 1
        return 0
    cells = parts * width
    for k in range(first, first + count):
        end_row = at_row
        for e in range(first_run[k], first_run[k + 1]):
            end_row += run_count[e]
        for c in range(cells):
            at[c] = 0
        if width > 1:
            for b in range(at_row, end_row):
                cell[b] = delay[b] - shortest
        else:
            for b in range(at_row, end_row):
                cell[b] = 0
        if parts > 1:
            for b in range(at_row, end_row):
                cell[b] += part_of[target[b]] * width
        for b in range(at_row, end_row):
            at[cell[b]] += 1
        for p in range(parts):
            begin = rows[p * (sources + 1) + k]
            run = 0
            for d in range(width):
                n = at[p * width + d]
                at[p * width + d] = begin + run
                if started != 0:
                    starts[(p * sources + k) * (width + 1) + d] = run
                run += n
            if started != 0:
                starts[(p * sources + k) * (width + 1) + width] = run
        for b in range(at_row, end_row):
            c = cell[b]
            place[b] = at[c]
            at[c] += 1
        at_row = end_row
    if narrow != 0:
        for b in range(at_row):
            post16[place[b]] = target[b]
    else:
        for b in range(at_row):
            post32[place[b]] = target[b]
    for v in range(variables):
        if sizes[v] == 1:
            copy(at_row, place, u8(table, {entries} + 2 * v), u8(table, {entries} + 2 * v + 1))
        elif sizes[v] == 2:
            copy(at_row, place, u16(table, {entries} + 2 * v), u16(table, {entries} + 2 * v + 1))
        elif sizes[v] == 4:
            copy(at_row, place, i32(table, {entries} + 2 * v), i32(table, {entries} + 2 * v + 1))
        else:
            copy(at_row, place, i64(table, {entries} + 2 * v), i64(table, {entries} + 2 * v + 1))
    return at_row
"""


@lru_cache(maxsize=8)
def rows_text(ways: frozenset[Way]) -> str:
    """The module.

    Args:
        ways: How rules find partners; others than these are left out, as compiling takes time.
    """
    used = sorted(ways - {Way.LISTED})
    needed = {"copy"}.union(*(_NEEDS.get(way, ()) for way in used))
    chain = [f"{'if' if k == 0 else 'elif'} way == {int(way)}:\n" + " " * 20 + _WAYS[way] for k, way in enumerate(used)]
    table = "\n".join(f"    {name} = {cast}(table, {k})" for k, (name, cast) in enumerate(TABLE))
    numbers = "\n".join(f"    {name} = numbers[{k}]" for k, name in enumerate(NUMBERS))
    body = (
        _ADVANCE.replace("{table}", table)
        .replace("{numbers}", numbers)
        .replace("{counting}", "".join(_COUNTING.get(way, "") for way in used))
        .replace("{ways}", ("\n" + " " * 16).join(chain) or "pass")
        .replace("{columns}", str(int(Rule.WIDTH)))
        .replace("{entries}", str(len(TABLE)))
    )
    functions = ["threefry", *(["floor", "log"] if Way.CHANCE in ways else [])]
    return module_text(functions, "\n".join([*(text for name, text in _FUNCTIONS.items() if name in needed), body]))


def module_text(functions: list[str], body: str) -> str:
    """A module of its own: the named functions of the numerics library, the prelude, and a body."""
    future = "from __future__ import annotations\n"
    library = kernel_text(functions).replace(future, "")
    return f"{future}\n{library}\n{PRELUDE}\n{body}"
