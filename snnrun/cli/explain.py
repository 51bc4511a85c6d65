"""`snnrun explain`: what the codes of messages mean, with examples; and the page docs/errors.md, from codes.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from snnrun.cli.render import put, put_json
from snnrun.errors import at as error_at
from snnrun.errors import did_you_mean
from snnrun.spec.codes import Explanation, base_file, explanations, shown

ROOMS: Final = {
    "EQ": "Expressions and equations",
    "FMT": "Form of the file",
    "NET": "The network",
    "MET": "Metrics",
    "PLT": "Plots",
    "PL": "Plots",
    "SWP": "Sweeps",
    "FIL": "Files",
    "PTH": "Files",
    "EXT": "Files",
    "YML": "YAML",
    "TML": "TOML",
    "USE": "Models that objects use",
    "SET": "Options and commands",
    "CMD": "Options and commands",
    "UNT": "Options and commands",
    "NEW": "Options and commands",
    "EXP": "Options and commands",
    "IMP": "Options and commands",
    "CCH": "Options and commands",
    "HOK": "Python functions of the experiment",
    "RUN": "The run",
    "CMP": "Results and folders",
    "ST": "Results and folders",
}
"""What codes are about, by the letters that they begin with, in the order of the page."""


def show_code(code: str | None, *, json: bool) -> None:
    """Print what a code means, or all codes.

    Raises:
        ExperimentError: CMD103, there is no such code.
    """
    known = explanations()
    if code is None and json:
        put_json({"codes": [_as_json(name, known[name]) for name in _in_order(known)]})
        return
    if code is None:
        put("\n".join(f"{name}  {known[name].means}" for name in _in_order(known)))
        return
    name = code.strip("[]").upper()
    if name not in known:
        raise error_at(None, "CMD103", f"there is no code `{code}`", did_you_mean(name, known) or "such as EQ203")
    if json:
        put_json({"codes": [_as_json(name, known[name])]})
        return
    put(f"{name}: {known[name].means}")
    put("\n".join(_examples(known[name])))


def _as_json(code: str, known: Explanation) -> dict[str, str | None]:
    wrong, right = (None if example is None else shown(example) for example in (known.wrong, known.right))
    return {"code": code, "means": known.means, "wrong": wrong, "right": right}


def _in_order(known: dict[str, Explanation]) -> list[str]:
    order = {letters: number for number, letters in enumerate(ROOMS)}
    return sorted(known, key=lambda code: (order[letters_of(code)], code))


def letters_of(code: str) -> str:
    """The letters that a code begins with."""
    return code.rstrip("0123456789")


def _examples(known: Explanation) -> Iterator[str]:
    """The examples as lines, each indented by four spaces."""
    if known.wrong is None or known.right is None:
        yield f"\nNo example: {known.no_example}."
        return
    for word, example in (("Wrong", known.wrong), ("Right", known.right)):
        yield f"\n{word}:\n"
        yield from (f"    {line}".rstrip() for line in shown(example).split("\n"))


_HEAD: Final = """\
# Errors and warnings

<!-- Made from snnrun/spec/codes.yaml by `snnrun explain --page`; do not edit. -->

Every message has a code. `snnrun explain CODE` prints what stands here. Examples of keys are changes of this file:

{base}

Where a message has no example, it says why.
"""


def errors_page() -> str:
    """docs/errors.md."""
    known = explanations()
    base = "\n".join(f"    {line}".rstrip() for line in base_file().rstrip("\n").split("\n"))
    parts = [_HEAD.format(base=base)]
    room = ""
    for code in _in_order(known):
        if ROOMS[letters_of(code)] != room:
            room = ROOMS[letters_of(code)]
            parts.append(f"\n## {room}\n")
        parts.append(f"\n### {code}\n\n{known[code].means}\n" + "\n".join(_examples(known[code])) + "\n")
    return "".join(parts)
