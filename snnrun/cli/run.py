"""`snnrun run`: what a person sees while experiments run."""

from __future__ import annotations

import json as json_module
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snnrun import pipeline
from snnrun.cli.progress import Bar, time_text
from snnrun.cli.render import clean, render
from snnrun.errors import RunError, SnnrunError
from snnrun.network.ir import GroupKind, Network


class Talk:
    """Lines on stderr, silent when asked to be."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet

    def line(self, text: str) -> None:
        """One line."""
        if not self.quiet:
            sys.stderr.write(clean(text) + "\n")
            sys.stderr.flush()


def run_files(
    files: Sequence[Path],
    overrides: Sequence[str],
    out: Path,
    seed: int | None,
    *,
    plots: bool,
    formats: Sequence[str],
    allow_code: bool,
    quiet: bool,
    json: bool,
) -> None:
    """Run each file; errors of one do not stop the others, the exit code is that of the first failure.

    Raises:
        SnnrunError: The error of the only file.
    """
    engine = pipeline.Engine()
    failed: list[SnnrunError] = []
    for number, file in enumerate(files):
        one = _Run(
            file,
            overrides,
            out,
            seed,
            plots=plots,
            formats=formats,
            allow_code=allow_code,
            quiet=quiet or json,
            json=json,
            engine=engine,
        )
        if number:
            one.talk.line("")
        try:
            one.run()
        except SnnrunError as error:
            if len(files) == 1:
                raise
            render(error.diagnostics, sys.stderr)
            failed.append(error)
    if failed:
        sys.stderr.write(f"{len(failed)} of {len(files)} experiments failed\n")
        sys.exit(failed[0].exit_code)


class _Run:
    """One file."""

    def __init__(
        self,
        file: Path,
        overrides: Sequence[str],
        out: Path,
        seed: int | None,
        *,
        plots: bool,
        formats: Sequence[str],
        allow_code: bool,
        quiet: bool,
        json: bool,
        engine: pipeline.Engine,
    ) -> None:
        self.file = file
        self.overrides = overrides
        self.out = out
        self.seed = seed
        self.json = json
        self.engine = engine
        self.talk = Talk(quiet=quiet)
        self.options: dict[str, Any] = {
            "allow_code": allow_code,
            "plots": plots,
            "formats": formats,
            "command": ["snnrun", *sys.argv[1:]],
        }
        self.clock = pipeline.Clock()

    def run(self) -> None:
        """Check, run, and say where everything is."""
        with self.clock.stage("load"):
            document = pipeline.read(self.file, self.overrides, self.seed)
        with self.clock.stage("check"):
            checked = pipeline.check(document)
        render(checked.warnings, sys.stderr)
        if checked.experiment.sweep is not None:
            self.sweep(checked)
        else:
            self.single(checked)

    def single(self, checked: pipeline.Checked) -> None:
        """One run."""
        network = checked.resolved.network
        if network.hooks and not self.options["allow_code"]:
            pipeline.refuse_hooks(checked)
        self.talk.line(headline(network, checked))
        prepared = pipeline.prepare(checked, self.engine, self.clock)
        self.talk.line(self.preparation(prepared))
        bar = Bar(network.steps, network.dt, quiet=self.talk.quiet)
        try:
            with bar:
                outcome = pipeline.run(
                    checked, self.out, self.engine, self.clock, bar.update, prepared=prepared, **self.options
                )
        except (RunError, KeyboardInterrupt) as problem:
            self.stopped(problem)
            raise
        if self.json:
            sys.stdout.write(pipeline.as_json(outcome) + "\n")
            return
        self.summary(checked, outcome)

    def preparation(self, prepared: pipeline.Prepared) -> str:
        """What was done before the first step, and how long it took."""
        seconds = self.clock.seconds
        code = "kernel from cache" if prepared.compiled.cached else f"compiled {seconds['compile']:.1f} s"
        if prepared.compiled.note:
            self.talk.line(f"note: {prepared.compiled.note}")
        memory = prepared.built.memory
        parts = [
            f"checked {seconds['load'] + seconds['check']:.2f} s",
            code,
            f"built {seconds['build']:.2f} s",
            f"{_bytes(memory)}",
        ]
        if prepared.built.wirings:
            parts.insert(0, f"{_number(sum(w.size for w in prepared.built.wirings.values()))} synapses")
        return " · ".join(parts)

    def stopped(self, problem: BaseException) -> None:
        """Say where the part of the run that was recorded is."""
        folder = getattr(problem, "folder", None)
        if folder is not None:
            self.talk.line(f"what was recorded until then: {_shown(folder)}")

    def summary(self, checked: pipeline.Checked, outcome: pipeline.Outcome) -> None:
        """Numbers, folder, pictures."""
        network = checked.resolved.network
        for name, count in outcome.counts.items():
            monitor = next(m for m in network.monitors if m.name == name)
            size = monitor.source.size  # type: ignore[union-attr]
            window = monitor.window  # type: ignore[union-attr]
            rate = count / size / ((window.stop - window.start) * network.dt)
            self.talk.line(
                f"{name}  {_number(count)} spikes of {_number(size)} neuron{'' if size == 1 else 's'}, {rate:.3g} Hz"
            )
        for name, (value, unit) in outcome.metrics.items():
            if np.ndim(value) == 0:
                self.talk.line(f"{name} = {_metric(float(value), unit)}")
        assert outcome.folder is not None
        results = outcome.folder / "results.h5"
        self.talk.line(
            f"{_shown(outcome.folder)}  results.h5 {_bytes(results.stat().st_size)} · digest {outcome.digest[:8]}"
        )
        for picture in outcome.pictures:
            self.talk.line(f"  {_shown(picture)}")
        spent = self.clock.seconds
        total = sum(spent.values())
        self.talk.line(
            f"{total:.2f} s: simulate {spent['simulate']:.2f}, write {spent['write']:.2f}, plot {spent['plot']:.2f}"
        )

    def sweep(self, checked: pipeline.Checked) -> None:
        """All points of a sweep."""
        from snnrun.sweep.local import plan_of, run_sweep

        network = checked.resolved.network
        plan = plan_of(checked)
        shape = " x ".join(f"{axis.name} {axis.length}" for axis in plan.axes)
        self.talk.line(f"{headline(network, checked)} · {len(plan.points)} points ({shape})")
        bar = Bar(len(plan.points), None, quiet=self.talk.quiet)
        started = time.perf_counter()
        with bar:
            outcome = run_sweep(
                checked, self.out, self.clock, lambda done, _all, _point: bar.update(done, 0), **self.options
            )
        if self.json:
            sys.stdout.write(
                json_module.dumps(
                    {
                        "folder": str(outcome.folder),
                        "digest": outcome.digest,
                        "points": outcome.points,
                        "failed": {str(k): v for k, v in outcome.failed.items()},
                        "seconds": {
                            **{k: round(v, 6) for k, v in outcome.seconds.items()},
                            "loop": round(outcome.loop_seconds, 6),
                        },
                        "compiles": outcome.compiles,
                        "counts": {},
                        "metrics": {
                            n: {"value": pipeline.plain_value(v), "unit": u} for n, (v, u) in outcome.metrics.items()
                        },
                        "pictures": [str(p) for p in outcome.pictures],
                    }
                )
                + "\n"
            )
        else:
            each = outcome.loop_seconds / max(outcome.points, 1)
            kernels = "one kernel" if outcome.compiles == 1 else f"{outcome.compiles} kernels"
            self.talk.line(
                f"{outcome.points - len(outcome.failed)} of {outcome.points} points in "
                f"{time.perf_counter() - started:.2f} s, {each * 1e3:.1f} ms each, {kernels}"
            )
            self.talk.line(f"{_shown(outcome.folder)}  points.csv · sweep.h5 · digest {outcome.digest[:8]}")
            for picture in outcome.pictures:
                self.talk.line(f"  {_shown(picture)}")
        if outcome.failed:
            for k, reason in list(outcome.failed.items())[:3]:
                sys.stderr.write(f"point {k} failed: {clean(reason)}\n")
            sys.exit(3)


def headline(network: Network, checked: pipeline.Checked) -> str:
    """Name, size, duration and seed in one line."""
    neurons = sum(g.size for g in network.groups.values() if g.kind is GroupKind.NEURONS)
    parts = [network.name, f"{_number(neurons)} neuron{'' if neurons == 1 else 's'}"]
    sources = sum(g.size for g in network.groups.values() if g.kind is not GroupKind.NEURONS)
    if sources:
        parts.append(f"{_number(sources)} input{'' if sources == 1 else 's'}")
    parts.append(f"{time_text(network.steps * network.dt)} at {time_text(network.dt)}")
    seed = checked.experiment.seed
    parts.append(f"seed {seed if isinstance(seed, int) else 'by stream'}")
    return " · ".join(parts)


def _metric(value: float, unit: str) -> str:
    return f"{value:.6g}" if unit == "1" else f"{value:.6g} {unit}"


def _number(n: int) -> str:
    return f"{n / 1e6:.1f} M" if n >= 10_000_000 else f"{n:,}"


def _bytes(n: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return f"{n} B"


def _shown(path: Path) -> str:
    text = str(path)
    return shlex.quote(text) if " " in text else text
