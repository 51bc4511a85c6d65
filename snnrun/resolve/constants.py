"""What is known before the groups: constants, functions, `dt` and `duration`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction

from snnrun.equations.ast import Expr, names_in
from snnrun.equations.dag import Kind, kind_of
from snnrun.equations.exact import OPEN
from snnrun.equations.parse import MAX_LEVELS, parse_expression
from snnrun.equations.scope import Typed, UserFunction
from snnrun.errors import ExperimentError, at
from snnrun.resolve.context import MOST_STEPS, TOO_MANY, Context, Path
from snnrun.resolve.names import Names
from snnrun.resolve.repeats import listed, plan_of
from snnrun.spec.nodes import ScalarNode, dotted
from snnrun.units.dimensions import TIME

_WHOLE = 2.0**63  # whole numbers from here on are kept as floating-point numbers


def resolve_constants(context: Context) -> None:
    """Constants in any order; each may use the others."""
    pending = dict.fromkeys(context.experiment.constants)
    for name in context.experiment.constants:
        if name in pending:
            row: list[str] = []
            with context.collecting(f"constants.{name}"):
                try:
                    _resolve_constant(context, name, pending, row)
                finally:
                    for unresolved in (name, *row):
                        pending.pop(unresolved, None)
                    context.failed |= {f"constants.{unresolved}" for unresolved in row}


def _resolve_constant(context: Context, name: str, pending: dict[str, None], row: list[str]) -> None:
    """Resolve a constant, those it uses first.

    Args:
        context: The resolution.
        name: The constant.
        pending: Constants that are not resolved yet.
        row: Constants that wait for this one; after an error those that cannot be resolved.

    Raises:
        ExperimentError: NET104 for a circle, or a row that is too long; NET103 for what is not constant.
    """
    path: Path = ("constants", name)
    if name in row:
        circle = " -> ".join([*row[row.index(name) :], name])
        raise context.error("NET104", f"these constants use each other: {circle}", path)
    if len(row) == MAX_LEVELS:
        raise context.error("NET104", f"more than {MAX_LEVELS} constants use one another in a row", path)
    expr = context.expression(path)
    row.append(name)
    for used in sorted(names_in(expr)):
        if used == name:
            advice = "a unit of this name is meant? write it directly after a number: `10 m`"
            raise at(expr.span, "NET104", f"the constant `{name}` uses itself", advice)
        if used in pending:
            _resolve_constant(context, used, pending, row)
    if name in pending:
        del pending[name]
        typed = context.checker({}, "the constants", missing=_explain).check(expr)
        if typed.exact is None:
            raise at(expr.span, "NET103", f"the constant `{name}` is not constant")
        context.constants[name] = _named(context, name, typed, expr)
    row.pop()


def _explain(name: str) -> str | None:
    if name in ("t", "i", "j", "v"):
        return f"`{name}` changes during the run; constants may use constants only"
    if "." in name:
        return "values of arrays are known after the constants; use them in `groups` and `run`"
    return None


def _named(context: Context, name: str, typed: Typed, expr: Expr) -> Typed:
    try:
        value = value_of(typed)
    except OverflowError:
        raise at(expr.span, "EQ210", "this constant is too large (over 1e308)") from None
    if name in context.open:
        return Typed(context.graph.parameter(name, kind_of(value)), typed.dimension, OPEN)
    value = float(value) if ("constants", name) in context.floats else value
    named = Typed(context.graph.constant(name, value), typed.dimension, typed.exact)
    context.uses.define(("constants", name), named)
    return named


def own_constants(context: Context, owner: Path, symbols: Mapping[str, Typed]) -> dict[str, Typed]:
    """The constants of a group or synapses object; each may use those before it.

    Args:
        context: The resolution.
        owner: The object.
        symbols: Other names that they may use.

    Raises:
        ExperimentError: NET103 for what is not constant; EQ209 for a parameter of a model in another dimension.
    """
    found = context.own_constants[owner] = {}
    names = Names(found, symbols)
    for name in context.document.keys((*owner, "constants")):
        path = (*owner, "constants", name)
        expr = context.expression(path)
        typed = context.checker(names, f"constant `{name}`", missing=_explain).check(expr)
        if typed.exact is None:
            raise at(expr.span, "NET103", f"constant `{name}` changes during the run")
        _must_be_parameter(context, path, names, typed)
        node = context.graph.constant(".".join((*map(str, owner), name)), typed.value)
        found[name] = Typed(node, typed.dimension, typed.exact)
        context.uses.define(path, found[name])
    return found


def _must_be_parameter(context: Context, path: Path, symbols: Mapping[str, Typed], typed: Typed) -> None:
    """Compare a constant with what the model of its object has for it."""
    document, name = context.document, str(path[-1])
    parameter = document.parameters.get(path)
    if parameter is None:
        return
    default, model = parameter.default, parameter.model
    if document.find(path) is default:
        if name in context.constants:
            advice = f"give `{dotted(path[:-1])}` the line `{name}: {name}` if it is meant, or rename one of them"
            value = f"the `{default.literal}` of the model `{model}`"
            message = f"`{name}` of `{path[1]}` is {value}, not the constant of the file"
            context.report.warn("NET231", message, document.key_span(path[:2]), advice)
        return
    usual = context.checker(symbols, f"constant `{name}`").check(parse_expression(default.text)).dimension
    if not typed.fits(usual):
        message = f"`{name}` of the model `{model}` is {usual.describe()}, this is {typed.dimension.describe()}"
        raise context.error("EQ209", message, path, f"the model has `{default.literal}` unless it is given")


def value_of(typed: Typed) -> float:
    """A constant as graphs hold it: an int where it is computed from whole numbers and is one.

    Raises:
        OverflowError: It is too large.
    """
    number = typed.value
    whole = typed.node.kind is Kind.INT and number.is_integer() and abs(number) < _WHOLE
    return int(typed.exact) if whole else number  # type: ignore[arg-type] # a constant has a value


def some_become_floats(context: Context) -> bool:
    """Whether a constant is a whole number that a phase sets to one that is not; it then never counts as whole."""
    found: set[Path] = set()
    for place, phase in listed(context.experiment.run.phases):
        measured = [name for name in phase.at_end or {} if name in context.constants]
        found |= {("constants", n) for n in measured if context.constants[n].node.kind is Kind.INT}
        for name in phase.set or {}:
            path: Path = (*place, "set", name)
            whole = name in context.constants and context.constants[name].node.kind is Kind.INT
            if whole and isinstance(context.document.node(path), ScalarNode):
                with suppress(ExperimentError):  # reported where the phase is read
                    typed = context.checker({}, "a phase").check(context.expression(path))
                    if typed.node.kind is Kind.FLOAT:
                        found.add(("constants", name))
    context.floats |= found
    return bool(found)


def resolve_functions(context: Context) -> None:
    """Functions of the file; their bodies are checked where they are called."""
    for signature in context.experiment.functions:
        name, _, rest = signature.partition("(")
        name, parameters = name.strip(), tuple(p.strip() for p in rest.rstrip(") ").split(",") if p.strip())
        with context.collecting(f"functions.{name}"):
            body = parse_expression(context.text(("functions", signature)))
            context.functions[name] = UserFunction(name, parameters, body)


def resolve_step(context: Context) -> None:
    """The time step, known to expressions as `dt`."""
    path: Path = ("run", "dt")
    with context.collecting():
        context.dt = context.constant(path, TIME, "`dt`")
        if not (context.dt > 0 and math.isfinite(context.dt)):
            raise context.error("NET105", f"`dt` must be positive, this is {context.dt:g} s", path)
        exact = context.checker({}, "`dt`").check(context.expression(path)).exact
        node = context.graph.constant("dt", context.dt)
        context.constants["dt"] = Typed(node, TIME, exact if exact is not None else Fraction(context.dt))


def resolve_duration(context: Context) -> int:
    """The number of steps of the run, whose length expressions know as `duration`.

    Raises:
        ExperimentError: NET102 for a length that is not a positive number of steps; NET106 for none, or two.
    """
    run = context.experiment.run
    if run.phases is not None:
        if run.duration is not None:
            advice = "the phases have their own durations"
            raise context.key_error("NET106", "the run has `phases` and a `duration`", ("run", "duration"), advice)
        value, steps = Fraction(0), 0
        for place, times in Counter(part.path for part in context.once(plan_of).parts).items():
            path: Path = (*place, "duration")
            value, steps = value + times * _length(context, path), steps + times * phase_steps(context, place)
            if steps > MOST_STEPS:
                raise context.error("NET102", f"up to here the phases have {steps:.3g} steps, {TOO_MANY}", path)
    elif run.duration is not None:
        path = ("run", "duration")
        value, steps = _length(context, path), context.steps(path, "`duration`", 1)
    else:
        raise context.key_error("NET106", "the run has no `duration`", ("run",), "add `duration: 1 s`")
    context.constants["duration"] = Typed(context.graph.constant("duration", float(value)), TIME, value)
    return steps


def _length(context: Context, path: Path) -> Fraction:
    exact = context.checker({}, "`duration`").value(context.expression(path), TIME, "`duration`").exact
    return Fraction(exact) if exact is not None and math.isfinite(exact) else Fraction(0)


def phase_steps(context: Context, place: Path) -> int:
    """The number of steps of a phase of the file."""
    return context.steps((*place, "duration"), "`duration`", 1)
