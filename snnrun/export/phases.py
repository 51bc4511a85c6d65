"""The run as Brian2 has it: one call of `run` for each phase, in loops where phases are repeated."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from snnrun.export.expressions import CannotExportError, of_arrays
from snnrun.export.page import Page
from snnrun.spec.nodes import ListNode, MapNode, ScalarNode
from snnrun.spec.nodes import Path as FilePath

_RUN = ("duration", "dt", "phases", "threads", "save_state", "math")
_PHASE = ("name", "duration", "set", "record", "repeat", "check")
_BLOCK = ("name", "repeat", "phases")
_ELSEWHERE = {
    "stop_when": "call `stop()` in a `network_operation`",
    "at_end": "write it in Python after the call of `run`",
    "repeat_until": "end the loop in Python",
}


def run(page: Page) -> None:
    """All phases, or the one run."""
    page.leftover(("run",), _RUN)
    if not page.document.has(("run", "phases")):
        page.put(f"run({page.constant(('run', 'duration'))})")
        return
    switched = any(path[-1] == "record" for path, _ in page.document.walk() if path[:2] == ("run", "phases"))
    _phases(page, ("run", "phases"), "", switched=switched)


def _phases(page: Page, path: FilePath, indent: str, *, switched: bool) -> None:
    phases = page.document.node(path)
    assert isinstance(phases, ListNode)
    for k, phase in enumerate(phases.items):
        assert isinstance(phase, MapNode)
        place, inner = (*path, k), indent
        if "repeat" in phase.entries:
            page.put(f"{indent}for _ in range({page.constant((*place, 'repeat'))}):")
            inner += "    "
        if "phases" in phase.entries:
            page.leftover(place, _BLOCK, _ELSEWHERE)
            _phases(page, (*place, "phases"), inner, switched=switched)
        else:
            page.leftover(place, _PHASE, _ELSEWHERE)
            _phase(page, place, inner, switched=switched)


def _phase(page: Page, path: FilePath, indent: str, *, switched: bool) -> None:
    before = len(page.lines)
    page.put(f"# {page.context.text((*path, 'name')).value}")
    for key in page.document.keys((*path, "set")):
        page.trying((*path, "set", key), partial(_set, page, key, (*path, "set", key)))
    if switched:
        record = page.document.find((*path, "record"))
        items = record.items if isinstance(record, ListNode) else None
        names = None if items is None else {str(item.value) for item in items if isinstance(item, ScalarNode)}
        for name in page.document.keys(("monitors",)):
            variable = page.objects["monitors", name]
            if variable in page.created:
                page.put(f"{variable}.active = {names is None or name in names}")
    page.put(f"run({page.constant((*path, 'duration'))})")
    page.lines[before:] = [f"{indent}{line}" for line in page.lines[before:]]


def _set(page: Page, key: str, path: FilePath) -> None:
    if key in page.constants:
        page.put(f"constants[{key!r}] = {page.constant(path)}")
        return
    target, _, variable = key.rpartition(".")
    if variable in ("rates", "rate", "delay"):
        raise CannotExportError(f"a phase that sets `{key}`")
    group = target.partition(".")[0]
    page.speak_of(group)
    if variable in getattr(page.context.populations.get(group), "frozen", ()):
        _set_frozen(page, page.target(target), variable, path)
    else:
        page.assign(f"{page.target(target)}.{variable}", path)


def _set_frozen(page: Page, target: str, variable: str, path: FilePath) -> None:
    """Set a variable of refractory neurons too: a text that Brian2 evaluates leaves these as they are."""
    node = page.document.node(path)
    if isinstance(node, ListNode) and not any(isinstance(item, MapNode) for item in node.items):
        page.assign(f"{target}.{variable}", path)
        return
    if not isinstance(node, ScalarNode) or not of_arrays(page.context.expression(path)):
        raise CannotExportError(f"a text that sets `{variable}` of refractory neurons: write its values as an array")
    group = str(path[-1]).partition(".")[0]
    own = {name: f"{target}.{name}[:]" for name in (*page.context.populations[group].members, "i")}
    printer = replace(page.python, names={**page.python.names, **own}, shadowed=page.words.shadowed)
    page.put(f"{target}.{variable} = {page.value(path, printer)}")
