"""Text to tree: a small scanner and a precedence parser, with bounds that hold for hostile text.

Input: a `Text`; output: trees of `ast.py`. Non-goals: meaning of names, dimensions.
Nothing here calls Python's own parser or evaluator.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import TypeVar

from snnrun.equations.ast import (
    COMPARISONS,
    PRECEDENCE,
    Binary,
    Boolean,
    Call,
    Expr,
    Generator,
    ListOf,
    Name,
    Number,
    Quantity,
    Statement,
    Unary,
    children,
)
from snnrun.equations.once import parsed_once
from snnrun.errors import Attempts, ExperimentError, at, did_you_mean
from snnrun.source import Span, Text
from snnrun.units.names import lookup_unit, unit_names

A = TypeVar("A")
B = TypeVar("B")

MAX_CHARACTERS = 4096
MAX_DEPTH = 64  # of brackets
MAX_LEVELS = 128  # of operations on the results of others
MAX_NODES = 2000
MOST_LINES = 5_000  # of equations or statements in one text
MAX_DIGITS = 64
MAX_EXPONENT = 308
LARGEST = Fraction(sys.float_info.max)

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+|\#[^\n]*)
  | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
  | (?P<op>\*\*|//|<=|>=|==|!=|\+=|-=|\*=|/=|[-+*/%<>=(),\[\];])
""",
    re.VERBOSE,
)
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
_RESERVED = frozenset({"and", "or", "not", "for", "in", "if", "else", "lambda", "import"})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # number, name, op, end
    text: str
    start: int
    end: int


def _scan(text: Text) -> list[_Token]:
    if len(text.value) > MAX_CHARACTERS:
        raise at(
            text.span(0, 1), "EQ102", f"this expression has {len(text.value)} characters; {MAX_CHARACTERS} are allowed"
        )
    tokens: list[_Token] = []
    position = 0
    while position < len(text.value):
        found = _TOKEN.match(text.value, position)
        if found is None:
            raise _bad_character(text, position)
        kind = found.lastgroup or ""
        if kind != "space":
            tokens.append(_Token(kind, found.group(), found.start(), found.end()))
        position = found.end()
    tokens.append(_Token("end", "", position, position))
    return tokens


def _bad_character(text: Text, position: int) -> ExperimentError:
    char = text.value[position]
    hints = {
        "^": "write `**` for a power",
        "&": "write `and`",
        "|": "write `or`",
        "!": "write `not`",
        "'": "an expression holds no strings",
        '"': "an expression holds no strings",
        "{": "use round brackets",
        "µ": "write `u` for micro, for example `us`",
        "Ω": "write `ohm`",
        "=": "write `==` to compare",
    }
    shown = char if char.isprintable() else f"\\x{ord(char):02x}"
    return at(text.span(position, position + 1), "EQ101", f"`{shown}` has no meaning in an expression", hints.get(char))


