"""Gathers the pages of the site in build/pages; `make site` then makes HTML of them (.mkdocs.yml).

What is in `docs` stands at the top, README, CONTRIBUTING and CHANGELOG beside it, and experiments in their folders.
Links between all of these are made right; whatever makes the HTML finds plain Markdown.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "build" / "pages"
OUTSIDE = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}
"""Pages that are not in `docs`, and where they are on the site."""
RECORDS = "decisions/index.md"
PLACES = OUTSIDE | {"docs/decisions": RECORDS}
LINK = re.compile(r"""(?P<before>\]\(|(?:href|src)=")(?P<target>[^)"#:\s]+)(?P<after>(?:\#[^)"\s]*)?[)"])""")


def place_of(file: str) -> str:
    """Where a file of the repository is on the site."""
    return PLACES.get(file, file.removeprefix("docs/"))


def page(file: str) -> str:
    """A page with its links as the site needs them."""
    folder = posixpath.dirname(place_of(file)) or "."

    def moved(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), found["target"]))
        return found["before"] + posixpath.relpath(place_of(target), folder) + found["after"]

    text = (ROOT / file).read_text(encoding="utf-8")
    if file == "README.md":  # Markdown in the cells of its table
        text = re.sub(r"<(table|tr|td)(?= |>)", r'<\1 markdown="1"', text)
    return LINK.sub(moved, text)


def list_of_records() -> str:
    """A page with the titles of all records of decisions."""
    paths = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    titles = [path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ") for path in paths]
    return "\n".join(["# Decisions", "", *(f"- [{t}]({p.name})" for t, p in zip(titles, paths, strict=True)), ""])


def gather() -> None:
    """Write all pages, and what they show and link to."""
    shutil.rmtree(PAGES, ignore_errors=True)
    for folder in ("docs", "experiments"):
        unread = shutil.ignore_patterns("*.md", "__pycache__", "made")
        shutil.copytree(ROOT / folder, PAGES / folder.removeprefix("docs"), ignore=unread, dirs_exist_ok=True)
    for name in ("LICENSE", "CITATION.cff"):
        shutil.copy(ROOT / name, PAGES)
    for file in [*OUTSIDE, *(p.relative_to(ROOT).as_posix() for p in (ROOT / "docs").rglob("*.md"))]:
        (PAGES / place_of(file)).write_text(page(file), encoding="utf-8")
    (PAGES / RECORDS).write_text(list_of_records(), encoding="utf-8")


if __name__ == "__main__":
    gather()
