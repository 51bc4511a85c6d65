"""Each function of `kernels.connect`, run by Python and compiled, against the simplest thing that gives the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from snnrun.codegen.native import compiled
from snnrun.kernels import connect, functions, random

SEED, STREAM = 7, -(2**62) - 12345
Call = Callable[..., Any]


def by_python(function: Call, **arguments: Any) -> Any:
    with np.errstate(all="ignore"):
        return function(**arguments)


def by_machine(function: Call, **arguments: Any) -> Any:
    return compiled(function)(**arguments)


@pytest.fixture(params=[by_python, by_machine])
def call(request: pytest.FixtureRequest) -> Call:
    """What calls a function of kernels."""
    found: Call = request.param
    return found


def uniform(n: int, row: int, stream: int = STREAM) -> NDArray[np.float64]:
    """The first numbers of a row."""
    with np.errstate(all="ignore"):
        drawn: NDArray[np.float64] = random.uniform(np.arange(n), row, SEED, stream)
    return drawn


def partners_repeated(n: int, size: int, row: int, stream: int = STREAM) -> list[int]:
    return sorted((uniform(n, row, stream) * size).astype(int).tolist())


def partners_different(n: int, size: int, row: int, stream: int = STREAM) -> list[int]:
    few = min(n, size - n)
    drawn = dict.fromkeys((uniform(20 * size, row, stream) * size).astype(int).tolist())
    first = set(list(drawn)[:few])
    return sorted(first if few == n else set(range(size)) - first)


def partners_by_chance(p: float, size: int, row: int, own: int = -1, stream: int = STREAM, low: int = 0) -> list[int]:
    gaps = functions.floor(functions.log(1.0 - uniform(size, row, stream)) * scale_of(p))
    places = low + np.cumsum(np.minimum(gaps, size).astype(int) + 1) - 1
    return [j for j in places.tolist() if j < low + size and j != own]


def scale_of(p: float) -> float:
    return 1.0 / float(functions.log1p(np.float64(-p)))


def room(n: int, size: int) -> dict[str, Any]:
    """Room to work for n partners among as many candidates."""
    return {
        "draws": np.full(max(connect.DRAWS, n + 1), np.nan),
        "chosen": np.full(n, -9, np.int32),
        "buckets": np.full(n + 1, -9, np.int32),
        "seen": np.zeros(size, np.uint8),
    }


def without(names: str, arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: array for name, array in arrays.items() if name not in names.split()}


# draws


@pytest.mark.parametrize(("first", "pairs"), [(0, 1), (3, 17), (0, 0)])
def test_draws_are_the_uniform_numbers_of_a_row(call: Call, first: int, pairs: int) -> None:
    out = np.full(2 * pairs + 1, -1.0)
    call(connect.draw, first=first, pairs=pairs, row=5, seed=SEED, stream=STREAM, out=out)
    assert out.tolist() == [*uniform(2 * (first + pairs), 5)[2 * first :].tolist(), -1.0]


def test_gaps_are_geometric_numbers_and_limited(call: Call) -> None:
    out = np.empty(400)
    call(
        connect.draw_gaps,
        first=0,
        pairs=200,
        row=2,
        seed=SEED,
        stream=STREAM,
        scale=scale_of(0.02),
        limit=90.0,
        out=out,
    )
    expected = np.floor(np.log(1.0 - uniform(400, 2)) / np.log(0.98))
    np.testing.assert_array_equal(out, np.minimum(expected, 90.0))
    assert 30 < np.mean(expected) < 70
    assert np.count_nonzero(out == 90.0) > 10


# partners of one neuron


@pytest.mark.parametrize(("n", "size"), [(0, 5), (1, 1), (40, 7), (60, 1000), (9, 9)])
def test_indices_are_sorted_within_their_place(call: Call, n: int, size: int) -> None:
    chosen = np.random.default_rng(1).integers(0, size, n).astype(np.int32)
    out = np.full(n + 2, -1, np.int32)
    call(connect.ascending, n=n, size=size, chosen=chosen, buckets=np.empty(n + 1, np.int32), begin=1, out=out)
    assert out.tolist() == [-1, *np.sort(chosen).tolist(), -1]


@pytest.mark.parametrize(("n", "size"), [(0, 5), (1, 1), (4, 4), (3, 7), (5, 7), (60, 200), (150, 200)])
def test_different_partners(call: Call, n: int, size: int) -> None:
    out = np.full(n + 2, -1, np.int32)
    arrays = room(n, size)
    call(connect.different, n=n, size=size, row=4, seed=SEED, stream=STREAM, **arrays, begin=1, out=out)
    assert out.tolist() == [-1, *partners_different(n, size, 4), -1]
    assert not arrays["seen"].any()


@pytest.mark.parametrize("own", [-1, 0, 2, 4])
def test_names_of_targets_pass_over_the_one_that_is_left_out(call: Call, own: int) -> None:
    ids = np.array([99, 10, 11, 12, 13, 14], np.int32)
    target = np.array([-1, 0, 1, 2, 3, -1], np.int32)
    call(connect.name_targets, n=4, own=own, first_id=1, ids=ids, begin=1, target=target)
    others = [10 + j for j in range(5) if j != own]
    assert target.tolist() == [-1, *others[:4], -1]


# how many partners


def test_a_total_is_shared_by_drawing_sources(call: Call) -> None:
    number, sources, targets = 700, 9, 4
    own = np.array([-1, 0, 1, 2, 3, -1, -1, 0, 0])
    expected = np.zeros(sources, np.int64)
    for u in uniform(2000, 0).tolist():
        i = int(u * sources)
        if expected.sum() < number and int((u * sources - i) * targets) != own[i]:
            expected[i] += 1
    counts = np.zeros(sources, np.int64)
    draws = np.empty(connect.DRAWS)
    sizes = {"number": number, "sources": sources, "targets": targets}
    call(connect.share, **sizes, seed=SEED, stream=STREAM, own=own, draws=draws, counts=counts)
    assert counts.tolist() == expected.tolist()
    assert counts.sum() == number


def test_partners_by_chance_are_counted_and_found(call: Call) -> None:
    low, size = np.array([0, 3, 20, 7, 0], np.int32), np.array([300, 80, 100, 0, 1], np.int32)
    own = np.array([-1, 4, 60, -1, 0], np.int32)
    expected = [
        partners_by_chance(0.2, n, i, o, low=a)
        for i, (a, n, o) in enumerate(zip(low.tolist(), size.tolist(), own.tolist(), strict=True))
    ]
    runs = {"run_rule": np.zeros(5, np.int32), "run_source": np.arange(5, dtype=np.int32), "run_own": own}
    arguments: dict[str, Any] = {
        "first": 0,
        "last": 5,
        "seed": SEED,
        "mine": np.ones(1, np.uint8),
        "streams": np.array([STREAM]),
        "scales": np.array([scale_of(0.2)]),
        "first_ids": np.array([1]),
        "ids": np.arange(999, 1400, dtype=np.int32),
        **runs,
        "run_low": low,
        "run_size": size,
        "draws": np.empty(connect.DRAWS),
    }
    counts, target = np.full(5, -1, np.int32), np.full(200, -1, np.int32)
    call(connect.targets_by_chance, **arguments, run_count=counts, write=0, target=target)
    assert counts.tolist() == [len(partners) for partners in expected]
    assert np.all(target == -1)
    call(connect.targets_by_chance, **arguments, run_count=counts, write=1, target=target)
    found = [1000 + j for partners in expected for j in partners]
    assert target[: len(found) + 1].tolist() == [*found, -1]


@pytest.mark.parametrize("few", [0, 1, 60, 100])
def test_the_first_different_pairs_drawn(call: Call, few: int) -> None:
    sources, targets = 15, 14
    own = np.array([-1, 0, 3, *([-1] * 12)])
    drawn = dict.fromkeys((uniform(5000, 0) * (sources * targets)).astype(int).tolist())
    possible = [flat for flat in drawn if flat % targets != own[flat // targets]]
    table, chosen = np.full(256, -1), np.full(few + 1, -9)
    sizes = {"few": few, "sources": sources, "targets": targets, "mask": 255}
    draws = np.empty(connect.DRAWS)
    call(connect.different_pairs, **sizes, seed=SEED, stream=STREAM, own=own, draws=draws, table=table, chosen=chosen)
    assert chosen.tolist() == [*possible[:few], -9]


def test_pairs_are_sorted_by_source_and_else_stay_in_order(call: Call) -> None:
    source = np.random.default_rng(2).integers(0, 6, 50).astype(np.int32)
    post = np.random.default_rng(3).integers(0, 90, 50).astype(np.int32)
    counts = np.bincount(source, minlength=6)
    at = np.cumsum(counts) - counts
    listed, created = np.empty(50, np.int32), np.empty(50, np.int32)
    call(connect.sort_by_source, n=50, source=source, post=post, at=at, listed=listed, created=created)
    order = np.argsort(source, kind="stable")
    assert created.tolist() == order.tolist()
    assert listed.tolist() == post[order].tolist()
    assert at.tolist() == np.cumsum(counts).tolist()


# the targets of a block: rules 0 and 2 have the way that is tried, the runs of rule 1 are passed over

RUNS = {  # the block has the runs 1 to 4
    "run_rule": np.array([0, 0, 1, 2, 0, 2], np.int32),
    "run_source": np.array([9, 3, 3, 1, 4, 9], np.int32),
    "run_low": np.zeros(6, np.int32),
    "run_size": np.array([12, 12, 10, 7, 12, 7], np.int32),
    "run_own": np.array([-1, -1, 5, 2, 0, -1], np.int32),
    "run_count": np.array([9, 6, 3, 4, 5, 9], np.int32),
}
SIZES = np.array([12, 10, 7])
STREAMS = np.array([STREAM, 1, 2**61])
FIRST_IDS = np.array([0, 12, 22])
IDS = (100 + 3 * np.arange(29)).astype(np.int32)


def block(call: Call, function: Call, partners: Callable[[int, int, int, int, int], list[int]], **arrays: Any) -> None:
    """Compare the targets of a block; `partners` gives those of (count, size, row, own, rule) as indices."""
    expected: list[int] = []
    for k in range(1, 5):
        rule, row, own, n = (int(RUNS[name][k]) for name in ("run_rule", "run_source", "run_own", "run_count"))
        indices = partners(n, int(SIZES[rule]), row, own, rule)
        expected += [-1] * n if rule == 1 else IDS[FIRST_IDS[rule] + np.array(indices, np.int64)].tolist()
    target = np.full(20, -1, np.int32)
    every = RUNS | {"write": 1, "streams": STREAMS, "first_ids": FIRST_IDS, "ids": IDS, "seed": SEED}
    every |= {"mine": np.array([1, 0, 1], np.uint8), "target": target, "first": 1, "last": 5} | room(9, 12) | arrays
    names = compiled(function).names
    call(function, **{name: every[name] for name in names})
    assert target.tolist() == expected + [-1] * (20 - len(expected))


def passing(indices: list[int], own: int) -> list[int]:
    """Indices among all targets, from those among all but one."""
    return [j + 1 if 0 <= own <= j else j for j in indices]


@pytest.mark.parametrize("counts", [[9, 6, 3, 4, 5, 9], [9, 0, 3, 1, 9, 9]])
def test_a_block_of_targets_with_repetition(call: Call, counts: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RUNS, "run_count", np.array(counts, np.int32))

    def partners(n: int, size: int, row: int, own: int, rule: int) -> list[int]:
        return passing(partners_repeated(n, size - (own >= 0), row, int(STREAMS[rule])), own)

    block(call, connect.targets_repeated, partners)


def test_a_block_of_different_targets(call: Call) -> None:
    def partners(n: int, size: int, row: int, own: int, rule: int) -> list[int]:
        return passing(partners_different(n, size - (own >= 0), row, int(STREAMS[rule])), own)

    block(call, connect.targets_different, partners)


def test_a_block_of_targets_by_chance(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    chances = [0.6, 0.5, 0.3]

    def partners(_n: int, size: int, row: int, own: int, rule: int) -> list[int]:
        return partners_by_chance(chances[rule], size, row, own, int(STREAMS[rule]))

    counts = RUNS["run_count"].copy()
    for k in (1, 3, 4):
        rule = int(RUNS["run_rule"][k])
        counts[k] = len(partners(0, int(SIZES[rule]), int(RUNS["run_source"][k]), int(RUNS["run_own"][k]), rule))
    monkeypatch.setitem(RUNS, "run_count", counts)
    block(call, connect.targets_by_chance, partners, scales=np.array([scale_of(p) for p in chances]))


def test_a_block_of_all_targets(call: Call) -> None:
    def partners(n: int, _size: int, _row: int, own: int, _rule: int) -> list[int]:
        return passing(list(range(n)), own)

    block(call, connect.targets_all, partners)


def test_a_block_of_listed_targets(call: Call) -> None:
    listed = np.arange(100, 160, dtype=np.int32)
    created = np.array([0, 20, 0, 35, 27, 0])
    target = np.full(20, -1, np.int32)
    arrays = {"shifts": np.array([-15, 0, 10]), "listed": listed, "run_created": created, "target": target}
    runs = {name: RUNS[name] for name in ("run_rule", "run_count")}
    call(connect.targets_listed, first=1, last=5, mine=np.array([1, 0, 1], np.uint8), **runs, **arrays)
    expected = [*range(105, 111), -1, -1, -1, *range(145, 149), *range(112, 117), -1, -1]
    assert target.tolist() == expected


def test_creation_numbers_follow_each_other_or_are_listed(call: Call) -> None:
    created = np.full(20, -1)
    runs = {name: RUNS[name] for name in ("run_rule", "run_count")}
    call(
        connect.creation_numbers,
        first=1,
        last=5,
        shuffled=np.array([0, 0, 1], np.uint8),
        first_created=np.array([0, 40, 1000]),
        listed_created=np.arange(10, 0, -1, dtype=np.int32),
        **runs,
        run_created=np.array([0, 7, 41, 3, 20, 0]),
        created=created,
    )
    expected = [*range(7, 13), *range(41, 44), 1007, 1006, 1005, 1004, *range(20, 25), -1, -1]
    assert created.tolist() == expected


# places in memory

LENGTHS = np.array([2, 7, 0, 11, 5])
PART_OF = np.array([0] * 20 + [1] * 20 + [2] * 24, np.uint8)


def synapses(seed: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Targets and delays of sources 1 to 3."""
    drawn = np.random.default_rng(seed)
    n = int(LENGTHS[1:4].sum())
    return drawn.integers(0, 64, n).astype(np.int32), drawn.integers(5, 9, n).astype(np.int32)


