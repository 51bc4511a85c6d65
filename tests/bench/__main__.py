"""`make bench`: ours and the peers in turn on the same work; see CONTRIBUTING.md."""

from __future__ import annotations

import argparse
import sys
import time

from bounds import measure_bounds
from environments import ready
from limit import measure_limit
from machine import describe
from made import make
from measuring import Plan, measure
from pair import PAIRED, pair
from saved_results import load_results, save_results, versions_of_ours
from scaling import measure_scaling
from table import rate_lines, table
from works import BY_NAME, WORKS, Tool

OTHERS = ("scaling", "limit")
QUICK = Plan(rounds=1, shrink=0.2, seeds=4)


def main() -> int:
    """Measure what is asked for, save after each work, print all that is known; 1 when rates disagree."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("works", nargs="*", help=f"of {', '.join([*BY_NAME, *OTHERS])}; all unless named")
    parser.add_argument("--rounds", type=int, default=Plan().rounds, help="how often each runs; medians are shown")
    parser.add_argument("--quick", action="store_true", help="one round of a fifth of the time: does it all work?")
    parser.add_argument("--against", metavar="PROGRAM", help="another installation's snnrun, instead of the peers")
    options = parser.parse_args()
    if options.against:
        works = options.works or list(PAIRED)
        if unknown := set(works) - set(PAIRED):
            parser.error(f"no work of a pair: {', '.join(sorted(unknown))}")
        return pair(options.against, works, options.rounds, lambda text: sys.stderr.write(f"{text}\n") and None)
    wanted = options.works or [*BY_NAME, *OTHERS]
    unknown = [name for name in wanted if name not in BY_NAME and name not in OTHERS]
    if unknown:
        parser.error(f"there is no work {unknown[0]}")
    plan = QUICK if options.quick else Plan(rounds=options.rounds)

    started = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - started:5.0f} s] {text}\n")
        sys.stderr.flush()

    results = load_results(quick=options.quick)
    chosen = [work for work in WORKS if work.name in wanted]
    tools = {runner.tool for work in chosen for runner in work.runners} - {Tool.SNNRUN}
    peers = {tool: ready(tool, say) for tool in sorted(tools)}
    for peer in peers.values():
        say(f"{peer.tool.value}: {peer.missing or peer.versions}")
        if not peer.missing:
            results.versions[peer.tool.value] = peer.versions
    results.machine = describe()
    results.versions["snnrun"] = versions_of_ours()
    for work in chosen:
        say(work.name)
        if work.made:
            make(work.made)
        results.works[work.name] = measure(work, peers, plan, say)
        save_results(results)
    if "scaling" in wanted:
        say("scaling")
        results.scaling = measure_scaling(quick=options.quick, say=say)
        save_results(results)
    if "limit" in wanted:
        say("limit")
        results.limit = measure_limit(say=say)
        results.limit["bounds"] = measure_bounds(results.limit["sums"], results.plain()["works"])
        save_results(results)
    sys.stdout.write(table(results) + "\n\n")
    wrong = rate_lines(results, [work.name for work in chosen])
    for line in wrong:
        sys.stdout.write(f"RATES DISAGREE  {line}\n")
    say(f"done; saved in {results.folder.relative_to(results.root)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
