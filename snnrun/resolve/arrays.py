"""The `arrays` section: values that change in steps, from the file itself, from files of numbers, from pictures."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from snnrun.equations.scope import ArrayFunction, Typed
from snnrun.model.network import FloatArray, TimedArray
from snnrun.resolve.context import MOST_STEPS, TOO_MANY, Context, Path, exact_int, known
from snnrun.resolve.files import find_file, read_picture, reading
from snnrun.resolve.series import read_series
from snnrun.resolve.tables import read_numbers, unit_in
from snnrun.spec.models import FileArray, ImageArray, ValuesArray
from snnrun.spec.nodes import ListNode
from snnrun.units.dimensions import ONE, TIME, Dimension


def resolve_arrays(context: Context) -> None:
    """Read all arrays into the context, and make `name(t)`, `name.rows`, `name.columns`, `name.duration` known."""
    for name, model in context.experiment.arrays.items():
        with context.collecting(f"arrays.{name}"):
            array = _Array(context, ("arrays", name)).read(model)
            context.arrays[name] = array
            columns = array.values.shape[1] if array.values.ndim == 2 else None
            context.array_functions[name] = ArrayFunction(name, array.dimension, columns)
            _publish(context, array, columns)


def _publish(context: Context, array: TimedArray, columns: int | None) -> None:
    g = context.graph
    facts = {"rows": exact_int(g, f"{array.name}.rows", len(array.values))}
    if columns is not None:
        facts["columns"] = exact_int(g, f"{array.name}.columns", columns)
    length = Fraction(array.dt).limit_denominator(10**12) * len(array.values)
    for name, value in (("duration", length), ("dt", Fraction(array.dt).limit_denominator(10**12))):
        facts[name] = Typed(g.constant(f"{array.name}.{name}", float(value)), TIME, value)
    for name, fact in facts.items():
        context.constants[f"{array.name}.{name}"] = fact
        context.uses.define(("arrays", array.name), fact)


class _Array:
    def __init__(self, context: Context, path: Path) -> None:
        self.context = context
        self.path = path
        self.name = str(path[-1])

    def read(self, model: ValuesArray | FileArray | ImageArray) -> TimedArray:
        dt = self.bin_length()
        if isinstance(model, ValuesArray):
            values, dimension = self.written()
        else:
            values, own = (self.picture(model), None) if isinstance(model, ImageArray) else self.numbers(model)
            values, dimension = self.in_units(values, own)
        if not np.all(np.isfinite(values)):
            raise self.context.error("NET151", f"array `{self.name}` holds values that are not finite", self.path)
        return TimedArray(self.name, np.ascontiguousarray(values), dt, dimension)

    def bin_length(self) -> float:
        path = (*self.path, "dt")
        if not self.context.document.has(path):
            raise self.context.key_error(
                "NET150", f"array `{self.name}` needs `dt`, the length of one entry", self.path
            )
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

    def unit(self, own: str | None = None) -> tuple[float, Dimension]:
        scale, dimension = unit_in(self.context, (*self.path, "unit"), (*self.path, "file"), own)
        return scale, ONE if dimension is None else dimension

    def written(self) -> tuple[FloatArray, Dimension]:
        scale, dimension = self.unit()
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
            return values * scale, dimension
        return values, own

    def row(self, path: Path) -> tuple[FloatArray, Dimension]:
        return read_series(self.context, path, None, f"a value of array `{self.name}`")

    def picture(self, model: ImageArray) -> FloatArray:
        path = (*self.path, "image")
        file = find_file(self.context, path)
        size = (model.resize[0], model.resize[1]) if model.resize else None
        with reading(self.context, path):
            values = read_picture(file, model.channel, size)
        if model.invert:
            values = 1.0 - values
        if model.flip in ("vertical", "both"):
            values = values[..., ::-1, :]
        if model.flip in ("horizontal", "both"):
            values = values[..., :, ::-1]
        if values.ndim == 3:
            return values.reshape(len(values), -1)
        return self.turned(values, transpose=model.transpose, axis=model.time_axis)

    def numbers(self, model: FileArray) -> tuple[FloatArray, str | None]:
        found, own = read_numbers(self.context, self.path)
        values = np.atleast_1d(found)
        if values.ndim > 2:
            values = values.reshape(len(values), -1)
        return self.turned(values, transpose=model.transpose, axis=model.time_axis), own

    def turned(self, values: FloatArray, *, transpose: bool, axis: str) -> FloatArray:
        if values.ndim == 2 and (transpose != (axis == "columns")):
            return values.T
        return values

    def in_units(self, values: FloatArray, own: str | None) -> tuple[FloatArray, Dimension]:
        scale, dimension = self.unit(own)
        path = (*self.path, "scale")
        if self.context.document.has(path):
            expr = self.context.expression(path)
            typed = self.context.checker({}, f"`scale` of array `{self.name}`").check(expr)
            scale *= known(typed, expr.span, "`scale`")
            dimension = dimension * typed.dimension
        return values * scale, dimension
