"""Makes the pictures of README.md, docs/tutorial.md and docs/sweeps.md again: python tests/docs/page_pictures.py

It runs the experiments that the pages show, and copies the pictures that the pages name to docs/images/.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
PAGES = (ROOT / "README.md", ROOT / "docs" / "tutorial.md", ROOT / "docs" / "sweeps.md")
COLOURS = 192  # of a palette, which makes an image smaller
EXPERIMENTS = {
    "sweep-curves": "sweeps/f-i-curve",
    "sweep-heatmap": "sweeps/rate-plane",
    "sweep-rasters": "sweeps/coupling",
}
"""The experiments of images that do not have the name of a file of the tutorial."""
DRAWN = {
    "12-random-connectivity": "points/00001/plots/connectivity.png",
    "13-neighbours": "plots/condition.png",
    "sweep-curves": "plots/cv.png",
    "sweep-heatmap": "plots/cv.png",
    "sweep-rasters": "plots/rasters.png",
}
"""The picture of an image whose experiment draws several."""


def shown() -> list[str]:
    """Names of the images that the pages show."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    return sorted({name for text in texts for name in re.findall(r"images/([\w-]+)\.png", text)})


def experiment(image: str) -> Path:
    """The file whose run draws an image."""
    return ROOT / "experiments" / f"{EXPERIMENTS.get(image, f'tutorial/{image}')}.yaml"


def draw(image: str, out: Path) -> Path:
    """Run an image's experiment; returns the picture that the run has drawn."""
    file = experiment(image)
    command = [sys.executable, "-m", "snnrun", "run", str(file), "--out", str(out), "--allow-code", "--quiet"]
    subprocess.run(command, check=True)
    run = out / file.stem / "latest"
    if image in DRAWN:
        return run / DRAWN[image]
    (picture,) = (run / "plots").glob("*.png")
    return picture


def shrink(drawn: Path, image: Path) -> None:
    """Write a picture as an image of a page: half as wide, which is about the width of a page."""
    with Image.open(drawn) as picture:
        small = picture.convert("RGB").reduce(2)
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(image, optimize=True)


def main() -> None:
    """Make all images."""
    with tempfile.TemporaryDirectory() as folder:
        for image in shown():
            shrink(draw(image, Path(folder)), IMAGES / f"{image}.png")


if __name__ == "__main__":
    main()