def test_synapses_of_each_part_are_counted(call: Call) -> None:
    target, _ = synapses(4)
    counts = np.ones(3 * 5, np.int64)
    sizes = {"first": 1, "last": 4, "sources": 5}
    call(connect.count_parts, **sizes, lengths=LENGTHS, part_of=PART_OF, target=target, counts=counts)
    source = np.repeat([1, 2, 3], LENGTHS[1:4])
    expected = np.ones((3, 5), np.int64)
    np.add.at(expected, (PART_OF[target], source), 1)
    assert counts.reshape(3, 5).tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
@pytest.mark.parametrize(("parts", "width"), [(1, 1), (3, 1), (1, 4), (3, 4)])
def test_places_are_those_of_a_sort_by_part_source_delay_and_creation(
    call: Call, parts: int, width: int, dtype: Any
) -> None:
    target, delay = synapses(5)
    n = len(target)
    part = PART_OF[target] if parts > 1 else np.zeros(n, np.uint8)
    source = np.repeat([1, 2, 3], LENGTHS[1:4])
    steps = delay if width > 1 else np.full(n, 5, np.int32)
    # rows of the block in each part; other sources have two synapses in each
    counts = np.full((parts, 5), 2)
    counts[:, 1:4] = 0
    np.add.at(counts, (part, source), 1)
    ends = np.cumsum(counts).reshape(parts, 5)
    rows = np.concatenate([np.concatenate([[0], ends.ravel()[:-1]]).reshape(parts, 5)[:, :1], ends], axis=1)
    order = np.lexsort((np.arange(n), steps, source, part))
    expected = np.empty(n, np.int64)
    for p in range(parts):
        for k in (1, 2, 3):
            mine = [b for b in order.tolist() if part[b] == p and source[b] == k]
            expected[mine] = rows[p, k] + np.arange(len(mine))
    starts = np.zeros((parts, 5, width + 1), np.int32)
    by_delay = np.full(n, -1, np.int32)
    at = np.empty(max(parts * 3, width + 1), np.int64)
    if width > 1:
        call(connect.order_by_delay, n=n, shortest=5, width=width, delay=delay, at=at, order=by_delay)
        assert by_delay.tolist() == np.argsort(delay, kind="stable").tolist()
    place, post = np.full(n, -1), np.full(int(ends[-1, -1]), 999, dtype)
    block = {"first": 1, "last": 4, "sources": 5, "parts": parts, "lengths": LENGTHS, "part_of": PART_OF}
    call(
        connect.place_rows,
        **block,
        ordered=int(width > 1),
        rows=rows.ravel(),
        target=target,
        order=by_delay,
        cell=np.empty(n, np.int32),
        at=at,
        place=place,
        post=post,
    )
    assert place.tolist() == expected.tolist()
    assert post[place].tolist() == target.tolist()
    assert np.count_nonzero(post == 999) == 4 * parts
    flat = starts.ravel()
    call(connect.table_delays, **block, shortest=5, width=width, target=target, delay=steps, starts=flat)
    for p, k, d in np.ndindex(parts, 3, width + 1):
        assert starts[p, k + 1, d] == np.count_nonzero((part == p) & (source == k + 1) & (steps < 5 + d))
    assert np.all(starts[:, [0, 4]] == 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64, np.float32, np.float64])
def test_values_are_copied_to_their_places(call: Call, dtype: Any) -> None:
    place = np.array([4, 0, 6, 1])
    values = np.array([3, 200, 7, 9, 11]).astype(dtype)
    out = np.full(8, 1, dtype)
    call(connect.copy_to_places, n=4, place=place, values=values, out=out)
    assert out.tolist() == [200, 9, 1, 1, 3, 1, 7, 1]
