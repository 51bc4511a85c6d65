"""HTML from Python: what is not HTML already is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final

from snnrun.spec.write_yaml import visible

_EMPTY: Final = frozenset({"img", "input", "meta"})


class Html(str):
    """A text that is HTML; any other text becomes HTML by `escaped`."""

    __slots__ = ()


Content = str | Iterable[str]


def escaped(text: str) -> Html:
    """A text as HTML. Characters that no eye sees, such as terminal codes and marks of direction, become escapes."""
    return text if isinstance(text, Html) else Html(html.escape(visible(text)))


def joined(parts: Iterable[str], between: str = "") -> Html:
    """Parts one after the other."""
    return Html(escaped(between).join(escaped(part) for part in parts))


def element(name: str, *content: Content, **attributes: str | bool | None) -> Html:
    """An element.

    Args:
        name: Its name.
        content: Texts and other elements.
        attributes: Its attributes; `_` in a name stands for `-`, and one at its end is left out (`class_`). True: an
            attribute without a value. None and False: none.
    """
    given = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escaped(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    start = Html(f"<{name}{given}>")
    if name in _EMPTY:
        return start
    inner = joined(part if isinstance(part, str) else joined(part) for part in content)
    return Html(f"{start}{inner}</{name}>")
