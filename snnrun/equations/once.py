"""A text is parsed once, wherever it stands: many objects say the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

from snnrun.equations import ast
from snnrun.errors import ExperimentError
from snnrun.source import Span, Text

Tree = TypeVar("Tree")

_LONGEST = 1000  # characters of a text that is remembered
_MOST = 1000  # texts
_NODES = frozenset({ast.Number, ast.Quantity, ast.Boolean, ast.Name, ast.Unary, ast.Binary, ast.Call, ast.ListOf})


def parsed_once(*nodes: type) -> Callable[[Callable[[Text], Tree]], Callable[[Text], Tree]]:
    """Let a parser remember the trees of short texts; a tree that is asked for again gets the places of its text.

    Args:
        nodes: The dataclasses that its trees are made of, beside those of expressions.

    Returns:
        A decorator; the parser's method `cache_clear` forgets all texts.
    """
    moving = _NODES.union(nodes, (Span, tuple))

    def moved(value: Any, text: Text) -> Any:
        kind = type(value)
        if kind is Span:
            return text.span(value.start, value.end)
        parts = value if kind is tuple else [getattr(value, name) for name in kind.__match_args__]
        new = [moved(part, text) if type(part) in moving else part for part in parts]
        return tuple(new) if kind is tuple else kind(*new)

    def with_memory(parse: Callable[[Text], Tree]) -> Callable[[Text], Tree]:
        @lru_cache(_MOST)
        def known(value: str) -> Tree | None:
            try:
                return parse(Text.plain(value))
            except ExperimentError:
                return None

        @wraps(parse)
        def found(text: Text) -> Tree:
            tree = known(text.value) if type(text) is Text and len(text.value) <= _LONGEST else None
            return parse(text) if tree is None else moved(tree, text)  # errors have the places of the text

        found.cache_clear = known.cache_clear  # type: ignore[attr-defined]
        return found

    return with_memory
