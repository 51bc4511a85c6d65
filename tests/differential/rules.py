"""The differences between Brian2 and snnrun that are meant: docs/from-brian2.md lists them from here.

The generator asks `known(name)` where it keeps away from one, or `both.py` where it sees to it that the comparison
does not show it. A difference that no rule names is a fault.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "from-brian2.md"


@dataclass(frozen=True, slots=True)
class Rule:
    """A difference in meaning.

    Args:
        name: Its name, the bold words of its line in the page.
        text: What is the case here and in Brian2, for users.
    """

    name: str
    text: str


RULES = (
    Rule(
        "Start of the step",
        """
        Synapses and groups read each other's values as they were before any integration, through links too; only a
        group of a higher `order` finds what those of lower orders have integrated. In Brian2 the names of the objects
        decide which is integrated first.
        """,
    ),
    Rule(
        "Sequence in a step",
        """
        Oldest spike first, then source neuron, then synapse as created; pathways by `order`, then as in the file. In
        Brian2 names decide between equal orders; `snnrun export` gives orders where this matters.
        """,
    ),
    Rule(
        "One synapse after the other",
        """
        Statements of synapses act one synapse after the other, each with the values that the ones before it left:
        `v_post += w; u_post = v_post` sees each sum. Brian2 carries a statement out for all synapses at once where it
        can (numpy), and warns where the sequence matters.
        """,
    ),
    Rule(
        "Held values",
        """
        `constant over dt` is computed after sums, right before the equations. In Brian2 it is computed before
        everything else, so an operation at `start` changes it only in the next step.
        """,
    ),
    Rule(
        "Sums",
        """
        Sums are computed before the first group integrates; in Brian2 that of a group of `order: n` right before this
        group, and that of a subgroup when its name comes. Several synapses objects may add to one summed variable here,
        and neurons outside a subgroup get 0; Brian2 leaves these as they are.
        """,
    ),
    Rule(
        "Custom events",
        """
        Their conditions are looked at right after the thresholds of groups of the same `order`; in Brian2 in a slot of
        its own, after all operations of `thresholds`. Their statements act among the resets by `order`, after those of
        groups of the same `order`; in Brian2 in a slot of its own, after all resets, unless `when` says otherwise.
        """,
    ),
    Rule(
        "Half a step",
        """
        A delay of half a step counts as a whole one, also where the division is not exact in binary numbers (0.6 ms
        with a step of 0.4 ms). In Brian2 the last digit decides.
        """,
    ),
    Rule(
        "Event-driven variables",
        """
        They are recorded as they are at the time of the sample, not as the last event left them.
        """,
    ),
    Rule(
        "Exact",
        """
        `method: exact` takes any linear equations, also those that oscillate or have equal time constants, where Brian2
        gives NaN or refuses.
        """,
    ),
    Rule(
        "Refractory neurons",
        """
        A phase sets variables that are `unless refractory` of refractory neurons too. In Brian2 a text, `G.v = 'El'`,
        leaves these as they are; a value, `G.v = El`, sets them.
        """,
    ),
    Rule(
        "Nothing unread",
        """
        A value that nothing reads is an error or a warning: a key, a constant, a temporary name in statements.
        """,
    ),
    Rule(
        "Stochastic integrals",
        """
        `milstein` has the term dW**2 of Stratonovich, as Brian2 has; `heun` is Stratonovich too, `euler` is Ito. Both
        programs agree; textbooks differ.
        """,
    ),
    Rule(
        "Random numbers",
        """
        They are others: a run agrees in its statistics, not in its spikes. They do not depend on threads, on the order
        of points, or on the machine.
        """,
    ),
    Rule(
        "Last digits",
        """
        Both round, in different places. Where a network lets such a difference grow (chaos, a threshold that is met
        exactly), spikes differ some time later. A change of the last digit of a constant does the same.
        """,
    ),
    Rule(
        "Faults of Brian2",
        """
        `S.connect(i='k for k in range(j, j + 2)')` is refused, and a part of a `SpikeGeneratorGroup` too (2.9 and
        2.11); `snnrun export` writes both in other words. In some networks of 2.9 (numpy) neurons with a refractory
        time that read a linked variable by an index stay refractory for ever.
        """,
    ),
)
_BY_NAME = {rule.name: rule for rule in RULES}


def known(name: str) -> bool:
    """That a rule is in the table.

    Raises:
        KeyError: There is no such rule.
    """
    return _BY_NAME[name].name == name


def listed() -> str:
    """The rules as a list of the page."""
    lines = [f"{k}. **{rule.name}.** {' '.join(rule.text.split())}" for k, rule in enumerate(RULES, 1)]
    return "\n".join(
        textwrap.fill(
            line, 120, subsequent_indent=" " * (line.index(".") + 2), break_on_hyphens=False, break_long_words=False
        )
        for line in lines
    )


def page(text: str) -> str:
    """The page with the list of this table."""
    return re.sub(r"(?<=\n\n)1\. \*\*.*?(?=\n\n)", lambda _: listed(), text, count=1, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
