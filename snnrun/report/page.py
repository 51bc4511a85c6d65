"""The whole page: one HTML file that loads nothing, with a policy that lets the browser run its one script only."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import Final

from snnrun import __version__
from snnrun.report.differences import compared, overview, seeds_of_runs
from snnrun.report.markup import Html, element, escaped, joined
from snnrun.report.pictures import Room
from snnrun.report.sections import section
from snnrun.report.subject import Subject

MADE_BY: Final = '<meta name="generator" content="snnrun report'
"""What marks a file as one of these pages."""
PICTURE_BYTES: Final = 12_000_000  # of all pictures of a page; as text they take a third more
_MOST_PAIRS: Final = 10  # of folders, that are compared


def page(subjects: Sequence[Subject], skipped: Sequence[str] = ()) -> str:
    """The page about some folders of results.

    Args:
        subjects: The folders, at least one.
        skipped: Folders that cannot be read, and why.
    """
    room = Room(PICTURE_BYTES)
    names = ", ".join(dict.fromkeys(s.entry.name for s in subjects))
    title = names if len(names) <= 100 else f"{len(subjects)} experiments"
    parts = [element("h1", element("bdi", title))]
    parts += [element("p", text, class_="warning") for text in skipped]
    if len(subjects) > 1:
        parts += [element("h2", "Overview"), overview(subjects)]
        spread = seeds_of_runs(subjects)
        parts += [element("h2", "Spread over seeds"), spread] if spread else []
        parts += _differences(subjects)
    parts += [section(subject, k, room) for k, subject in enumerate(subjects)]
    parts.append(element("footer", f"Made by snnrun {__version__} from the results alone."))
    style, script = (_file(name) for name in ("page.css", "page.js"))
    return Template(_file("page.html")).substitute(
        title=escaped(title),
        policy=escaped(_policy(style, script)),
        made_by=f'{MADE_BY} {escaped(__version__)}">',
        style=style,
        script=script,
        body=joined(parts, "\n"),
    )


def _differences(subjects: Sequence[Subject]) -> list[Html]:
    """Two folders compared; of more, the first of each name with the others of this name."""
    first: dict[str, Subject] = {}
    for subject in subjects:
        first.setdefault(subject.entry.name if len(subjects) > 2 else "", subject)
    known = {id(subject) for subject in first.values()}
    names = [s.entry.name if len(subjects) > 2 else "" for s in subjects]
    pairs = [(first[name], s) for name, s in zip(names, subjects, strict=True) if id(s) not in known]
    if not pairs:
        return []
    parts = [element("h2", "Differences"), *(compared(a, b) for a, b in pairs[:_MOST_PAIRS])]
    rest = len(pairs) - _MOST_PAIRS
    return [*parts, element("p", f"{rest:,} more comparisons are left out.", class_="note")] if rest > 0 else parts


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """The Content-Security-Policy: this style, this script, and pictures in the page; nothing else."""
    return (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
