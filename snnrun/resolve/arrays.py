"""The `arrays` section: values over time, from the file itself, from files of numbers, from pictures."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from snnrun.equations.dag import Kind, Lookup, Op, Variable
from snnrun.equations.scope import ArrayFunction, Typed, must_be_number
from snnrun.errors import at
from snnrun.files.npy import Unreadable
from snnrun.model.evaluate import evaluate, full, indices
from snnrun.model.network import FloatArray, TimedArray
from snnrun.resolve.context import MOST_STEPS, TOO_MANY, Context, Path, environment_of, exact_int
from snnrun.resolve.files import find_file, picture_of, reading
from snnrun.resolve.series import read_series
from snnrun.resolve.tables import finite_numbers, in_units, read_numbers, read_table, unit_in, unit_of
from snnrun.spec.models import FileArray, FormulaArray, FramesArray, ImageArray, ValuesArray
from snnrun.spec.nodes import ListNode
from snnrun.units.dimensions import ONE, TIME, Dimension
from snnrun.units.quantities import format_quantity

MOST = 10**8
"""Values that a formula may give."""

LATEST = 1e15
"""Seconds: of the times of an array, far beyond any run."""


def resolve_arrays(context: Context) -> None:
    """Read all arrays into the context, and make `name(t)`, `name.rows`, `name.columns`, `name.duration` known."""
    for name, model in context.experiment.arrays.items():
        with context.collecting(f"arrays.{name}"):
            path: Path = ("arrays", name)
            if isinstance(model, FramesArray):
                from snnrun.resolve.stimuli import read_stimuli  # noqa: PLC0415 - few files have stimuli

                array = read_stimuli(context, path, model)
            else:
                array = _Array(context, path).read(model)
            context.arrays[name] = array
            columns = array.values.shape[1] if array.values.ndim == 2 else None
            lookup = Lookup(name, array.times is None, array.linear)
            context.array_functions[name] = ArrayFunction(name, array.dimension, columns, lookup)
            _publish(context, array, columns)


def _publish(context: Context, array: TimedArray, columns: int | None) -> None:
    g = context.graph
    shown = array.presentations
    rows, number = ("rows", len(array.values)) if shown is None else ("frames", len(shown.starts))
    facts = {rows: exact_int(g, f"{array.name}.{rows}", number)}
    if columns is not None:
        facts["columns"] = exact_int(g, f"{array.name}.columns", columns)
    if shown is not None:
        step = Fraction(context.dt).limit_denominator(10**15)
        lengths = {
            "duration": step * shown.period * number,
            "each": step * int(shown.stops[0]),
            "pause": step * shown.pause,
        }
    elif array.dt:
        dt = _exact(array.dt)
        lengths = {"duration": dt * len(array.values), "dt": dt}
    else:
        assert array.times is not None
        lengths = {"duration": _exact(array.times[-1])}
    for name, value in lengths.items():
        facts[name] = Typed(g.constant(f"{array.name}.{name}", float(value)), TIME, value)
    for name, fact in facts.items():
        context.constants[f"{array.name}.{name}"] = fact
        context.uses.define(("arrays", array.name), fact)


def _exact(time: float) -> Fraction:
    return Fraction(time).limit_denominator(10**12)


class _Array:
    def __init__(self, context: Context, path: Path) -> None:
        self.context = context
        self.path = path
        self.name = str(path[-1])

    def read(self, model: ValuesArray | FileArray | ImageArray | FormulaArray) -> TimedArray:
        times: FloatArray | None = None
        if isinstance(model, ValuesArray):
            values, dimension = self.written()
            if model.times is not None:
                times, _ = read_series(self.context, (*self.path, "times"), TIME, f"a time of array `{self.name}`")
        elif isinstance(model, FormulaArray):
            values, dimension = self.computed()
        else:
            if isinstance(model, ImageArray):
                values, own = self.picture(model), None
            elif model.time_column is not None:
                times, values, own = self.columns(model)
            else:
                values, own = self.numbers(model)
            values, dimension = in_units(self.context, self.path, values, own)
        if not np.all(np.isfinite(values)):
            raise self.context.error("NET151", f"array `{self.name}` holds values that are not finite", self.path)
        dt = self.checked_times(times, len(values)) if times is not None else self.entry_length()
        linear = not isinstance(model, ImageArray) and model.between == "linear"
        if linear and times is None:
            times = dt * np.arange(len(values), dtype=np.float64)
        with np.errstate(over="ignore"):
            wide = linear and not np.all(np.isfinite(np.diff(values, axis=0)))
        if wide:
            message = f"values of array `{self.name}` are too far apart for a line between them"
            raise self.context.error("NET151", message, self.path)
        return TimedArray(self.name, np.ascontiguousarray(values), dt, dimension, times, linear)

    def checked_times(self, times: FloatArray, count: int) -> float:
        """Refuse times that are not those of `count` entries."""
        here = (*self.path, "times" if self.context.document.has((*self.path, "times")) else "time_column")
        if self.context.document.has((*self.path, "dt")):
            message = f"array `{self.name}` has times: `dt` would contradict them"
            raise self.context.key_error("NET150", message, (*self.path, "dt"), "leave `dt` out")
        if len(times) != count:
            raise self.context.error("NET150", f"there are {len(times)} times and {count} values", here)
        if not np.all(np.abs(times) < LATEST):
            message = f"the times of array `{self.name}` must be finite, and within {LATEST:g} s"
            raise self.context.error("NET150", message, here)
        late = np.flatnonzero(np.diff(times) <= 0)
        if len(late):
            k = int(late[0])
            first, second = (format_quantity(float(t), TIME) for t in times[k : k + 2])
            message = f"the times of array `{self.name}` must ascend: {second} stands after {first}"
            item = (*here, k + 1)
            raise self.context.error("NET150", message, item if self.context.document.has(item) else here)
        return 0.0

    def entry_length(self) -> float:
        path = (*self.path, "dt")
        if not self.context.document.has(path):
            advice = "add `dt: 1 ms`, or the time of each entry: `times: [...]`, `time_column` of a table"
            message = f"array `{self.name}` needs `dt`, the length of one entry"
            raise self.context.key_error("NET150", message, self.path, advice)
        value = self.context.constant(path, TIME, f"`dt` of array `{self.name}`")
        if value <= 0 or not math.isfinite(value):
            raise self.context.error("NET150", f"`dt` of array `{self.name}` must be positive", path)
        steps = value / self.context.dt
        if steps > MOST_STEPS:
            message = f"one entry of `{self.name}` ({value:g} s) is too long: {steps:.3g} steps, {TOO_MANY}"
            raise self.context.error("NET150", message, path)
        if abs(steps - round(steps)) > 1e-6 * max(1.0, steps * 1e-3) or round(steps) < 1:
            raise self.context.error(
                "NET152",
                f"one entry of `{self.name}` ({value:g} s) is not a whole number of steps ({self.context.dt:g} s)",
                path,
                "choose dt of the array as a multiple of run.dt",
            )
        return value

    def written(self) -> tuple[FloatArray, Dimension]:
        scale, given = unit_in(self.context, (*self.path, "unit"), (*self.path, "values"), None)
        path = (*self.path, "values")
        node = self.context.document.node(path)
        nested = [isinstance(item, ListNode) for item in node.items] if isinstance(node, ListNode) else []
        if any(nested) and not all(nested):
            raise self.context.error("NET151", "the values are partly lists and partly numbers", path)
        if not any(nested):
            values, own = self.row(path)
        else:
            rows = [self.row((*path, k)) for k in range(len(nested))]
            if len({len(r) for r, _ in rows}) > 1:
                raise self.context.error("NET151", "all rows must have the same number of values", path)
            values, own = np.stack([r for r, _ in rows]), rows[0][1]
        if self.context.document.has((*self.path, "unit")):
            if not own.is_one:
                raise self.context.error(
                    "NET151", "the values have units already: leave out `unit`", (*self.path, "unit")
                )
            return values * scale, ONE if given is None else given
        return values, own

    def computed(self) -> tuple[FloatArray, Dimension]:
        """The values of a formula, shape (entries,) or (entries, columns)."""
        context, entry = self.context, self.entry_length()
        what = f"`duration` of array `{self.name}`"
        at_end = context.expression((*self.path, "duration"))
        steps, each = context.steps_of(at_end, what, 1), round(entry / context.dt)
        if steps % each:
            raise at(at_end.span, "NET152", f"{what} is not a whole number of entries of {entry:g} s")
        rows = steps // each
        wide = context.document.has((*self.path, "columns"))
        columns = context.integer((*self.path, "columns"), f"`columns` of array `{self.name}`", 1) if wide else 1
        if rows * columns > MOST:
            message = f"array `{self.name}` would have {rows * columns:.3g} values, at most {MOST:.0e} are taken"
            raise context.error("NET151", message, (*self.path, "columns" if wide else "duration"))
        g, owner = context.graph, f"arrays.{self.name}"
        time, column = Typed(g.variable(Variable(owner, "t")), TIME), Typed(g.node(Op.INDEX, (), Kind.INT, "own"), ONE)
        draw = context.draws(owner, "input")
        checker = context.checker({"t": time} | ({"i": column} if wide else {}), f"array `{self.name}`", draw=draw)
        formula = context.expression((*self.path, "formula"))
        typed = checker.check(formula)
        must_be_number(typed, formula.span)
        cells = indices(rows * columns)
        env = environment_of(context, cells % columns, cells, lambda _: (cells // columns) * entry)
        with np.errstate(all="ignore"):
            values = np.asarray(full(evaluate(typed.node, env), len(cells), np.float64))
        return values.reshape(rows, columns) if wide else values, typed.dimension

    def row(self, path: Path) -> tuple[FloatArray, Dimension]:
        return read_series(self.context, path, None, f"a value of array `{self.name}`")

    def picture(self, model: ImageArray) -> FloatArray:
        path = (*self.path, "image")
        file = find_file(self.context, path)
        with reading(self.context, path):
            values = picture_of(file, model)
        if values.ndim == 3:
            return values.reshape(len(values), -1)
        return self.turned(values, transpose=model.transpose, axis=model.time_axis)

    def numbers(self, model: FileArray) -> tuple[FloatArray, str | None]:
        found, own = read_numbers(self.context, self.path)
        values = np.atleast_1d(found)
        if values.ndim > 2:
            values = values.reshape(len(values), -1)
        return self.turned(values, transpose=model.transpose, axis=model.time_axis), own

    def columns(self, model: FileArray) -> tuple[FloatArray, FloatArray, str | None]:
        """The times of a table, its values, and the unit that the file says all of its numbers are in."""
        table = read_table(self.context, self.path)
        at_file = (*self.path, "file")
        with reading(self.context, at_file):
            chosen = str(model.time_column)
            times = finite_numbers(table.column(chosen), f"the times in `{chosen}`")
            names = [n for n in table.columns if n != chosen] if model.column is None else [str(model.column)]
            if not names or names == [chosen]:
                raise Unreadable(f"it has no column of values beside `{chosen}`")
            columns = [finite_numbers(table.column(name), f"the values in `{name}`") for name in names]
        what = f"the time of array `{self.name}`"
        scale = unit_of(self.context, (*self.path, "time_unit"), TIME, what, at_file, table.unit)
        return times * scale, columns[0] if len(columns) == 1 else np.stack(columns, axis=1), table.unit

    def turned(self, values: FloatArray, *, transpose: bool, axis: str) -> FloatArray:
        if values.ndim == 2 and (transpose != (axis == "columns")):
            return values.T
        return values
