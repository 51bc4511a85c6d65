"""Records are the standard library's frozen dataclasses in all that a program can see, but cheap to define."""

import copy
import dataclasses
import pickle

import pytest

from snnrun.records import dataclass as record


class _Spot:
    """A place."""

    x: int
    y: float = 2.0
    tags: list[str] = dataclasses.field(default_factory=list)
    note: str = dataclasses.field(default="", compare=False, repr=False)


class _Sum:
    """Two numbers and what they make."""

    a: int
    b: int
    total: int = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self):
        if self.b < 0:
            raise ValueError("b < 0")
        object.__setattr__(self, "total", self.a + self.b)


class _Nothing:
    """No fields."""


class _Odd:
    """Its own equality, hash and text."""

    x: int

    def __eq__(self, other):
        return isinstance(other, _Odd) and self.x % 2 == other.x % 2

    def __hash__(self):
        return self.x % 2

    def __repr__(self):
        return f"odd {self.x}"


PLAIN = (_Spot, _Sum, _Nothing, _Odd)


def twins(plain, **options):
    """The record and the standard dataclass of the same class body."""
    body = {k: v for k, v in vars(plain).items() if k not in ("__dict__", "__weakref__")}
    return tuple(
        make(slots=True, **options)(type(plain.__name__, (), dict(body))) for make in (record, dataclasses.dataclass)
    )


def seen(action):
    """What an action gives or raises."""
    try:
        return action()
    except Exception as error:  # noqa: BLE001
        return type(error)


CALLS = [
    ((1,), {}),
    ((1, 3.0), {}),
    ((), {"x": 1}),
    ((1,), {"tags": ["a"]}),
    ((1, 2.0, ["a"], "n"), {}),
    ((1,), {"note": "n", "y": 0.5}),
    ((), {}),
    ((1,), {"x": 1}),
    ((1,), {"z": 1}),
    ((1, 2.0, [], "", 5), {}),
]


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize(("args", "named"), CALLS, ids=str)
def test_arguments_and_defaults_are_taken_as_the_standard_ones(args, named, frozen):
    ours, standard = (
        seen(lambda cls=cls: dataclasses.asdict(cls(*args, **named))) for cls in twins(_Spot, frozen=frozen)
    )
    assert ours == standard
    assert isinstance(ours, dict) or ours is TypeError


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("eq", [True, False])
@pytest.mark.parametrize(
    "action",
    [
        lambda cls: repr(cls(1)).split(".")[-1],
        lambda cls: cls(1) == cls(1),
        lambda cls: cls(1, note="a") == cls(1, note="b"),
        lambda cls: cls(1) == cls(2),
        lambda cls: cls(1) != 1,
        lambda cls: len({hash(one) for one in (cls(1, tags=()), cls(1, tags=()))}),  # both alive: other addresses
        lambda cls: hash(cls(1, tags=())) == hash((1, 2.0, ())),
        lambda cls: cls.__match_args__,
        lambda cls: cls.__slots__,
        lambda cls: [(f.name, f.type) for f in dataclasses.fields(cls)],
        lambda cls: dataclasses.replace(cls(1), y=3.0).y,
        lambda cls: dataclasses.replace(cls(1), z=3.0),
        lambda cls: copy.deepcopy(cls(1, tags=["a"])).tags,
        lambda cls: setattr(cls(1), "x", 2),
        lambda cls: delattr(cls(1), "x"),
        lambda cls: cls(1).tags is cls(1).tags,
    ],
)
def test_instances_behave_as_standard_ones(action, frozen, eq):
    ours, standard = (seen(lambda cls=cls: action(cls)) for cls in twins(_Spot, frozen=frozen, eq=eq))
    assert ours == standard


@pytest.mark.parametrize(
    "action",
    [
        lambda cls: (cls(1, 2).total, repr(cls(1, 2))),
        lambda cls: cls(1, -1),
        lambda cls: dataclasses.replace(cls(1, 2), b=5).total,
        lambda cls: copy.deepcopy(cls(1, 2)).total,
        lambda cls: hash(cls(1, 2)) == hash((1, 2)),
    ],
)
def test_values_computed_after_the_start_are_kept(action):
    ours, standard = (seen(lambda cls=cls: action(cls)) for cls in twins(_Sum, frozen=True))
    assert ours == standard


def test_methods_that_a_class_writes_itself_stay():
    for cls in twins(_Odd, frozen=True):
        assert (repr(cls(3)), hash(cls(3))) == ("odd 3", 1)
    for cls in twins(_Nothing, frozen=True):
        assert cls() == cls()
        assert hash(cls()) == hash(())


@record(frozen=True, slots=True)
class Outer:
    """With a subclass."""

    a: int


@record(frozen=True, slots=True)
class Inner(Outer):
    """One field more."""

    b: int = 2


def test_subclasses_add_fields():
    assert repr(Inner(1)) == "Inner(a=1, b=2)"
    assert Inner(1) != Outer(1)
    assert Inner(a=1, b=3) == Inner(1, 3)
    match Inner(5, 6):
        case Inner(a, b):
            assert (a, b) == (5, 6)


def test_records_travel_between_processes():
    assert pickle.loads(pickle.dumps(Inner(1, 3))) == Inner(1, 3)


def test_a_field_of_an_unknown_kind_is_refused():
    class Wrong:
        """A keyword."""

        x: int = dataclasses.field(kw_only=True)

    with pytest.raises(TypeError, match="kind that records do not know"):
        record(slots=True)(Wrong)
