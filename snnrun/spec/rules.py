"""Rules of the format about several keys of one map: codes `FMT208` and `FMT209`.

They read the document, not the models, so that they are reported together with problems elsewhere in the file. A map
whose shape is wrong is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from snnrun.errors import Report, did_you_mean
from snnrun.plot_kinds import PLOT_KINDS
from snnrun.spec import nodes
from snnrun.spec.document import Document
from snnrun.spec.models import CONNECT_FORMS, Plot, Rule
from snnrun.spec.nodes import ListNode, MapNode, ScalarNode, items
from snnrun.spec.values import SPACED

_MOST: Final = (
    (3_000, ("groups", "inputs", "synapses", "monitors", "operations", "arrays", "metrics"), "objects"),
    (10_000, ("constants", "functions"), "constants and functions"),
)
"""How many entries some sections may have together, so that any file is checked within seconds."""
_MOST_WITHIN: Final = (
    (10_000, "groups", "subgroups", "one number for each neuron (a parameter) can say what it belongs to"),
    (5_000, "synapses", "connect", "many pairs or values can stand in a file: `{file: edges.csv}`"),
)
"""How many entries a key of all objects of a section may have together, and what to do instead."""


def check_rules(document: Document, report: Report) -> None:
    """Report keys that do not go together, and sections that are too long."""
    _check_amounts(document, report)
    _check_groups(document, report)
    _check_operations(document, report)
    _check_connect(document, report)
    _check_monitors(document, report)
    _check_run(document, report)
    _check_sweep(document, report)
    _check_plots(document, report)


def _maps(document: Document, section: str) -> Iterator[tuple[nodes.Path, MapNode]]:
    """The maps of a section with their paths."""
    for key in document.keys((section,)):
        node = document.find((section, key))
        if isinstance(node, MapNode):
            yield (section, key), node


def _check_amounts(document: Document, report: Report) -> None:
    for most, sections, what in _MOST:
        numbers = {section: len(document.keys((section,))) for section in sections}
        if sum(numbers.values()) > most:
            longest = max(numbers, key=numbers.__getitem__)
            message = f"the file has {sum(numbers.values()):,} {what}, at most {most:,} are possible"
            advice = (
                f"objects that are alike can be one with more elements; `{longest}` has {numbers[longest]:,} entries"
            )
            report.error("FMT206", message, document.key_span((longest,)), advice)
    for most, section, key, advice in _MOST_WITHIN:
        found = [(path, node.get(key)) for path, node in _maps(document, section)]
        lengths = {(*path, key): len(items(node)) for path, node in found if isinstance(node, MapNode | ListNode)}
        if sum(lengths.values()) > most:
            widest = max(lengths, key=lengths.__getitem__)
            message = f"`{key}` of all {section} has {sum(lengths.values()):,} entries, at most {most:,} are possible"
            report.error("FMT206", message, document.key_span(widest), advice)


def _check_groups(document: Document, report: Report) -> None:
    for path, node in _maps(document, "groups"):
        kind = node.get("kind")
        if "size" not in node.entries and "subgroups" not in node.entries:
            message = f"`{path[1]}` needs `size`"
            advice = "give the number of neurons, or `subgroups` with their sizes"
            report.error("FMT202", message, document.key_span(path), advice)
        if isinstance(kind, ScalarNode) and kind.value == "spikes":
            _check_spikes(document, report, path, node)


def _check_spikes(document: Document, report: Report, path: nodes.Path, node: MapNode) -> None:
    keys = node.entries
    if "file" in keys:
        for key in ("indices", "times"):
            if key in keys:
                message = f"`{key}` and `file` do not go together"
                report.error("FMT208", message, document.key_span((*path, key)), "give the spikes in one way")
        return
    times = node.get("times")
    if isinstance(times, MapNode) and not any(key in times.entries for key in SPACED):  # a formula for each neuron
        if "indices" in keys:
            message = "`indices` and a formula for the times of each neuron do not go together"
            report.error("FMT208", message, document.key_span((*path, "indices")), "leave `indices` out")
        return
    missing = [key for key in ("indices", "times") if key not in keys]
    if missing:
        message = f"`{path[1]}` needs `{'` and `'.join(missing)}`"
        advice = "give `indices` and `times`, one entry a spike, or a `file`"
        if "times" in keys:
            advice = "give the neuron of each spike, or `indices: all` if each neuron spikes at all times"
        report.error("FMT202", message, document.key_span(path), advice)


def _check_operations(document: Document, report: Report) -> None:
    for path, node in _maps(document, "operations"):
        keys = node.entries
        if "call" in keys:
            continue
        if "every" in keys and "at" in keys:
            message = "`every` and `at` do not go together"
            report.error("FMT208", message, document.key_span((*path, "at")), "keep one of them")
        if "every" not in keys and "at" not in keys:
            advice = "add `every: 10 ms`, or `at: 50 ms` for single times"
            report.error("FMT202", f"`{path[1]}` needs `every` or `at`", document.key_span(path), advice)


def _check_connect(document: Document, report: Report) -> None:
    for path, node in _maps(document, "synapses"):
        connect = node.get("connect")
        place = (*path, "connect")
        if isinstance(connect, ListNode):
            for index, item in enumerate(connect.items):
                _check_rule(document, report, (*place, index), item, in_list=True)
            if not connect.items:
                report.error("FMT206", "`connect` is empty", document.key_span(place), "write `connect: all` or a rule")
        elif connect is not None:
            _check_rule(document, report, place, connect, in_list=False)


def _check_rule(document: Document, report: Report, path: nodes.Path, node: nodes.Node, *, in_list: bool) -> None:
    if not isinstance(node, MapNode):
        return
    given = [form.needs[0] for form in CONNECT_FORMS if form.excludes and form.needs[0] in node.entries]
    for key in given[1:]:
        message = f"`{given[0]}` and `{key}` are two connection rules"
        report.error("FMT208", message, document.key_span((*path, key)), "write a list with one rule an item")
    if not node.entries or (not in_list and set(node.entries) <= set(Rule.model_fields)):
        advice = "write `all`, or a rule such as `{p: 0.1}`, `{where: i != j}` or `{fixed_indegree: 80}`"
        report.error("FMT202", "`connect` needs a rule", document.key_span(path), advice)


def _check_monitors(document: Document, report: Report) -> None:
    for path, node in _maps(document, "monitors"):
        counts = node.get("counts_only")
        if isinstance(counts, ScalarNode) and counts.value is True and "variables" in node.entries:
            message = "`variables` and `counts_only` do not go together"
            advice = "keep one of them: counts have no values of single spikes"
            report.error("FMT208", message, document.key_span((*path, "variables")), advice)
        kind = node.get("kind")
        if isinstance(kind, ScalarNode) and kind.value == "events":
            _check_events(document, report, path, node)


def _check_events(document: Document, report: Report, path: nodes.Path, node: MapNode) -> None:
    given = [key for key in ("event", "condition") if key in node.entries]
    if not given:
        advice = "name an `event` of the group, or give a `condition`: `v > 1`"
        report.error("FMT202", f"`{path[1]}` needs `event` or `condition`", document.key_span(path), advice)
    if len(given) > 1:
        message = "`event` and `condition` do not go together"
        advice = "keep one: `event` records each step in which a neuron has it, `condition` when it becomes true"
        report.error("FMT208", message, document.key_span((*path, "condition")), advice)


def _check_run(document: Document, report: Report) -> None:
    node = document.find(("run",))
    if not isinstance(node, MapNode):
        return
    if "duration" not in node.entries and "phases" not in node.entries:
        report.error(
            "FMT202", "`run` needs `duration`", document.key_span(("run",)), "add `duration: 1 s`, or `phases`"
        )
    if "duration" in node.entries and "phases" in node.entries:
        message = "`duration` and `phases` do not go together"
        advice = "each phase has its own `duration`"
        report.error("FMT208", message, document.key_span(("run", "duration")), advice)


def _check_sweep(document: Document, report: Report) -> None:
    node = document.find(("sweep",))
    if not isinstance(node, MapNode):
        return
    if not {"axes", "zip", "points", "sample", "repeat"} & set(node.entries):
        advice = "add `axes`, `zip`, `points`, `sample` or `repeat`"
        report.error("FMT202", "`sweep` says nothing to vary", document.key_span(("sweep",)), advice)
    for part in ("axes", "zip"):
        for key in document.keys(("sweep", part)):
            axis = document.find(("sweep", part, key))
            forms = [form for form in SPACED if isinstance(axis, MapNode) and form in axis.entries]
            for form in forms[1:]:
                message = f"`{forms[0]}` and `{form}` do not go together"
                report.error("FMT208", message, document.key_span(("sweep", part, key, form)), "keep one of them")


def _check_plots(document: Document, report: Report) -> None:
    plots = document.find(("plots",))
    if not isinstance(plots, ListNode):
        return
    for index, item in enumerate(plots.items):
        panels = item.get("panels") if isinstance(item, MapNode) else None
        if isinstance(panels, ListNode):
            for number in range(len(panels.items)):
                _check_plot(document, report, ("plots", index, "panels", number))
        else:
            _check_plot(document, report, ("plots", index))


def _check_plot(document: Document, report: Report, path: nodes.Path) -> None:
    node = document.find((*path, "kind"))
    kind = PLOT_KINDS.get(str(node.value)) if isinstance(node, ScalarNode) else None
    if kind is None:
        return
    options = kind.all_options
    for key in document.keys(path):
        if key in Plot.model_fields and key not in options:
            advice = did_you_mean(key, options) or f"its options are: {', '.join(sorted(options - {'kind'}))}"
            message = f"a plot of kind `{kind.name}` has no `{key}`"
            report.error("FMT209", message, document.key_span((*path, key)), advice)
