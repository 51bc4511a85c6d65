"""A script that grows: its lines, the names of its objects, and the texts of the file as Brian2 reads them."""

from __future__ import annotations

import keyword
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from snnrun.equations.ast import Statement
from snnrun.equations.dag import Kind
from snnrun.equations.model import Definition, Role, parse_equations
from snnrun.equations.parse import parse_statements
from snnrun.export.expressions import FUNCTIONS, CannotExportError, Printer, dimension_text, unit_name
from snnrun.export.lines import Lines
from snnrun.export.orders import Key, orders
from snnrun.model.network import NeuronSubset
from snnrun.running.stages import Checked
from snnrun.spec.nodes import ListNode, MapNode, ScalarNode
from snnrun.spec.nodes import Path as FilePath
from snnrun.units.names import lookup_unit

_TAKEN = frozenset(
    """
    np plt itertools points point repetition metrics name value arrays constants defaultclock seed start_scope run
    Network NeuronGroup PoissonGroup SpikeGeneratorGroup PoissonInput Synapses SpikeMonitor StateMonitor
    PopulationRateMonitor EventMonitor TimedArray Quantity linked_var mean
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

_BUILT_IN = frozenset("t dt t_in_timesteps i j N N_pre N_post N_incoming N_outgoing xi e pi inf".split())  # noqa: SIM905

METHODS = ("exact", "exponential_euler", "euler", "rk2", "rk4", "heun", "milstein")
"""Methods of both."""


@dataclass
class Page(Lines):
    """A script that grows, and the texts of the file as Brian2 reads them.

    Args:
        checked: The experiment.
        data_file: Name of the file with long lists of numbers, beside the script.
        repeated: Whether points of a sweep are repeated with other seeds.
        products: Whether all combinations of several lists are run.
    """

    checked: Checked
    data_file: str
    repeated: bool = False
    products: bool = False

    def __post_init__(self) -> None:
        self.document = self.checked.document
        self.context = self.checked.resolved.context
        self.network = self.checked.resolved.network
        self.constants = self.document.keys(("constants",))
        self.objects: dict[tuple[str, str], str] = {}
        self.swept: dict[str, str] = {}
        for section, ending in _ENDINGS.items():
            for name in self.document.keys((section,)):
                self.objects[section, name] = self.variable(name, ending)
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

    def variable(self, name: str, ending: str) -> str:
        """A name of a Python variable that nothing else has: that of an object or a value of the file, if it may."""
        taken = {*_TAKEN, *FUNCTIONS, *self.objects.values(), *self.swept.values()}
        while name in taken or keyword.iskeyword(name) or (lookup_unit(name) is not None and unit_name(name) == name):
            name += ending
        return name

    @staticmethod
    def _quantity(value: float, dimension: Any) -> str:
        unit = dimension_text(dimension)
        return repr(float(value)) if unit == "1" else f"{float(value)!r}*{unit}"

    def leftover(self, path: FilePath, known: Collection[str], reasons: Mapping[str, str] | None = None) -> None:
        """Note the keys of a map that the script does not follow.

        Args:
            path: The map.
            known: Keys that it follows, or that change no result.
            reasons: What to do about some of the others.
        """
        for key in self.document.keys(path):
            if key not in known:
                self.note((*path, key), (reasons or {}).get(key, "write it in Python"))

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

    def common(self, path: FilePath, variable: str = "") -> list[str]:
        """Arguments of all objects: their time step, constants and name.

        Args:
            path: The object.
            variable: Its Python variable where it is not that of the object.
        """
        own = self.document.keys((*path, "constants"))
        found = [f"dt={self.constant((*path, 'dt'))}"] if self.document.has((*path, "dt")) else []
        namespace = "constants"
        if own:
            namespace = f"constants_of_{self.objects[str(path[0]), str(path[-1])]}"
            names = {**self.python.names, **{n: f"{namespace}[{n!r}]" for n in own}}
            printer = replace(self.python, names=names, shadowed=self.python.shadowed | frozenset(own))
            self.put(f"{namespace} = dict(constants)")
            self.put(*(f"{namespace}[{n!r}] = {self.value((*path, 'constants', n), printer)}" for n in own))
        found += [f"order={self.value((*path, 'order'))}"] if self.document.has((*path, "order")) else []
        return [
            *found,
            f"namespace={namespace}",
            f"name={variable or self.objects[str(path[0]), str(path[-1])]!r}",
        ]

    def equations(self, path: FilePath) -> list[str]:
        """Equations, one a line."""
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

    @cached_property
    def orders(self) -> Mapping[Key, int]:
        """Orders that have to be given so that Brian2 keeps our sequence."""
        reads = {
            name: {source.partition(".")[0] for source, _ in self.links(name).values()}
            for name in self.network.groups
            if self.document.has(("groups", name, "linked"))
        }
        return orders(self.network, self.objects, reads)

    def links(self, group: str) -> dict[str, tuple[str, str]]:
        """What the linked variables of a group are: a group or a part of one, and its variable."""
        found: dict[str, tuple[str, str]] = {}
        for name in self.document.keys(("groups", group, "linked")):
            path: FilePath = ("groups", group, "linked", name)
            whole = (*path, "from") if self.document.has((*path, "from")) else path
            source, _, variable = str(self.context.text(whole).value).strip().rpartition(".")
            found[name] = source, variable
        return found

    def order(self, key: Key, path: FilePath) -> str:
        """The order of an object as Python: one that has to be given, that of the file, or nothing."""
        if key in self.orders:
            return str(self.orders[key])
        return self.value(path) if self.document.has(path) else ""

    def part(self, part: NeuronSubset) -> str:
        """The Python variable of a group or of a part of it."""
        if part.name == part.group:
            return self.objects[part.section, part.group]
        return part.name.replace(".", "_")

    def view(self, part: NeuronSubset) -> str:
        """The Python variable of neurons that stand side by side."""
        if not part.whole and not (isinstance(part.members, range) and part.members.step == 1):
            raise CannotExportError(f"`{part.name}`, whose neurons are not side by side")
        return self.part(part)

    def initial(self, variable: str, path: FilePath) -> None:
        """Values at the start, each in a line."""
        for name in self.document.keys(path):
            at: FilePath = (*path, name)
            self.trying(at, partial(self.assign, f"{variable}.{name}", at))

    def assign(self, target: str, path: FilePath) -> None:
        """A line that gives a variable its values."""
        node = self.document.node(path)
        if isinstance(node, ScalarNode):
            self.put(f"{target} = {self.assigned(path)}")
        elif isinstance(node, ListNode) and node.items and all(isinstance(item, MapNode) for item in node.items):
            for k in range(len(node.items)):
                self._rule(target, (*path, k))
        elif isinstance(node, ListNode):
            self.put(f"{target} = {self.list_of(path)}")
        else:
            raise CannotExportError("values from a file: the script would need a copy of it")

    def _rule(self, target: str, path: FilePath) -> None:
        if self.document.has((*path, "subgroup")):
            raise CannotExportError("values of a subgroup in a list")
        where = repr(self.value((*path, "where"))) if self.document.has((*path, "where")) else ":"
        self.put(f"{target}[{where}] = {self.assigned((*path, 'value'))}")

    def assigned(self, path: FilePath) -> str:
        """The right side of an assignment: a text that Brian2 evaluates for each element, or a list."""
        text = self.value(path)
        return self.constant(path) if text.startswith("[") or "[" in text else repr(text)

    def list_of(self, path: FilePath) -> str:
        """A list of the file as Python."""
        node = self.document.node(path)
        assert isinstance(node, ListNode)
        items = [self.constant((*path, k)) for k in range(len(node.items))]
        return (
            f"np.array([{', '.join(items)}])" if all("*" not in i for i in items) else f"Quantity([{', '.join(items)}])"
        )

    def plain_or_text(self, path: FilePath) -> str:
        """A number as Python, any other expression as a text that Brian2 evaluates."""
        text = self.value(path)
        try:
            return repr(float(text)) if "." in text else repr(int(text))
        except ValueError:
            return repr(text)

    def indices(self, path: FilePath) -> str:
        """Indices of neurons as Python, or an expression as a text."""
        node = self.document.node(path)
        if isinstance(node, ListNode):
            return f"[{', '.join(self.constant((*path, k)) for k in range(len(node.items)))}]"
        return self.plain_or_text(path)

    def target(self, target: str) -> str:
        """The Python variable of a group, a part of one, or synapses."""
        for section in ("groups", "synapses"):
            if (section, target) in self.objects:
                return self.objects[section, target]
        group, _, part = target.partition(".")
        if group not in self.network.groups or part not in self.network.groups[group].subgroups:
            raise CannotExportError(f"`{target}`")
        return self.view(self.network.groups[group].subgroups[part])
