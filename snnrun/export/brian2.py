"""An experiment as a Brian2 script that does the same.

The script is made from the file, not from the network, so that it reads as the file does: equations, conditions and
rules stay text. What Brian2 has nothing for becomes a comment in its place and a note.
"""

from __future__ import annotations

import keyword
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.ast import Statement
from snnrun.equations.dag import Kind
from snnrun.equations.model import Definition, Role, parse_equations
from snnrun.equations.parse import parse_generator, parse_statements
from snnrun.export.expressions import CannotExportError, Printer, dimension_text
from snnrun.model.network import Group, GroupKind, NeuronSubset, Synapses, as_array
from snnrun.run.stages import Checked
from snnrun.spec.nodes import ListNode, MapNode, Node, ScalarNode, dotted
from snnrun.spec.nodes import Path as FilePath

_TAKEN = frozenset(
    """
    np arrays constants defaultclock seed run Network NeuronGroup PoissonGroup SpikeGeneratorGroup PoissonInput Synapses
    SpikeMonitor StateMonitor PopulationRateMonitor EventMonitor TimedArray Quantity linked_var mean
    Hz mV ms nA pA nS pF uF second volt amp metre siemens farad ohm hertz
    """.split()  # noqa: SIM905 - a list of words
)
"""Names that the script uses itself."""

_ENDINGS = {
    "groups": "_group",
    "inputs": "_input",
    "synapses": "_synapses",
    "operations": "_operation",
    "monitors": "_monitor",
}
"""What makes the names of objects different from those of objects in other sections."""

MADE_BY = "# Made by `snnrun export`"
"""A line of every script, by which it is known."""

_BUILT_IN = frozenset("t dt t_in_timesteps i j N N_pre N_post N_incoming N_outgoing xi e pi inf".split())  # noqa: SIM905

_METHODS = {"exponential_euler": "exponential_euler", "exact": "exact", "euler": "euler", "rk2": "rk2", "rk4": "rk4"}
_METHODS |= {"heun": "heun", "milstein": "milstein"}
_MOST_WRITTEN = 20  # numbers of a list that are written into the script; more go into a file beside it


@dataclass(slots=True)
class Script:
    """A script of Brian2.

    Args:
        text: The script.
        arrays: Long lists of numbers, for a file beside it.
        notes: What Brian2 has nothing for: its place in the file, and why.
    """

    text: str
    arrays: Mapping[str, NDArray[Any]]
    notes: Sequence[tuple[str, str]]


def export(checked: Checked, data_file: str) -> Script:
    """An experiment as a script.

    Args:
        checked: The experiment.
        data_file: Name of the file with long lists of numbers, beside the script.
    """
    return _Writer(checked, data_file).script()


