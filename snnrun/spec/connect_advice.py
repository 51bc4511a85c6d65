"""What to write for a connection rule that was written as in other tools, or in half."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from snnrun.spec.models import CONNECT_FORMS

RULES: Final = "`all`, `one_to_one`, `{p: 0.1}`, `{where: i != j}`, `{fixed_indegree: 80}` or `{j: ...}`"
_ALL: Final = {"true", "alltoall", "full", "fullyconnected", "every", "everything", "complete", "dense"}
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ASSIGNED: Final = re.compile(r"\s*(\w+)\s*[=:]\s*(?!=)(.+)")
_CONDITION: Final = re.compile(r"[<>]|==|!=|\b(and|or|not)\b")
_CHANCE: Final = (
    "p",
    {"prob", "probability", "pconnect", "fixedprobability", "pairwisebernoulli", "bernoulli", "chance"},
)
_WHERE: Final = ("where", {"condition", "cond", "if"})
_EXAMPLES: Final = {"p": "0.1", "where": "i != j", "multapses": "true"} | {
    form.needs[0]: form.example for form in CONNECT_FORMS if form.example
}
_KEYS: Final = (*((form.needs[0], form.others) for form in CONNECT_FORMS if form.example), _CHANCE, _WHERE)
_FLAGS: Final = {"allowautapses": "autapses", "allowmultapses": "multapses", "allowselfconnections": "autapses"}
_VALUES: Final = {"w", "weight", "weights", "g", "conductance"}


def of_word(word: str) -> str | None:
    """The rule that a word or number instead of one means; None when nothing is known of it."""
    word = word.strip().strip("'\"")
    plain = re.sub(r"[^a-z]", "", word.lower())
    if plain in _ALL:
        return "write `all`"
    if plain in {"onetoone", "pairwise"} or word.replace(" ", "") in {"i==j", "j==i", "j=i", "j='i'"}:
        return "write `one_to_one`"
    if _NUMBER.fullmatch(word):
        number = float(word)
        return f"a probability is `{{p: {word}}}`" if 0 <= number <= 1 else f"a number is `{{fixed_indegree: {word}}}`"
    assigned = _ASSIGNED.fullmatch(word)
    if assigned:
        key = ours(assigned[1]) or assigned[1]
        return f"write `{{{key}: {_quoted(assigned[2])}}}`"
    if " for " in word:
        return f'targets of each source are `{{j: "{word}"}}`'
    if _CONDITION.search(word):
        return f"a condition is `{{where: {_quoted(word)}}}`"
    key = ours(word)
    if key in _EXAMPLES:
        return f"write `{{{key}: {_EXAMPLES[key]}}}`"
    return None


def of_key(key: str, known: Iterable[str]) -> str | None:
    """The key of a rule that one of another tool means; None when nothing is known of it."""
    plain = re.sub(r"[^a-z]", "", key.lower())
    if plain in _ALL | {"all"}:
        return "write `connect: all`"
    if plain == "onetoone":
        return "write `connect: one_to_one`"
    if key in _VALUES:
        return f"values of synapses are `initial: {{{key}: ...}}`"
    mine = ours(key)
    if mine == "autapses" and mine not in known:
        return "to leave out synapses of a neuron to itself, add `where: i != j`"
    if mine is None or mine == key:
        return None
    return f"write `{{{mine}: {_EXAMPLES[mine]}}}`" if mine not in known else f"did you mean `{mine}`?"


def ours(key: str) -> str | None:
    """What this format calls a key of a rule."""
    plain = re.sub(r"[^a-z]", "", key.lower())
    found = next((mine for mine, others in _KEYS if plain in others or key == mine), None)
    return found or _FLAGS.get(plain)


def _quoted(text: str) -> str:
    text = text.strip().strip("'\"")
    return f'"{text}"' if re.search(r"[,:#{}\[\]]| for ", text) else text
