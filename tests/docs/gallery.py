"""Makes docs/gallery.md and its pictures: `python tests/docs/gallery.py [NAME ...]` runs all experiments, or these.

The benchmarks are not shown: some of them need tables that `make bench-data` makes.

The time of an experiment is that of its run without compilation, written when its picture was made; it stays in
docs/images/gallery/times.json, so that some experiments can be run again without the others.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from snnrun.spec.examples import Example, find_examples

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gallery.md"
IMAGES = ROOT / "docs" / "images" / "gallery"
TIMES = IMAGES / "times.json"
COLOURS = 48  # of a palette
WIDTH = 480  # pixels
COLUMNS = 2
TITLES = {
    "papers": "Models of papers",
    "tutorial": "Tutorial",
    "features": "One capability each",
    "sweeps": "Sweeps",
}


def run(example: Example, out: Path) -> tuple[Path | None, float]:
    """The first picture of an experiment's run, and the seconds that it took without compilation."""
    command = [sys.executable, "-m", "snnrun", "run", str(example.path), "--out", str(out), "--allow-code", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result = json.loads(done.stdout)
    seconds = result["seconds"]
    took = sum(seconds.values()) - seconds.get("compile", 0) - seconds.get("generate", 0)
    pictures = sorted(Path(result["folder"]).rglob("*.png"))
    return (pictures[0] if pictures else None), took


def shrink(picture: Path, image: Path) -> None:
    """Write a picture as a small image."""
    with Image.open(picture) as drawn:
        small = drawn.convert("RGB")
        small.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    image.parent.mkdir(parents=True, exist_ok=True)
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(image, optimize=True)


def shown() -> list[Example]:
    """The experiments of the gallery."""
    return [example for example in find_examples() if example.path.parent.name in TITLES]


def image_of(example: Example) -> Path:
    """Where the image of an experiment is."""
    return IMAGES / f"{example.name.replace('/', '-')}.png"


def page_text() -> str:
    """The page, from the descriptions of the experiments and the times of TIMES."""
    times = json.loads(TIMES.read_text(encoding="utf-8"))
    lines = [
        "# Gallery",
        "",
        "<!-- Made by tests/docs/gallery.py; do not edit. -->",
        "",
        "Experiments that come with snnrun. `snnrun examples NAME --copy DIR` copies one with the files it reads.",
        "Times are those of a whole run with its pictures, without the compilation of the first run, on two cores.",
    ]
    for folder, title in TITLES.items():
        lines += ["", f"## {title}", "", "<table>"]
        cells = [_cell(example, times[example.name]) for example in shown() if example.path.parent.name == folder]
        for k in range(0, len(cells), COLUMNS):
            lines += ["<tr>", *cells[k : k + COLUMNS], "</tr>"]
        lines.append("</table>")
    return "\n".join(lines) + "\n"


def _cell(example: Example, seconds: float) -> str:
    link = f'<a href="../experiments/{example.name}.yaml">{example.path.stem}</a>'
    image = image_of(example)
    shown = (
        f'<br><img src="images/gallery/{image.name}" width="400" alt="{example.path.stem}">' if image.exists() else ""
    )
    first = example.description.partition(". ")[0].rstrip(".")
    return f'<td valign="top"><b>{link}</b> ({seconds:.2g} s)<br>{first}.{shown}</td>'


def main(names: list[str]) -> None:
    """Run experiments, and write the page."""
    times = json.loads(TIMES.read_text(encoding="utf-8")) if TIMES.exists() else {}
    for example in shown():
        if names and example.name not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            picture, times[example.name] = run(example, Path(folder))
            if picture is not None:
                shrink(picture, image_of(example))
        sys.stderr.write(f"{example.name}: {times[example.name]:.2g} s\n")
    IMAGES.mkdir(parents=True, exist_ok=True)
    TIMES.write_text(json.dumps({k: round(v, 2) for k, v in sorted(times.items())}, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page_text(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