@dataclass
class _Writer:
    checked: Checked
    data_file: str
    lines: list[str] = field(default_factory=list)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.document = self.checked.document
        self.context = self.checked.resolved.context
        self.network = self.checked.resolved.network
        self.constants = self.document.keys(("constants",))
        self.objects: dict[tuple[str, str], str] = {}
        for section, ending in _ENDINGS.items():
            for name in self.document.keys((section,)):
                self.objects[section, name] = self._free(name, ending)
        known = {
            name: self._quantity(typed.value, typed.dimension)
            for name, typed in self.context.constants.items()
            if name not in self.constants and typed.exact is not None and name != "dt"
        }
        self.words = Printer(self.context.functions, known, frozenset(self.document.keys(("arrays",))))
        names = {name: f"constants[{name!r}]" for name in self.constants}
        self.python = replace(self.words, shadowed=frozenset(self.constants), names=names)
        self.speak_of()

    def speak_of(self, *owners: str) -> None:
        """Read texts as those of an object: its names, and those of the file, are no units."""
        names = {*self.constants, *_BUILT_IN}
        for owner in owners:
            population = self.context.populations.get(owner)
            names |= set(population.members) if population is not None else set()
            path = ("synapses", owner, "equations")
            names |= {d.name for d in parse_equations(self.context.text(path))} if self.document.has(path) else set()
            names |= set(self.document.keys(("groups", owner, "constants")))
        self.words = replace(self.words, shadowed=frozenset(names))

    def _free(self, name: str, ending: str) -> str:
        """A name of a Python variable that stands for an object of the file."""
        taken = {*_TAKEN, *self.constants, *self.objects.values()}
        while name in taken or keyword.iskeyword(name):
            name += ending
        return name

    @staticmethod
    def _quantity(value: float, dimension: Any) -> str:
        unit = dimension_text(dimension)
        return repr(float(value)) if unit == "1" else f"{float(value)!r}*{unit}"

    # lines

    def put(self, *lines: str) -> None:
        """Add lines."""
        self.lines += lines

    def section(self, title: str) -> None:
        """Begin a part of the script."""
        self.put("", f"# {title}", "")

    def trying(self, path: FilePath, write: Callable[[], None]) -> None:
        """Write a part; a comment stands for it where Brian2 has nothing that means it."""
        before = len(self.lines)
        try:
            write()
        except CannotExportError as reason:
            del self.lines[before:]
            self.note(path, f"Brian2 has nothing for {reason}")

    def note(self, path: FilePath, why: str) -> None:
        """A comment in the script, and a note."""
        self.notes.append((dotted(path), why))
        self.put(f"# NOT EXPORTED: {dotted(path)}: {why}")

    # values

    def value(self, path: FilePath, printer: Printer | None = None) -> str:
        """An expression of the file, as text."""
        return (printer or self.words).text(self.context.expression(path))

    def constant(self, path: FilePath) -> str:
        """An expression of the file, as Python."""
        return self.value(path, self.python)

    def statements(self, path: FilePath) -> list[str]:
        """Statements of the file."""
        return [self._statement(s) for s in parse_statements(self.context.text(path))]

    def _statement(self, statement: Statement) -> str:
        op = "=" if statement.op == "=" else f"{statement.op}="
        return f"{statement.target} {op} {self.words.text(statement.value)}"

    def numbers(self, name: str, values: NDArray[Any], unit: str = "1") -> str:
        """A list of numbers as Python: written out, or in the file beside."""
        times = "" if unit == "1" else f"*{unit}"
        if len(values) <= _MOST_WRITTEN and values.ndim == 1:
            return f"np.array({values.tolist()}){times}" if times else str(values.tolist())
        self.arrays[name] = values
        return f"arrays[{name!r}]{times}"

    @staticmethod
    def block(lines: Sequence[str]) -> str:
        """A text of one or more lines as Python."""
        if len(lines) == 1 and len(lines[0]) < 90 and "'" not in lines[0]:
            return f"'{lines[0]}'"
        inner = "".join(f"\n        {line}" for line in lines)
        return f"'''{inner}\n    '''"

    # the script

    def script(self) -> Script:
        """All of it."""
        self._constants()
        self._arrays()
        for title, each, names in (
            ("Neurons", self._group, self.network.groups),
            ("Inputs", self._input, self.document.keys(("inputs",))),
            ("Synapses", self._synapses, self.network.synapses),
            ("Operations", self._operation, self.document.keys(("operations",))),
            ("Monitors", self._monitor, self.document.keys(("monitors",))),
        ):
            if names:
                self.section(title)
            for name in names:
                each(name)
                self.speak_of()
        self.section("Run")
        self._run()
        for key in ("metrics", "plots", "sweep"):
            if self.document.has((key,)):
                self.note((key,), "write it in Python")
        return Script("\n".join([*self._head(), *self.lines, ""]), self.arrays, self.notes)

    def _head(self) -> Iterator[str]:
        about = self.document.find(("description",))
        description = str(about.value) if isinstance(about, ScalarNode) else ""
        yield f'"""{self.network.name}'
        if description:
            yield ""
            yield from textwrap.wrap(description.replace('"""', "'''"), 100)
        yield '"""'
        yield MADE_BY
        yield ""
        yield "import numpy as np"
        yield "from brian2 import *"
        if self.arrays:
            yield ""
            yield f"arrays = np.load({self.data_file!r})"
        yield ""
        yield f"defaultclock.dt = {self.constant(('run', 'dt'))}"
        yield f"seed({self.network.seeds.noise})"

    def _constants(self) -> None:
        if not self.constants:
            self.put("", "constants = {}")
            return
        self.section("Constants")
        self.put("constants = {}")
        waiting = list(self.constants)
        while waiting:
            name = next(n for n in waiting if not self._needs(n) & set(waiting) - {n})
            waiting.remove(name)
            self.trying(("constants", name), partial(self._constant, name))

    def _constant(self, name: str) -> None:
        self.put(f"constants[{name!r}] = {self.constant(('constants', name))}")

    def _needs(self, name: str) -> set[str]:
        return self.context.names_used(self.context.expression(("constants", name))) & set(self.constants)

    def _arrays(self) -> None:
        for name, array in self.context.arrays.items():
            if array.times is not None:
                self.note(("arrays", name), "Brian2 has no timed array with times of its own")
                continue
            values = self.numbers(f"arrays.{name}", np.asarray(array.values), dimension_text(array.dimension))
            self.put(f"constants[{name!r}] = TimedArray({values}, dt={number_text_of(array.dt)}*second)")

    # groups

    def _group(self, name: str) -> None:
        group = self.network.groups[name]
        self.speak_of(name)
        write = {
            GroupKind.NEURONS: self._neurons,
            GroupKind.POISSON: self._poisson,
            GroupKind.SPIKES: self._schedule,
        }[group.kind]
        self.trying(("groups", name), lambda: write(group))

    def _neurons(self, group: Group) -> None:
        path: FilePath = ("groups", group.name)
        words = [f"{group.size}"]
        equations = self._equations((*path, "equations"))
        words.append(f"model={self.block(equations or [''])}")
        if self.document.has((*path, "threshold")):
            words.append(f"threshold={self.value((*path, 'threshold'))!r}")
        if self.document.has((*path, "reset")):
            words.append(f"reset={self.block(self.statements((*path, 'reset')))}")
        if self.document.has((*path, "refractory")):
            words.append(f"refractory={self.value((*path, 'refractory'))!r}")
        if group.integration is not None:
            if group.integration.method not in _METHODS:
                raise CannotExportError(f"the method `{group.integration.method}`")
            words.append(f"method={_METHODS[group.integration.method]!r}")
        events = {name: self._event((*path, "events", name)) for name in self.document.keys((*path, "events"))}
        if events:
            conditions = ", ".join(f"{name!r}: {self.value(place)!r}" for name, place in events.items())
            words.append(f"events={{{conditions}}}")
        words += self._common(path)
        self._call(self.objects["groups", group.name], "NeuronGroup", words)
        for name in events:
            self._on_event(self.objects["groups", group.name], name, (*path, "events", name))
        self._subgroups(group)
        self._initial(self.objects["groups", group.name], (*path, "initial"))

    def _event(self, path: FilePath) -> FilePath:
        """The place of the condition of an event."""
        return (*path, "condition") if isinstance(self.document.node(path), MapNode) else path

    def _on_event(self, variable: str, name: str, path: FilePath) -> None:
        if self.document.has((*path, "do")):
            order = f", order={self.value((*path, 'order'))}" if self.document.has((*path, "order")) else ""
            self.put(f"{variable}.run_on_event({name!r}, {self.block(self.statements((*path, 'do')))}{order})")

    def _common(self, path: FilePath) -> list[str]:
        own = self.document.keys((*path, "constants"))
        found = [f"dt={self.constant((*path, 'dt'))}"] if self.document.has((*path, "dt")) else []
        values = ", ".join(f"{n!r}: {self.constant((*path, 'constants', n))}" for n in own)
        return [
            *found,
            f"namespace={{**constants, {values}}}" if own else "namespace=constants",
            f"name={self.objects[str(path[0]), str(path[-1])]!r}",
        ]

    def _equations(self, path: FilePath) -> list[str]:
        if not self.document.has(path):
            return []
        return [self._equation(d) for d in parse_equations(self.context.text(path))]

    def _equation(self, d: Definition) -> str:
        if d.kind is Kind.FLOAT:
            assert d.unit is not None
            unit = dimension_text(self.context.unit(d.unit).dimension)
        else:
            unit = "boolean" if d.kind is Kind.BOOL else "integer"
        flags = sorted(d.flags)
        right = f" : {unit}" + (f" ({', '.join(flags)})" if flags else "")
        if d.role is Role.PARAMETER:
            return f"{d.name}{right}"
        assert d.expr is not None
        left = f"d{d.name}/dt" if d.role is Role.DIFFERENTIAL else d.name
        return f"{left} = {self.words.text(d.expr)}{right}"

    def _call(self, variable: str, cls: str, words: Sequence[str]) -> None:
        line = f"{variable} = {cls}({', '.join(words)})"
        if len(line) <= 110 and "\n" not in line:
            self.put(line)
            return
        self.put(f"{variable} = {cls}(", *(f"    {word}," for word in words), ")")

    def _poisson(self, group: Group) -> None:
        path: FilePath = ("groups", group.name)
        node = self.document.node((*path, "rates"))
        rates = repr(self.value((*path, "rates"))) if isinstance(node, ScalarNode) else self._list((*path, "rates"))
        self._call(
            self.objects["groups", group.name], "PoissonGroup", [f"{group.size}", f"rates={rates}", *self._common(path)]
        )
        self._subgroups(group)

    def _schedule(self, group: Group) -> None:
        assert group.schedule is not None
        path: FilePath = ("groups", group.name)
        dt = self.network.dt
        ids = self.numbers(f"{dotted(path)}.indices", group.schedule.ids)
        times = self.numbers(f"{dotted(path)}.times", group.schedule.steps * dt, "second")
        words = [f"{group.size}", ids, times]
        if group.schedule.period:
            words.append(f"period={group.schedule.period * dt!r}*second")
        self._call(
            self.objects["groups", group.name],
            "SpikeGeneratorGroup",
            [*words, f"name={self.objects['groups', group.name]!r}"],
        )
        self._subgroups(group)

    def _subgroups(self, group: Group) -> None:
        for part in group.subgroups.values():
            variable = self._part(part)
            if isinstance(part.members, range) and part.members.step == 1:
                bounds = f"{part.members.start}:{part.members.stop}"
                self.put(f"{variable} = {self.objects['groups', group.name]}[{bounds}]")

    def _part(self, part: NeuronSubset) -> str:
        """The Python variable of a group or of a part of it."""
        if part.name == part.group:
            return self.objects["groups", part.group]
        return part.name.replace(".", "_")

    def _view(self, part: NeuronSubset) -> str:
        if not part.whole and not (isinstance(part.members, range) and part.members.step == 1):
            raise CannotExportError(f"`{part.name}`, whose neurons are not side by side")
        return self._part(part)

    def _initial(self, variable: str, path: FilePath) -> None:
        for name in self.document.keys(path):
            at: FilePath = (*path, name)
            self.trying(at, partial(self._line, f"{variable}.{name}", at))

    def _line(self, target: str, path: FilePath) -> None:
        node = self.document.node(path)
        if isinstance(node, ScalarNode):
            self.put(f"{target} = {self._assigned(path)}")
        elif isinstance(node, ListNode) and node.items and all(isinstance(item, MapNode) for item in node.items):
            for k in range(len(node.items)):
                self._rule(target, (*path, k))
        elif isinstance(node, ListNode):
            self.put(f"{target} = {self._list(path)}")
        else:
            raise CannotExportError("values from a file: the script would need a copy of it")

    def _rule(self, target: str, path: FilePath) -> None:
        if self.document.has((*path, "subgroup")):
            raise CannotExportError("values of a subgroup in a list")
        where = repr(self.value((*path, "where"))) if self.document.has((*path, "where")) else ":"
        self.put(f"{target}[{where}] = {self._assigned((*path, 'value'))}")

    def _assigned(self, path: FilePath) -> str:
        """The right side of an assignment: a text that Brian2 evaluates for each element, or a list."""
        text = self.value(path)
        return self.constant(path) if text.startswith("[") or "[" in text else repr(text)

    def _list(self, path: FilePath) -> str:
        """A list of the file as Python."""
        node = self.document.node(path)
        assert isinstance(node, ListNode)
        items = [self.constant((*path, k)) for k in range(len(node.items))]
        return (
            f"np.array([{', '.join(items)}])" if all("*" not in i for i in items) else f"Quantity([{', '.join(items)}])"
        )

    # inputs and synapses

    def _input(self, name: str) -> None:
        path: FilePath = ("inputs", name)
        poisson = next(i for i in self.network.inputs if i.name == name)

        def write() -> None:
            words = [
                self._view(poisson.target),
                repr(poisson.variable.name),
                str(poisson.size),
                f"rate={self.constant((*path, 'rate'))}",
                f"weight={self.value((*path, 'weight'))!r}",
            ]
            self._call(self.objects["inputs", name], "PoissonInput", words)

        self.trying(path, write)

    def _synapses(self, name: str) -> None:
        self.trying(("synapses", name), lambda: self._write_synapses(self.network.synapses[name]))

    def _write_synapses(self, synapses: Synapses) -> None:
        path: FilePath = ("synapses", synapses.name)
        variable = self.objects["synapses", synapses.name]
        self.speak_of(synapses.name, synapses.source.group, synapses.target.group)
        words = [self._view(synapses.source), self._view(synapses.target)]
        equations = self._equations((*path, "equations"))
        if equations:
            words.append(f"model={self.block(equations)}")
        sides = {side: self._pathways((*path, side)) for side in ("on_pre", "on_post")}
        for side, found in sides.items():
            if list(found) == [side]:
                words.append(f"{side}={found[side]}")
            elif found:
                words.append(f"{side}={{{', '.join(f'{key!r}: {text}' for key, text in found.items())}}}")
        events = {
            key: str(self.context.text((*place, "event")).value)
            for side in sides
            for key, place in self._keys((*path, side))
            if self.document.has((*place, "event"))
        }
        if events:
            words.append(f"on_event={events!r}")
        if synapses.integration is not None:
            words.append(f"method={_METHODS[synapses.integration.method]!r}")
        self._call(variable, "Synapses", [*words, *self._common(path)])
        for side in sides:
            self._orders(variable, (*path, side))
        rules = self.document.node((*path, "connect"))
        places = [(*path, "connect", k) for k in range(len(rules.items))] if isinstance(rules, ListNode) else []
        for place in places or [(*path, "connect")]:
            self._connect(variable, place)
        self._delays(variable, path, sides)
        self._initial(variable, (*path, "initial"))

    def _pathways(self, path: FilePath) -> dict[str, str]:
        """The statements of each pathway of a side; of a side with one without a name by the name of the side."""
        node = self.document.find(path)
        if node is None:
            return {}
        if isinstance(node, MapNode) and not self.document.has((*path, "do")):
            return {key: self.block(self.statements(self._do((*path, key)))) for key in node.entries}
        return {str(path[-1]): self.block(self.statements(self._do(path)))}

    def _do(self, path: FilePath) -> FilePath:
        return (*path, "do") if self.document.has((*path, "do")) else path

    def _keys(self, path: FilePath) -> list[tuple[str, FilePath]]:
        """The pathways of a side: Brian2's name of each, and its place."""
        node = self.document.find(path)
        if not isinstance(node, MapNode):
            return [] if node is None else [(str(path[-1]).removeprefix("on_"), path)]
        if self.document.has((*path, "do")):
            return [(str(path[-1]).removeprefix("on_"), path)]
        return [(key, (*path, key)) for key in node.entries]

    def _orders(self, variable: str, path: FilePath) -> None:
        for key, place in self._keys(path):
            if self.document.has((*place, "order")):
                self.put(f"{variable}.{key}.order = {self.value((*place, 'order'))}")

    def _delays(self, variable: str, path: FilePath, sides: Mapping[str, Mapping[str, str]]) -> None:
        for side in sides:
            for key, place in self._keys((*path, side)):
                own, top = (*place, "delay"), (*path, "delay")
                given = own if self.document.has(own) else top if side == "on_pre" and self.document.has(top) else None
                if given is not None:
                    text = (
                        self._list(given) if isinstance(self.document.node(given), ListNode) else self._assigned(given)
                    )
                    self.put(f"{variable}.{key}.delay = {text}")

    def _connect(self, variable: str, path: FilePath) -> None:
        node = self.document.node(path)
        for key in ("source", "target", "delay", "initial", "positions", "matrix", "file"):
            if self.document.has((*path, key)):
                self.note(path, f"write it in Python: `connect` of Brian2 has no `{key}`")
                return
        self.trying(path, lambda: self.put(f"{variable}.connect({self._rule_words(path, node)})"))

    def _rule_words(self, path: FilePath, node: Node) -> str:
        keys = self.document.keys(path)
        name = self.constant_text(node) if isinstance(node, ScalarNode) else self._named(path)
        if name == "all":
            return ""
        if name == "one_to_one":
            return "j='i'"
        more = [f"{key}={self._plain_or_text((*path, key))}" for key in ("p", "n") if key in keys]
        if "pairs" in keys:
            pairs = self.document.node((*path, "pairs"))
            assert isinstance(pairs, ListNode)
            columns = [[self.constant((*path, "pairs", k, end)) for k in range(len(pairs.items))] for end in (0, 1)]
            return ", ".join([f"i=[{', '.join(columns[0])}], j=[{', '.join(columns[1])}]", *more])
        if "i" in keys and "j" in keys:
            ends = [f"{end}={self._indices((*path, end))}" for end in ("i", "j")]
            return ", ".join([*ends, *more])
        for end in ("j", "i"):
            if end in keys:
                text = self.words.generator(parse_generator(self.context.text((*path, end))))
                skip = ["skip_if_invalid=True"] if self.document.has((*path, "skip_if_invalid")) else []
                return ", ".join([f"{end}={text!r}", *more, *skip])
        for key, of, end in (("fixed_indegree", "N_pre", "i"), ("fixed_outdegree", "N_post", "j")):
            if key in keys:
                if "multapses" in keys or "autapses" in keys:
                    raise CannotExportError(f"`{key}` with multapses or without autapses")
                return f"{end}='k for k in sample({of}, size={self.value((*path, key))})'"
        if "where" in keys or more:
            where = [f"condition={self.value((*path, 'where'))!r}"] if "where" in keys else []
            return ", ".join([*where, *more])
        raise CannotExportError(f"the rule `{', '.join(keys)}`")

    @staticmethod
    def constant_text(node: ScalarNode) -> str:
        """The word of a scalar."""
        return str(node.value)

    def _named(self, path: FilePath) -> str:
        node = self.document.find((*path, "rule"))
        return str(node.value) if isinstance(node, ScalarNode) else ""

    def _plain_or_text(self, path: FilePath) -> str:
        text = self.value(path)
        try:
            return repr(float(text)) if "." in text else repr(int(text))
        except ValueError:
            return repr(text)

    def _indices(self, path: FilePath) -> str:
        node = self.document.node(path)
        if isinstance(node, ListNode):
            return f"[{', '.join(self.constant((*path, k)) for k in range(len(node.items)))}]"
        return self._plain_or_text(path)

    # operations and monitors

    def _operation(self, name: str) -> None:
        path: FilePath = ("operations", name)
        if self.document.has((*path, "call")):
            self.note(path, "a Python function: make it a `network_operation`")
            return
        if not self.document.has((*path, "every")):
            self.note(path, "Brian2 has no operation at given times: make it a `network_operation`")
            return

        def write() -> None:
            target = str(self.context.text((*path, "target")).value).strip()
            self.speak_of(target.partition(".")[0])
            variable = self._target(target)
            words = [self.block(self.statements((*path, "do"))), f"dt={self.constant((*path, 'every'))}"]
            for key, other in (("when", "when"), ("order", "order")):
                node = self.document.find((*path, key))
                if isinstance(node, ScalarNode):
                    words.append(f"{other}={node.value!r}")
            self._call(self.objects["operations", name], f"{variable}.run_regularly", words)

        self.trying(path, write)

    def _target(self, target: str) -> str:
        for section in ("groups", "synapses"):
            if (section, target) in self.objects:
                return self.objects[section, target]
        group, _, part = target.partition(".")
        return self._view(self.network.groups[group].subgroups[part])

    def _monitor(self, name: str) -> None:
        path: FilePath = ("monitors", name)
        model = self.checked.experiment.monitors[name]
        if self.document.has((*path, "window")):
            self.note((*path, "window"), "set `active` of the monitor between two runs")
        writers = {"spikes": self._spike_monitor, "state": self._state_monitor, "rate": self._rate_monitor}
        if self.document.has((*path, "event")):
            writers["events"] = self._spike_monitor
        write = writers.get(model.kind)
        if write is None:
            self.note(path, f"Brian2 has no monitor of this kind: `{model.kind}`")
            return
        self.trying(path, lambda: write(name, path, self._target(model.source)))

    def _spike_monitor(self, name: str, path: FilePath, source: str) -> None:
        words, kind = [source], "SpikeMonitor"
        if self.document.has((*path, "event")):
            words.append(repr(str(self.context.text((*path, "event")).value)))
            kind = "EventMonitor"
        variables = self.document.node((*path, "variables")) if self.document.has((*path, "variables")) else None
        if isinstance(variables, ListNode):
            words.append(f"variables=[{', '.join(repr(str(v.value)) for v in variables.items)}]")  # type: ignore[union-attr]
        self._call(self.objects["monitors", name], kind, [*words, f"name={self.objects['monitors', name]!r}"])

    def _state_monitor(self, name: str, path: FilePath, source: str) -> None:
        from snnrun.model.network import StateMonitor, SynapseChoice  # noqa: PLC0415

        monitor = next(m for m in self.network.monitors if m.name == name)
        assert isinstance(monitor, StateMonitor)
        if isinstance(monitor.ids, SynapseChoice):
            raise CannotExportError("a choice of synapses to record: give `record`")
        ids = None if monitor.ids is None else as_array(monitor.ids)
        whole = ids is None or (monitor.source.startswith("groups.") and len(ids) == self._size(monitor.source))
        record = "True" if whole or ids is None else self.numbers(f"{dotted(path)}.indices", ids)
        words = [source, f"[{', '.join(repr(c.name) for c in monitor.columns)}]", f"record={record}"]
        if self.document.has((*path, "dt")):
            words.append(f"dt={self.constant((*path, 'dt'))}")
        if monitor.slot.value != "start":
            words.append(f"when={monitor.slot.value!r}")
        self._call(self.objects["monitors", name], "StateMonitor", [*words, f"name={self.objects['monitors', name]!r}"])

    def _size(self, path: str) -> int:
        return self.network.groups[path.partition(".")[2]].size

    def _rate_monitor(self, name: str, _path: FilePath, source: str) -> None:
        self._call(
            self.objects["monitors", name],
            "PopulationRateMonitor",
            [source, f"name={self.objects['monitors', name]!r}"],
        )

    # the run

    def _run(self) -> None:
        if not self.document.has(("run", "phases")):
            self.put(f"run({self.constant(('run', 'duration'))})")
            return
        phases = self.document.node(("run", "phases"))
        assert isinstance(phases, ListNode)
        monitors = {m: self.objects["monitors", m] for m in self.document.keys(("monitors",))}
        for k in range(len(phases.items)):
            path: FilePath = ("run", "phases", k)
            self.put(f"# {self.network.phases[k].name}" if k < len(self.network.phases) else "")
            for key in self.document.keys((*path, "set")):
                self.trying((*path, "set", key), partial(self._set, key, (*path, "set", key)))
            record = self.document.find((*path, "record"))
            if isinstance(record, ListNode):
                names = {str(item.value) for item in record.items if isinstance(item, ScalarNode)}
                self.put(*(f"{variable}.active = {name in names}" for name, variable in monitors.items()))
            if self.document.has((*path, "stop_when")):
                self.note((*path, "stop_when"), "call `stop()` in a `network_operation`")
            self.put(f"run({self.constant((*path, 'duration'))})")

    def _set(self, key: str, path: FilePath) -> None:
        if key in self.constants:
            self.put(f"constants[{key!r}] = {self.constant(path)}")
            return
        target, _, variable = key.rpartition(".")
        self.speak_of(target.partition(".")[0])
        self._line(f"{self._target(target)}.{variable}", path)


def number_text_of(value: float) -> str:
    """A number as Python reads it back."""
    return repr(float(value))
