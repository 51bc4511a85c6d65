"""Names of a generated text: places for them first, the words of the model last.

While a text is written, a name is a place, `ǁ3ǁ`. A finished text is read in two ways: with the names of the model, for
people and the compiler, and with numbers, which tell whether two texts have the same structure.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence

from snnrun.equations.dag import Constant, Node, Op, Parameter

_PLACE = re.compile("ǁ([0-9]+)ǁ")
WORD = re.compile(r"[A-Za-z_]\w*")
_LONGEST = 24  # letters of a name
_WIDTH = 110  # letters of a line
_WORDS = {Op.ADD: "plus", Op.SUB: "minus", Op.MUL: "times", Op.DIV: "over", Op.POW: "to", Op.NEG: "minus"}


class Names:
    """The names of one function."""

    def __init__(self) -> None:
        self._stems: list[str] = []

    def new(self, stem: str) -> str:
        """A place for a name that is to begin like this."""
        self._stems.append(stem)
        return f"ǁ{len(self._stems) - 1}ǁ"

    def stem(self, place: str) -> str:
        """What the name at a place is to begin with."""
        found = _PLACE.fullmatch(place)
        assert found is not None
        return self._stems[int(found[1])]

    def named(self, text: str) -> str:
        """A text with the names of the model; no two are the same, and none is a word of the text itself."""
        return self.put(text, self.chosen(text))

    def chosen(self, text: str) -> list[str]:
        """The name for each place in a text."""
        code = re.sub(r"#.*", "", _PLACE.sub(" ", text))
        used = {*keyword.kwlist, *WORD.findall(code)}
        found: list[str] = []
        for stem in self._stems:
            plain = name = _identifier(stem)
            number = 2
            while name in used:
                name = f"{plain}_{number}"
                number += 1
            used.add(name)
            found.append(name)
        return found

    @staticmethod
    def put(text: str, names: Sequence[str]) -> str:
        """A text with names in their places."""
        return _PLACE.sub(lambda place: names[int(place[1])], text)

    @staticmethod
    def numbered(text: str, prefix: str = "x") -> str:
        """A text with numbers for names, in the order in which they appear."""
        found: dict[str, str] = {}
        return _PLACE.sub(lambda place: found.setdefault(place[0], f"{prefix}{len(found)}"), text)

    @staticmethod
    def places(text: str) -> set[str]:
        """The places in a text."""
        return {place[0] for place in _PLACE.finditer(text)}


def folded(text: str) -> str:
    """A text whose long lines go on, within parentheses, on lines of their own."""
    lines: list[str] = []
    for whole in text.splitlines():
        line = whole
        indent = " " * (len(line) - len(line.lstrip()) + 8)
        open_before = 0  # parentheses
        while len(line) > _WIDTH and not line.lstrip().startswith("#"):
            depth = open_before
            places = []
            for k, letter in enumerate(line[:_WIDTH]):
                depth += (letter in "([") - (letter in ")]")
                if letter == " " and depth > 0 and line[k - 1] in ",+-*/&|" and k > len(indent):
                    places.append(k)
            if not places:
                break
            lines.append(line[: places[-1]])
            open_before += sum((letter in "([") - (letter in ")]") for letter in lines[-1])
            line = indent + line[places[-1] + 1 :]
        lines.append(line)
    return "\n".join(lines) + "\n"


def _identifier(text: str) -> str:
    word = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    return f"value_{word}" if word[:1].isdigit() else word or "x"


def stem_of(node: Node) -> str:
    """A name for a value that is fixed during the run: of the constants that it is made of."""
    if isinstance(node.payload, Constant | Parameter):
        return node.payload.name
    name = "_".join(part for part in _parts(node) if part)
    return name if name and len(name) <= _LONGEST else "fixed"


def _parts(node: Node) -> list[str]:
    match node.op:
        case Op.CONSTANT:
            return [stem_of(node)]
        case Op.LITERAL:
            return [f"{node.payload:g}".replace("-", "minus_").replace("+", "").replace(".", "p")]
        case Op.DIV if node.args[0].op is Op.LITERAL and node.args[0].payload == 1:
            return ["inverse", *_parts(node.args[1])]
        case Op.NEG:
            return ["minus", *_parts(node.args[0])]
        case Op.MUL if any(a.op is Op.LITERAL for a in node.args):
            return [*_parts(node.args[0]), *_parts(node.args[1])]
        case Op.ADD | Op.SUB | Op.MUL | Op.DIV | Op.POW:
            return [*_parts(node.args[0]), _WORDS[node.op], *_parts(node.args[1])]
        case Op.FUNCTION:
            return [str(node.payload), *(part for a in node.args for part in _parts(a))]
        case _:
            return ["fixed"]


def shown(node: Node) -> str:
    """A value that is fixed during the run, as people write it."""
    text = _shown(node)
    return text[1:-1] if text.startswith("(") else text


def _shown(node: Node) -> str:
    match node.op:
        case Op.CONSTANT:
            return stem_of(node)
        case Op.LITERAL:
            return f"{node.payload}"
        case Op.NEG:
            return f"-{_shown(node.args[0])}"
        case Op.ADD | Op.SUB | Op.MUL | Op.DIV | Op.POW | Op.LT | Op.LE | Op.GT | Op.GE:
            return f"({_shown(node.args[0])} {node.op.value} {_shown(node.args[1])})"
        case Op.FUNCTION:
            return f"{node.payload}({', '.join(map(shown, node.args))})"
        case _:
            return str(node.op.value)