class _Parser:
    """A precedence-climbing parser over one text."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.tokens = _scan(text)
        self.index = 0
        self.depth = 0
        self.nodes = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.index]

    def span(self, start: int, end: int) -> Span:
        return self.text.span(start, end)

    def here(self) -> Span:
        token = self.token
        return self.span(token.start, max(token.end, token.start))

    def advance(self) -> _Token:
        token = self.token
        if token.kind != "end":
            self.index += 1
        return token

    def accept(self, *texts: str) -> _Token | None:
        if self.token.text in texts and self.token.kind in {"op", "name"}:
            return self.advance()
        return None

    def expect(self, text: str, why: str) -> _Token:
        if self.token.text == text:
            return self.advance()
        raise self.unexpected(why)

    def unexpected(self, wanted: str) -> ExperimentError:
        token = self.token
        found = "the text ends" if token.kind == "end" else f"found `{token.text}`"
        help = "choose by `int(condition)*a + int(not condition)*b`" if token.text == "if" else None
        return at(self.here(), "EQ103", f"{found} where {wanted} was expected", help)

    def counted(self, node: Expr) -> Expr:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise at(self.here(), "EQ102", f"this expression has more than {MAX_NODES} parts")
        return node

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise at(self.here(), "EQ102", f"this expression is nested deeper than {MAX_DEPTH} levels")

    def expression(self, minimum: int = 0) -> Expr:
        self.deeper()
        left = self.prefix()
        while True:
            op = self.token.text
            level = PRECEDENCE.get(op, 0) if self.token.kind in {"op", "name"} and op not in {"not", "neg"} else 0
            if level == 0 or level < minimum:
                break
            left = self.infix(left, op, level)
        self.depth -= 1
        return left

    def infix(self, left: Expr, op: str, level: int) -> Expr:
        start = left.span
        self.advance()
        right = self.expression(PRECEDENCE["neg"]) if op == "**" else self.expression(level + 1)
        whole = start.up_to(right.span)
        if op in COMPARISONS and self.token.text in COMPARISONS:
            # a < b < c is (a < b) and (b < c)
            self.deeper()
            rest = self.infix(right, self.token.text, level)
            self.depth -= 1
            first = self.counted(Binary(op, left, right, whole))
            return self.counted(Binary("and", first, rest, start.up_to(rest.span)))
        return self.counted(Binary(op, left, right, whole))

    def prefix(self) -> Expr:
        token = self.token
        if token.text == "-" and token.kind == "op":
            self.advance()
            operand = self.expression(PRECEDENCE["neg"])
            return self.counted(Unary("-", operand, self.place(token).up_to(operand.span)))
        if token.text == "+" and token.kind == "op":
            self.advance()
            return self.expression(PRECEDENCE["neg"])
        if token.text == "not" and token.kind == "name" and not self.is_whole_argument():
            self.advance()
            operand = self.expression(PRECEDENCE["not"])
            return self.counted(Unary("not", operand, self.place(token).up_to(operand.span)))
        return self.primary()

    def place(self, token: _Token) -> Span:
        return self.span(token.start, token.end)

    def primary(self) -> Expr:
        token = self.token
        if token.kind == "number":
            return self.number()
        if token.kind == "name" and (token.text not in _RESERVED or self.is_whole_argument()):
            return self.name()
        if token.text == "(" and token.kind == "op":
            self.advance()
            inner = self.expression()
            self.expect(")", "`)`")
            return replace(inner, span=self.span(token.start, self.tokens[self.index - 1].end))
        if token.text == "[" and token.kind == "op":
            self.advance()
            items = self.arguments("]")
            return self.counted(ListOf(items, self.span(token.start, self.tokens[self.index - 1].end)))
        raise self.unexpected("a number, a name or `(`")

    def is_whole_argument(self) -> bool:
        """Whether the token is all of an argument: a monitor may be called `in`, as in `count(in)`."""
        return self.tokens[self.index - 1].text in {"(", ","} and self.tokens[self.index + 1].text in {")", ","}

    def number(self) -> Expr:
        token = self.advance()
        value = self.literal(token)
        unit = self.token
        if unit.kind == "name" and unit.text not in _RESERVED and unit.text not in _BOOLEANS:
            return self.quantity(token, value)
        if unit.kind == "number":
            raise at(self.here(), "EQ103", f"`{token.text} {unit.text}`: an operator is missing between two numbers")
        integer = "." not in token.text and "e" not in token.text.lower()
        return self.counted(Number(value, integer, self.span(token.start, token.end)))

    def literal(self, token: _Token) -> Fraction:
        mantissa, _, exponent = token.text.lower().partition("e")
        beyond = exponent and (len(exponent) > 5 or abs(int(exponent)) > MAX_EXPONENT)
        if len(mantissa) > MAX_DIGITS or beyond:
            size = "near to zero" if exponent.startswith("-") else "large (over 1.8e308)"
            what = f"the number `{token.text[:40]}` is too {size if beyond else 'long'}"
            raise at(self.span(token.start, token.end), "EQ104", what)
        value = Fraction(token.text)
        if value > LARGEST:
            raise at(
                self.span(token.start, token.end),
                "EQ104",
                f"the number `{token.text[:40]}` is too large (over 1.8e308)",
            )
        return value

    def quantity(self, number: _Token, value: Fraction) -> Expr:
        unit = self.advance()
        power = 1
        if lookup_unit(unit.text) is None:
            raise unknown_unit(unit.text, self.span(unit.start, unit.end))
        if self.token.text == "**" and self.tokens[self.index + 1].kind in {"number", "op"}:
            power = self.unit_power()
        end = self.tokens[self.index - 1].end
        return self.counted(Quantity(value, unit.text, power, self.span(number.start, end)))

    def unit_power(self) -> int:
        self.advance()
        sign = -1 if self.accept("-") else 1
        token = self.token
        if token.kind != "number" or not token.text.isdigit() or len(token.text) > 2:
            raise self.unexpected("a whole number as the power of a unit")
        self.advance()
        return sign * int(token.text)

    def name(self) -> Expr:
        token = self.advance()
        span = self.span(token.start, token.end)
        if token.text in _BOOLEANS:
            return self.counted(Boolean(_BOOLEANS[token.text], span))
        if self.token.text == "(" and self.token.kind == "op":
            self.advance()
            args = self.arguments(")")
            whole = self.span(token.start, self.tokens[self.index - 1].end)
            return self.counted(Call(token.text, args, whole, span))
        if self.token.kind in {"number", "name"} and self.token.text not in _RESERVED:
            raise at(
                self.here(),
                "EQ103",
                f"`{token.text} {self.token.text}`: an operator is missing",
                "write `*` between names; only a number may stand directly before a unit",
            )
        return self.counted(Name(token.text, span))

    def arguments(self, close: str) -> tuple[Expr, ...]:
        args: list[Expr] = []
        if self.accept(close):
            return ()
        while True:
            args.append(self.expression())
            if self.accept(close):
                return tuple(args)
            if self.token.text == "=":
                raise at(self.here(), "EQ103", "`=` has no meaning here", "write `==` to compare")
            self.expect(",", f"`,` or `{close}`")
            if self.accept(close):
                return tuple(args)

    def finish(self, node: Expr) -> Expr:
        if self.token.kind != "end":
            if self.token.text == "=":
                raise at(self.here(), "EQ103", "`=` has no meaning here", "write `==` to compare")
            raise self.unexpected("an operator or the end")
        _must_be_flat(node)
        return node


def _must_be_flat(expr: Expr) -> None:
    """Refuse a tree that is deeper than those who read it can follow.

    Raises:
        ExperimentError: EQ102.
    """
    stack = [(expr, 1)]
    while stack:
        node, level = stack.pop()
        if level > MAX_LEVELS:
            raise at(
                expr.span,
                "EQ102",
                f"more than {MAX_LEVELS} operations are nested here",
                "put the parts of a long sum or product into brackets: `(a + b + ...) + (c + d + ...)`",
            )
        stack.extend((part, level + 1) for part in children(node))


def unknown_unit(name: str, span: Span) -> ExperimentError:
    """The error for a unit that does not exist."""
    return at(span, "EQ105", f"there is no unit `{name}`", did_you_mean(name, unit_names()))


@parsed_once()
def parse_expression(text: Text) -> Expr:
    """Parse one expression.

    Raises:
        ExperimentError: EQ101 to EQ105, at the character that cannot be read.
    """
    if not text.value.strip():
        raise at(text.span(), "EQ103", "an expression is missing here")
    parser = _Parser(text)
    return parser.finish(parser.expression())


def split_lines(text: Text, separators: str = "\n;") -> list[Text]:
    """Cut a text into its statements, joining lines while a bracket is open or an operator waits.

    Comments (`# ...`) are left out; each piece keeps its places.
    """
    pieces: list[Text] = []
    start, depth, position = 0, 0, 0
    value = text.value
    while position <= len(value):
        char = value[position] if position < len(value) else "\n"
        if char == "#":
            end = value.find("\n", position)
            position = len(value) if end < 0 else end
            continue
        depth += (char in "([") - (char in ")]")
        at_end = position == len(value)
        if at_end or (char in separators and (char == ";" or (depth <= 0 and not _goes_on(value, start, position)))):
            piece = text.slice(start, min(position, len(value)))
            if _strip_comments(piece.value).strip():
                pieces.append(_trim(piece))
                if len(pieces) > MOST_LINES:
                    advice = "quantities that are alike can be one variable of a larger group"
                    raise at(pieces[-1].span(), "EQ108", f"a text has more than {MOST_LINES:,} lines", advice)
            start, depth = position + 1, 0
        position += 1
    return pieces


def _strip_comments(value: str) -> str:
    return re.sub(r"#[^\n]*", "", value)


def _goes_on(value: str, start: int, end: int) -> bool:
    """Whether the piece before a line break is unfinished (ends in an operator), or the next line starts with one."""
    before = _strip_comments(value[start:end]).rstrip()
    return bool(before) and (before[-1] in "+-*/%,(<>=" or before.endswith((" and", " or", " not")))


def _trim(text: Text) -> Text:
    left = len(text.value) - len(text.value.lstrip())
    right = len(text.value.rstrip())
    return text.slice(left, right)


@parsed_once(Statement)
def parse_statements(text: Text) -> tuple[Statement, ...]:
    """Parse assignments separated by lines or `;`.

    Raises:
        ExperimentError: One diagnostic for each statement that cannot be read.
    """
    return collect(split_lines(text), _statement)


def collect(items: Iterable[A], parse: Callable[[A], B]) -> tuple[B, ...]:
    """Apply a parser to each item; errors of all items are raised together."""
    attempts = Attempts()
    done = [attempts.attempt(partial(parse, item)) for item in items]
    attempts.stop_if_errors()
    return tuple(d for d in done if d is not None)


def _statement(text: Text) -> Statement:
    parser = _Parser(text)
    target = parser.token
    if target.kind != "name" or target.text in _RESERVED:
        raise parser.unexpected("the name of a variable to assign")
    parser.advance()
    op = parser.token.text
    if op not in {"=", "+=", "-=", "*=", "/="}:
        raise at(
            parser.here(),
            "EQ106",
            "a statement must assign: `variable = expression`",
            "statements are assignments such as `v = 0` or `v += w`",
        )
    parser.advance()
    value = parser.finish(parser.expression())
    return Statement(target.text, op if op == "=" else op[:-1], value, text.span(), text.span(target.start, target.end))


def parse_generator(text: Text) -> Generator:
    """Parse `j` texts of connect rules: `i + 1`, `k for k in range(i-3, i+4) if k != i`, `k for k in sample(N, p=0.1)`.

    Raises:
        ExperimentError: At the place that cannot be read.
    """
    parser = _Parser(text)
    element = parser.expression()
    if parser.token.text != "for":
        return Generator(parser.finish(element), None, "single", (), (), None)
    parser.advance()
    variable = parser.advance()
    if variable.kind != "name" or "." in variable.text:
        raise parser.unexpected("the name of the loop variable")
    parser.expect("in", "`in`")
    kind = parser.advance()
    if kind.text not in {"range", "sample"}:
        raise at(
            text.span(kind.start, kind.end),
            "EQ107",
            f"`{kind.text}` cannot be looped over",
            "use `range(...)` or `sample(...)`",
        )
    parser.expect("(", "`(`")
    args, options = _generator_arguments(parser)
    condition = parser.expression() if parser.accept("if") else None
    if parser.token.kind != "end":
        raise parser.unexpected("`if` or the end")
    for part in (element, *args, *(value for _, value in options), *(() if condition is None else (condition,))):
        _must_be_flat(part)
    return Generator(element, variable.text, kind.text, args, options, condition)


def _generator_arguments(parser: _Parser) -> tuple[tuple[Expr, ...], tuple[tuple[str, Expr], ...]]:
    args: list[Expr] = []
    options: list[tuple[str, Expr]] = []
    while not parser.accept(")"):
        following = parser.tokens[min(parser.index + 1, len(parser.tokens) - 1)]
        if parser.token.kind == "name" and following.text == "=":
            name = parser.advance().text
            parser.advance()
            if name not in {"p", "size"}:
                raise parser.unexpected("`p` or `size`")
            options.append((name, parser.expression()))
        else:
            args.append(parser.expression())
        if parser.token.text != ")":
            parser.expect(",", "`,` or `)`")
    return tuple(args), tuple(options)
