"""The table of all codes of messages, codes.yaml: what they mean, with a wrong and a right example."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

import yaml

Example: TypeAlias = dict[str, Any] | list[str] | str
"""Keys that change the base file (dots stand for nested maps), commands, or a whole file."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means.

    Args:
        means: One or two sentences.
        wrong: An example that gives the code; None where there is none.
        right: The same without the mistake.
        no_example: Why there is no example.
        files: Other files of the examples, by name.
        suffix: How the name of the file of the examples ends.
        when: `check` or `run`: when the code is found.
    """

    means: str
    wrong: Example | None = None
    right: Example | None = None
    no_example: str = ""
    files: dict[str, str] = field(default_factory=dict)
    suffix: str = ".yaml"
    when: str = "check"


def base_file() -> str:
    """The file that examples change."""
    return str(_table()["base"])


def explanations() -> dict[str, Explanation]:
    """What each code means."""
    return {code: Explanation(**record) for code, record in _table().items() if code != "base"}


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    text = (files("snnrun.spec") / "codes.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    found: dict[str, Any] = loader.get_single_data()
    return found


def shown(example: Example) -> str:
    """An example as a user writes it."""
    if isinstance(example, list):
        return "\n".join(example)
    if isinstance(example, str):
        return example.rstrip("\n")
    tree = nested(example)
    text = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True, default_flow_style=None)
    return text.replace(": |-\n", ": |\n").rstrip("\n")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, maps that hold one and the outermost map too, others in braces."""

    def represent(self, data: Any) -> None:
        node: Any = self.represent_data(data)
        node.flow_style = False
        self.serialize(node)

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> Any:
        node = super().represent_mapping(tag, mapping, flow_style)
        if any(isinstance(value, str) and "\n" in value for value in mapping.values()):
            node.flow_style = False
        return node


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def nested(example: dict[str, Any]) -> dict[str, Any]:
    """An example as nested maps."""
    tree: dict[str, Any] = {}
    for path, value in example.items():
        *outer, last = path.split(".")
        node = tree
        for step in outer:
            node = node.setdefault(step, {})
        node[last] = value
    return tree
