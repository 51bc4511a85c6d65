"""The part of docs/library.md that lists the models: `python tests/docs/library_page.py` writes it."""

from __future__ import annotations

from pathlib import Path

from snnrun.spec.library import library_models

PAGE = Path(__file__).parents[2] / "docs" / "library.md"
_MARK = "<!-- From here on made"
_HEADS = {"groups": "## Models of neurons and of currents in them", "synapses": "## Models of synapses"}


def page_text() -> str:
    """The page with its list made anew."""
    text = PAGE.read_text(encoding="utf-8")
    end = text.index("\n", text.index(_MARK))
    return text[:end] + "\n" + "\n".join(_models()) + "\n"


def _models() -> list[str]:
    lines = []
    for section, head in _HEADS.items():
        lines += ["", head]
        for model in library_models():
            if model.section == section:
                lines += ["", f"### `{model.name}`", "", "```yml", model.text.rstrip("\n"), "```"]
    return lines


if __name__ == "__main__":
    PAGE.write_text(page_text(), encoding="utf-8")
