"""The `sweep` section of an experiment as a grid of points, checked before the first one runs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from snnrun.errors import did_you_mean
from snnrun.resolve.context import Context, Path
from snnrun.resolve.repeats import plan_of
from snnrun.resolve.settings import is_replaced_at_start
from snnrun.resolve.unused import definition_of, used_definitions
from snnrun.results.layout import MOST_POINTS
from snnrun.source import Text
from snnrun.spec.models import CallOperation, Repeat, Sample, SampleMethod, Sweep
from snnrun.spec.nodes import MapNode, ScalarNode
from snnrun.sweep.identity import PointSeeds
from snnrun.sweep.listed import listed_points
from snnrun.sweep.parameters import Budget, ParameterReader, path_text
from snnrun.sweep.points import SEED, GridAxis, Index, Plan, Values, seeds
from snnrun.sweep.sample import MOST_SOBOL, design

_WORD = re.compile(r"[^\W\d]\w*")


def plan_sweep(context: Context, sweep: Sweep) -> Plan:
    """The points of a `sweep` section.

    Raises:
        ExperimentError: SWP701 to SWP710, SWP717 or SWP719, each at its place in the file.
    """
    shared = _shared_phase(context, sweep)
    budget = Budget(context)
    makers: list[Callable[[], GridAxis]] = []
    makers += [partial(_single, budget, name, axis) for name, axis in (sweep.axes or {}).items()]
    makers += [partial(_zipped, budget, sweep)] if sweep.zip else []
    makers += [partial(listed_points, budget, sweep.points)] if sweep.points is not None else []
    makers += [partial(_sampled, budget, sweep.sample)] if sweep.sample is not None else []
    repeat = sweep.repetitions
    makers += [partial(_repeated, budget, repeat)] if repeat.num > 1 else []
    axes: list[GridAxis] = []
    for make in makers:
        with context.collecting():
            axes.append(make())
    seed_of = None
    with context.collecting():
        seed_of = _seeds(context, axes) if repeat.seeds == "each" else None
    context.report.stop_if_errors()
    if not axes:
        raise context.key_error("SWP701", "the sweep changes nothing", ("sweep",), "add `axes: {name: [values]}`")
    _refuse_twice(context, axes)
    _refuse_columns(context, axes, {"seed"} if seed_of is not None else set())
    _refuse_unused(context, axes)
    _refuse_dependent(context, axes)
    number = math.prod(a.length for a in axes)
    if number > MOST_POINTS:
        raise context.key_error("SWP702", f"the sweep has {number:,} points; {MOST_POINTS:,} are allowed", ("sweep",))
    return Plan(tuple(axes), _keeps_results(context, sweep), shared, seed_of)


def _keeps_results(context: Context, sweep: Sweep) -> bool:
    """Whether each point keeps a folder of its own."""
    keep = context.document.has(("sweep", "keep"))
    keep_results = sweep.keep == "results" if keep else not context.experiment.metrics
    if context.experiment.run.save_state and not keep_results:
        message = "the points of this sweep keep metrics only, no state"
        raise context.key_error("SWP710", message, ("run", "save_state"), "add `keep: results` to the sweep")
    return keep_results


def _refuse_twice(context: Context, axes: list[GridAxis]) -> None:
    """Refuse two parameters that are the same value of the file, or part of one another.

    Raises:
        ExperimentError: SWP709.
    """
    seen: dict[Path, str] = {}
    above: dict[Path, str] = {}  # what holds a part that is swept, with the name of that
    for axis in axes:
        for parameter in axis.parameters:
            place = parameter.place
            heads = [place[:k] for k in range(1, len(place) + 1)]
            other = next((seen[head] for head in heads if head in seen), above.get(place))
            if other is not None:
                ours = axis.name if axis.is_repetition else parameter.name
                if place not in seen:
                    what = f"`{other}` and `{ours}` change the same part of the file"
                else:
                    what = f"`{ours}` is swept twice" if ours == other else f"`{other}` and `{ours}` are the same value"
                path = parameter.named
                raise context.key_error("SWP709", what, path, "keep one of them; `zip` changes several together")
            seen[place] = parameter.name
            above |= dict.fromkeys(heads[:-1], parameter.name)


def _refuse_unused(context: Context, axes: list[GridAxis]) -> None:
    """Refuse to sweep what nothing reads, or what the first phase replaces: all points would be the same.

    Raises:
        ExperimentError: SWP717.
    """
    used = used_definitions(context)
    for axis in axes:
        for parameter in axis.parameters:
            definition = definition_of(parameter.place)
            if definition is not None and definition not in used:
                message = f"nothing reads `{parameter.name}`: all points would be the same"
                advice = "use it, or sweep another parameter"
            elif is_replaced_at_start(context, parameter.place):
                message = f"the first phase sets `{parameter.name}` at its start: all points would be the same"
                advice = "remove it from `set` of this phase, or sweep the value there"
            else:
                continue
            span = context.document.key_span(parameter.named)
            context.report.error("SWP717", message, span, advice)
    context.report.stop_if_errors()


def _refuse_columns(context: Context, axes: list[GridAxis], others: set[str]) -> None:
    """Refuse names that the table of the sweep would hold twice, `others` among them.

    Raises:
        ExperimentError: SWP708.
    """
    named = [parameter for axis in axes for parameter in axis.parameters if not axis.is_repetition]
    columns = {"status", "reason", *others}
    columns |= {axis.name for axis in axes if axis.is_repetition or axis.names or len(axis.parameters) > 1}
    for parameter in named:
        if parameter.name in columns:
            raise context.key_error(
                "SWP708",
                f"the table of the sweep has a column `{parameter.name}` already",
                parameter.named,
                f"name the parameter by its path: `{path_text(parameter.place)}`",
            )
    columns |= {parameter.name for parameter in named}
    for name in sorted(columns & context.experiment.metrics.keys()):
        raise context.key_error(
            "SWP708",
            f"the table of the sweep has a column `{name}` already",
            ("metrics", name),
            "give the metric another name",
        )


def _refuse_dependent(context: Context, axes: list[GridAxis]) -> None:
    """Refuse quantities that depend on what the sweep changes too: the table would say what they are in the file.

    Raises:
        ExperimentError: SWP719.
    """
    parameters = [p for axis in axes for p in axis.parameters]
    swept = {str(p.place[1]): p.name for p in parameters if p.place[0] == "constants"}
    below: dict[str, str | None] = {}

    def changed(word: str) -> str | None:
        """The swept constant that a word depends on."""
        if word not in below:
            below[word] = swept.get(word)
            node = context.document.root.get("constants")
            text = node.get(word) if isinstance(node, MapNode) else None
            if below[word] is None and isinstance(text, ScalarNode) and isinstance(text.value, str):
                below[word] = next(filter(None, map(changed, _WORD.findall(text.value))), None)
        return below[word]

    for parameter in (p for p in parameters if p.dimension is not None and swept):
        for text in (t for t in parameter.texts if isinstance(t, Text)):
            other = next(filter(None, map(changed, _WORD.findall(text.value))), None)
            if other is not None:
                message = f"this value depends on `{other}`, which the sweep changes too"
                advice = f"compute `{parameter.name}` under `constants:` from `{other}` and another one, and sweep that"
                context.report.error("SWP719", message, text.span(), advice)
    context.report.stop_if_errors()


def _shared_phase(context: Context, sweep: Sweep) -> int | None:
    """The number of the phase that all points continue from."""
    if sweep.shared is None:
        return None
    plan = context.once(plan_of)
    if sweep.shared not in plan.stretches:
        advice = did_you_mean(sweep.shared, plan.stretches) or "name a phase of `run.phases`"
        raise context.error("SWP707", f"there is no phase `{sweep.shared}`", ("sweep", "shared"), advice)
    _, number = plan.stretches[sweep.shared][-1]
    if number + 1 == len(plan.parts):
        message = f"`{sweep.shared}` is the last phase: nothing comes after it"
        raise context.error("SWP707", message, ("sweep", "shared"))
    hooks = [name for name, o in context.experiment.operations.items() if isinstance(o, CallOperation)]
    if hooks:
        message = "points that call Python functions share no phase: what these remember is not stored"
        raise context.key_error("SWP707", message, ("operations", hooks[0]))
    return number


def _single(budget: Budget, name: str, axis: Any) -> GridAxis:
    return GridAxis(name, (ParameterReader(budget, ("sweep", "axes", name), name).values(axis),))


def _zipped(budget: Budget, sweep: Sweep) -> GridAxis:
    assert sweep.zip
    context = budget.context
    parameters = tuple(ParameterReader(budget, ("sweep", "zip", n), n).values(a) for n, a in sweep.zip.items())
    lengths = {len(p.texts) for p in parameters}
    if len(lengths) > 1:
        shown = ", ".join(f"`{p.name}` {len(p.texts)}" for p in parameters)
        raise context.key_error("SWP703", f"zipped parameters need equally many values: {shown}", ("sweep", "zip"))
    return GridAxis("+".join(p.name for p in parameters), parameters)


def _sampled(budget: Budget, sample: Sample) -> GridAxis:
    """The points of a design, spread over the ranges."""
    context = budget.context
    names = list(sample.ranges)
    if sample.method is SampleMethod.SOBOL and len(names) > MOST_SOBOL:
        raise context.error(
            "SWP703",
            f"`sobol` samples {MOST_SOBOL} parameters at most, here are {len(names)}",
            ("sweep", "sample", "ranges"),
            "use `method: lhs`",
        )
    budget.take(sample.size * len(names), ("sweep", "sample", "size"))
    seed = sample.seed if sample.seed is not None else _seed(context)
    table = design(sample.method, names, sample.size, seed)
    parameters: list[Values] = []
    for k, (name, bounds) in enumerate(sample.ranges.items()):
        with context.collecting():
            reader = ParameterReader(budget, ("sweep", "sample", "ranges", name), name)
            parameters.append(reader.sampled(bounds, table[:, k]))
    context.report.stop_if_errors()
    return GridAxis("sample" if len(parameters) > 1 else parameters[0].name, tuple(parameters))


def _seed(context: Context) -> int:
    """The seed of the experiment; the first one it gives when it has one for each stream."""
    seed = context.experiment.seed
    if isinstance(seed, int):
        return seed
    return next((v for v in (seed.connect, seed.initial, seed.noise, seed.input) if v is not None), 1)


def _seed_of_file(context: Context, path: Path) -> int:
    """The one seed of the file.

    Raises:
        ExperimentError: SWP704, it has one for each stream.
    """
    node = context.document.find(SEED)
    if isinstance(node, MapNode):
        raise context.error("SWP704", f"`{path[-1]}` needs one seed for all streams", SEED)
    return node.value if isinstance(node, ScalarNode) and isinstance(node.value, int) else 1


def _seeds(context: Context, axes: list[GridAxis]) -> Callable[[Index], int]:
    """The seed of each point, where each has its own.

    Raises:
        ExperimentError: SWP704, the file has a seed for each stream; SWP707, the points share a phase; SWP709, the
            seed is swept.
    """
    path: Path = ("sweep", "repeat", "seeds")
    sweep = context.experiment.sweep
    assert sweep is not None
    if sweep.shared is not None:
        message = "points that share a phase have the same seed, and here each has its own"
        raise context.error("SWP707", message, path, "remove `shared`, or write `seeds: common`")
    swept = [axis for axis in axes if not axis.is_repetition]
    if any(p.place == SEED for axis in swept for p in axis.parameters):
        message = "the sweep gives values of `seed`, and `seeds: each` makes others"
        raise context.error("SWP709", message, path, "keep one of them")
    return PointSeeds(context.document, swept, _seed_of_file(context, path)).at


def _repeated(budget: Budget, repeat: Repeat) -> GridAxis:
    """Repetitions: seeds from that of the file on, or where each point has its own, numbers from 1 on."""
    context = budget.context
    number = context.document.find(("sweep", "repeat", "num"))
    budget.take(repeat.num, ("sweep", "repeat") if number is None else ("sweep", "repeat", "num"))
    first = 1 if repeat.seeds == "each" else _seed_of_file(context, ("sweep", "repeat"))
    return GridAxis("repeat", (seeds(range(first, first + repeat.num)),))
