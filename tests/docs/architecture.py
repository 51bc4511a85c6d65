"""Makes the picture of docs/architecture.md from the imports: python tests/docs/architecture.py

A box is a package or module of `snnrun`. An arrow goes from it to those that it imports from; left out are imports that
other arrows imply, and those of the lowest layers, which all others may use.
"""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "snnrun"
PICTURE = ROOT / "docs" / "images" / "architecture.svg"

LOWEST = "kernels"  # the layers below this one are drawn without arrows
LEFT, MIDDLE, RIGHT = range(3)
COLUMN = {"plot": LEFT, "results": LEFT, "units": LEFT, "metrics": RIGHT, "resolve": RIGHT, "spec": RIGHT}

WIDTH, HEIGHT = 310, 54  # of a box
GAP_X, GAP_Y = 40, 44
MARGIN = 20


def layers() -> list[list[str]]:
    """The rooms of each layer, from the top, as import-linter checks them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [row.split(" | ") for row in settings["tool"]["importlinter"]["contracts"][0]["layers"]]


def purpose(room: str) -> str:
    """What a room does: the first line of its docstring."""
    first = PACKAGE / room / "__init__.py"
    text = (first if first.exists() else PACKAGE / f"{room}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0].rstrip(".")


@cache
def imported(room: str) -> frozenset[str]:
    """The other rooms that the files of a room import from."""
    found = set()
    for path in sorted((PACKAGE / room).rglob("*.py")) or [PACKAGE / f"{room}.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("snnrun."):
                found.add(str(node.module).split(".")[1])
    return frozenset(found - {room})


@cache
def reached(room: str) -> frozenset[str]:
    """All rooms that a room imports from, itself or by others."""
    return imported(room).union(*map(reached, imported(room)))


def arrows(rooms: list[str]) -> list[tuple[str, str]]:
    """Imports that no longer way of imports implies, as (importing, imported)."""
    return [
        (a, b) for a in rooms for b in rooms if b in imported(a) and not any(b in reached(c) for c in imported(a) - {b})
    ]


def rows(rooms: list[str]) -> dict[str, int]:
    """The row of each room: one below the lowest room that imports from it."""
    found: dict[str, int] = {}
    for room in rooms:  # from the top, so that all that import from it have theirs
        found[room] = max((found[a] + 1 for a in rooms if room in imported(a)), default=0)
    return found


def picture() -> str:
    """The picture as SVG."""
    order = [room for layer in layers() for room in layer]
    end = order.index(LOWEST) + 1
    place = {
        room: (MARGIN + COLUMN.get(room, MIDDLE) * (WIDTH + GAP_X), MARGIN + row * (HEIGHT + GAP_Y))
        for room, row in rows(order[:end]).items()
    }
    below = max(y for _, y in place.values()) + HEIGHT + 2 * GAP_Y
    width, height = 2 * MARGIN + 3 * WIDTH + 2 * GAP_X, below + 2 * HEIGHT + GAP_Y // 4 + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *(_arrow(place[a], place[b]) for a, b in arrows(order[:end])),
    ]
    for k, room in enumerate(order[end:]):
        place[room] = (MARGIN + k % 3 * (WIDTH + GAP_X), below + k // 3 * (HEIGHT + GAP_Y // 4))
    parts.append(f'<text x="{MARGIN}" y="{below - 12}" font-size="13" fill="#555">used by all of the above</text>')
    for room, (x, y) in place.items():
        parts += [
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#eef3fa" stroke="#4a6fa5"/>',
            f'<text x="{x + 10}" y="{y + 22}" font-size="16" font-weight="bold">{escape(room)}</text>',
            f'<text x="{x + 10}" y="{y + 42}" font-size="12">{escape(purpose(room))}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    """A curve from the lower edge of a box to the upper edge of another; between the columns where it passes a row."""
    (x, y), (to_x, to_y) = start, end
    inside = 8 if to_y - y > HEIGHT + GAP_Y and x != to_x else WIDTH // 2
    x, to_x = (x + inside, to_x + WIDTH - inside) if x > to_x else (x + WIDTH - inside, to_x + inside)
    y, to_y = y + HEIGHT, to_y - 7
    bend = (to_y - y) // 2
    curve = f"M{x} {y}C{x} {y + bend} {to_x} {to_y - bend} {to_x} {to_y}"
    tip = f"M{to_x - 4} {to_y}h8l-4 7z"
    return f'<path d="{curve}" fill="none" stroke="#555"/><path d="{tip}" fill="#555"/>'


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
