"""Every key of the format does something: changing it changes the network, the plan or what is stored, or is refused.

The keys of connection rules are tried in `unit/network/test_rule_keys.py`, those of plots with the plots.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import BaseModel

from snnrun.errors import ExperimentError, Severity
from snnrun.model.digest import digest_of, whole_network
from snnrun.running import pipeline
from snnrun.spec.models import Experiment, Panels, Plot, Rule
from snnrun.spec.schema import _reachable
from snnrun.sweep.plan import plan_sweep

GROUP = {
    "size": 4,
    "equations": "dv/dt = (k - twice(v))/(10*ms) : 1 (unless refractory)\nw : 1\nl : 1 (linked)",
    "linked": {"l": {"from": "g.w", "index": 0}},
    "threshold": "v > 1",
    "reset": "v = 0",
    "refractory": "1 ms",
    "subgroups": {"first": "0:2", "rest": "2:4"},
    "events": {"e": {"condition": "v > 0.5", "do": "w += 1"}},
}
SYNAPSES = {"source": "p", "target": "g", "connect": "all", "equations": "w : 1", "on_post": "w = 1"}
FILE: dict[str, Any] = {
    "version": 1,
    "name": "every",
    "seed": {"connect": 1, "initial": 1, "noise": 1, "input": 1},
    "constants": {"k": 2, "j": 1, "o": 1},
    "functions": {"twice(x)": "2*x"},
    "arrays": {
        "written": {"values": [[1, 2], [3, 4]], "dt": "1 ms"},
        "filed": {"file": "a.npy", "dt": "1 ms"},
        "boxed": {"file": "a.h5", "dataset": "x", "dt": "1 ms"},
        "tabled": {"file": "a.csv", "column": "p", "dt": "1 ms"},
        "pictured": {"image": "a.png", "dt": "1 ms"},
        "uneven": {"values": [[1, 2], [3, 4]], "times": ["0 ms", "1 ms"]},
        "logged": {"file": "a.csv", "time_column": "p", "time_unit": "s"},
        "computed": {"formula": "t/ms", "dt": "1 ms", "duration": "2 ms"},
        "framed": {"frames": "a.npy", "each": "1 ms"},
        "filmed": {"frames": "a.png", "each": "1 ms"},
        "shown": {"frames": "b.npy", "each": "1 ms"},
    },
    "groups": {
        "g": GROUP,
        "p": {"kind": "poisson", "size": 4, "rates": "r*Hz", "constants": {"r": 5}},
        "q": {"size": 1, "equations": "dx/dt = -x/ms : 1", "method": "rkf45"},
        "s": {"kind": "spikes", "size": 4, "indices": [0, 1], "times": ["1 ms", "2 ms"]},
        "h": {"kind": "spikes", "size": 4, "file": "s.csv", "columns": ["i", "t"], "unit": "s"},
        "t": {"kind": "spikes", "size": 4, "file": "s.h5", "population": "one"},
        "m": {"use": {"model": "lif", "rename": {"v": "u"}}, "size": 4},
        "v": {"kind": "spikes", "size": 4, "times": {"every": "1 ms"}},
        "w": {"kind": "spikes", "size": 3, "times": {"stimuli": "framed", "latency": "0.1*ms*x"}},
        "u": {"kind": "spikes", "size": 4, "file": "a.h5", "dataset": "p", "columns": [0, 1], "unit": "s"},
    },
    "inputs": {"i": {"target": "g", "variable": "v", "size": 3, "rate": "5 Hz", "weight": 0.1}},
    "synapses": {
        "y": {
            "source": "p",
            "target": "g",
            "equations": "w : 1\nl : 1 (linked)\ndx/dt = -x/(5*ms) : 1 (clock-driven)",
            "linked": {"l": {"from": "g.w", "index": "j"}},
            "connect": "all",
            "on_pre": {"a": {"do": "v_post += w", "order": 1}, "b": {"do": "w = 1", "order": 2}},
            "on_post": {"do": "w = 3"},
            "method": "euler",
        },
        "z": {"source": "p", "target": "g", "connect": "all", "on_pre": "v_post += d", "constants": {"d": 1}},
        "x": {"use": "./s.yaml", "source": "p", "target": "g", "connect": "all"},
        "k": {
            "source": "p",
            "target": "g",
            "equations": "dx/dt = -x/ms : 1 (clock-driven)",
            "connect": "all",
            "method": "rkf45",
        },
    },
    "monitors": {
        "spikes": {"kind": "spikes", "source": "g"},
        "state": {"kind": "state", "source": "g", "variables": ["v"]},
        "rate": {"kind": "rate", "source": "g"},
        "events": {"kind": "events", "source": "g", "condition": "v > 0.5"},
        "named": {"kind": "events", "source": "g", "event": "spike"},
        "arriving": {"kind": "events", "source": "y", "event": "on_post", "variables": ["w"]},
        "pairs": {"kind": "connectivity", "source": "y"},
    },
    "operations": {"o": {"target": "g", "every": "1 ms", "do": "w += 1"}},
    "run": {
        "dt": "0.1 ms",
        "phases": [
            {"name": "one", "duration": "5 ms"},
            {"name": "two", "duration": "5 ms", "stop_when": "count(spikes) > 3", "set": {"g.w": {"value": 1}}},
            {
                "repeat": 2,
                "name": "four",
                "repeat_until": "count(spikes) > 9",
                "phases": [{"name": "five", "duration": "1 ms", "repeat": 2, "repeat_until": "count(spikes) > 8"}],
            },
        ],
    },
    "metrics": {"m": "count(spikes)"},
    "search": {"constant": "j", "between": [0, 1], "until": "count(spikes) > 1", "tolerance": 0.1},
}
ANOTHER = {"seed": 1, "sweep": {"axes": {"k": [1, 2]}}}
# For each model: where it stands, and another value for each of its keys.
CHANGES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "Experiment": [
        (
            "",
            {
                "seed": 5,
                "constants": {"k": 3, "j": 1},
                "functions": {"twice(x)": "3*x"},
                "arrays": {"framed": {"frames": "a.npy", "each": "1 ms"}},
                "groups": {"g": GROUP, "p": GROUP},
                "inputs": {},
                "synapses": dict.fromkeys("xyz", SYNAPSES),
                "monitors": {"spikes": {"kind": "spikes", "source": "g", "window": ["1 ms", "2 ms"]}},
                "operations": {},
                "run": {"dt": "0.1 ms", "duration": "5 ms"},
                "metrics": {"m": "2*count(spikes)"},
                "search": {"constant": "j", "between": [0, 2], "until": "count(spikes) > 1", "tolerance": 0.1},
                "sweep": {"axes": {"k": [1]}},
                "plots": [{"kind": "raster"}],
            },
        )
    ],
    "Link": [("groups.g.linked.l", {"from": "g.v", "index": 1})],
    "Seeds": [("seed", {"connect": 2, "initial": 2, "noise": 2, "input": 2})],
    "ValuesArray": [
        ("arrays.written", {"values": [[1, 2], [3, 5]], "unit": "mV", "dt": "2 ms"}),
        ("arrays.uneven", {"times": ["0 ms", "2 ms"], "between": "linear"}),
    ],
    "FileArray": [
        (
            "arrays.filed",
            {"file": "b.npy", "unit": "mV", "transpose": True, "scale": 2, "time_axis": "columns", "dt": "2 ms"},
        ),
        ("arrays.boxed", {"dataset": "y"}),
        ("arrays.tabled", {"column": "q"}),
        ("arrays.logged", {"time_column": "q", "time_unit": "ms", "between": "linear"}),
    ],
    "ImageArray": [
        (
            "arrays.pictured",
            {
                "image": "b.png",
                "channel": "red",
                "invert": True,
                "flip": "vertical",
                "transpose": True,
                "resize": [3, 2],
                "scale": 2,
                "time_axis": "columns",
                "dt": "2 ms",
            },
        )
    ],
    "NeuronGroup": [
        ("groups.q", {"tolerance": 1e-4}),
        (
            "groups.g",
            {
                "size": 5,
                "equations": "dv/dt = -v/(10*ms) : 1 (unless refractory)\nw : 1\nl : 1 (linked)",
                "threshold": "v > 2",
                "reset": "v = -1",
                "refractory": "2 ms",
                "method": "euler",
                "initial": {"v": 0.5},
                "events": {"e": "v > 3", "f": "v > 2"},
                "linked": {"l": {"from": "g.w", "index": 1}},
                "subgroups": {"first": "0:3", "rest": "2:4"},
                "dt": "0.2 ms",
                "order": 3,
                "constants": {"k": 7},
            },
        ),
        ("groups.m", {"use": "lif"}),
    ],
    "Use": [("groups.m.use", {"model": "./n.yaml", "rename": {"v": "w"}})],
    "PoissonGroup": [
        (
            "groups.p",
            {
                "size": 5,
                "rates": "6 Hz",
                "subgroups": {"first": "0:2"},
                "dt": "0.2 ms",
                "order": 3,
                "constants": {"r": 6},
            },
        )
    ],
    "SpikeGroup": [
        (
            "groups.s",
            {
                "size": 5,
                "indices": [0, 2],
                "times": ["1 ms", "3 ms"],
                "period": "4 ms",
                "subgroups": {"first": "0:2"},
                "dt": "0.2 ms",
                "order": 3,
            },
        ),
        ("groups.h", {"file": "r.csv", "columns": ["j", "t"], "unit": "ms"}),
        ("groups.t", {"population": "two"}),
        ("groups.u", {"dataset": "q"}),
    ],
    "FormulaArray": [
        (
            "arrays.computed",
            {"formula": "2*t/ms", "dt": "0.5 ms", "duration": "3 ms", "columns": 2, "between": "linear"},
        )
    ],
    "FramesArray": [
        (
            "arrays.framed",
            {"frames": "b.npy", "each": "2 ms", "pause": "1 ms", "repeat": 2, "labels": [1, 2], "scale": 2},
        ),
        ("arrays.filmed", {"unit": "mV", "channel": "red", "invert": True, "flip": "vertical", "resize": [3, 2]}),
    ],
    "Latencies": [("groups.w.times", {"stimuli": "shown", "latency": "0.2*ms*x"})],
    "Train": [("groups.v.times", {"every": "2 ms", "from": "1 ms", "until": "3 ms", "jitter": "0.1 ms"})],
    "PoissonInput": [
        (
            "inputs.i",
            {"target": "g.first", "variable": "w", "size": 4, "rate": "6 Hz", "weight": 0.2, "phases": ["one"]},
        ),
    ],
    "Synapses": [
        (
            "synapses.y",
            {
                "source": "g",
                "target": "g.first",
                "equations": "w : 1\nl : 1 (linked)\ndx/dt = -x/(6*ms) : 1 (clock-driven)",
                "linked": {"l": {"from": "g.v", "index": "j"}},
                "multisynaptic_index": "number",
                "on_pre": "v_post += 2*w",
                "on_post": "w = 2",
                "delay": "1 ms",
                "connect": "one_to_one",
                "initial": {"w": 1},
                "method": "rk2",
            },
        ),
        ("synapses.z", {"constants": {"d": 2}}),
        ("synapses.x", {"use": "./r.yaml"}),
        ("synapses.k", {"tolerance": 1e-4}),
    ],
    "Pathway": [
        ("synapses.y.on_pre.a", {"do": "v_post += 2*w", "delay": "1 ms", "order": 3}),
        ("synapses.y.on_post", {"event": "e"}),
    ],
    "ValueRule": [("run.phases.1.set.g\\.w", {"value": 2, "where": "i > 1", "subgroup": "first"})],
    "SpikeMonitor": [
        (
            "monitors.spikes",
            {
                "source": "g.first",
                "variables": ["v"],
                "indices": [0],
                "counts_only": True,
                "window": ["1 ms", "2 ms"],
                "compression": "gzip",
            },
        )
    ],
    "StateMonitor": [
        (
            "monitors.state",
            {
                "source": "g.first",
                "variables": ["w"],
                "indices": [0],
                "dt": "1 ms",
                "when": "end",
                "order": 2,
                "window": ["1 ms", "2 ms"],
                "dtype": "float32",
                "compression": "gzip",
            },
        )
    ],
    "Event": [("groups.g.events.e", {"condition": "v > 2", "do": "w += 2", "order": 1})],
    "EventMonitor": [
        (
            "monitors.events",
            {
                "source": "g.first",
                "condition": "v > 0.6",
                "variables": ["v"],
                "indices": [0],
                "window": ["1 ms", "2 ms"],
                "compression": "gzip",
            },
        ),
        ("monitors.named", {"event": "e"}),
        ("monitors.arriving", {"event": "on_pre.b", "variables": ["x"], "indices": [1], "window": ["1 ms", "2 ms"]}),
    ],
    "RateMonitor": [
        ("monitors.rate", {"source": "g.first", "bin": "1 ms", "smooth": "1 ms", "window": ["1 ms", "2 ms"]}),
    ],
    "ConnectivityMonitor": [("monitors.pairs", {"source": "z", "variables": ["w"]})],
    "Operation": [
        (
            "operations.o",
            {"target": "g.first", "every": "2 ms", "do": "w += 2", "when": "end", "order": 2, "phases": ["two"]},
        )
    ],
    "Run": [
        (
            "run",
            {
                "dt": "0.05 ms",
                "phases": [{"name": "two", "duration": "5 ms"}],
                "threads": 2,
                "precision": "single",
                "math": "fast",
                "save_state": True,
                "start_from": "nowhere",
            },
        )
    ],
    "Phase": [
        (
            "run.phases.1",
            {
                "name": "three",
                "duration": "6 ms",
                "set": {"g.w": 3},
                "record": [],
                "stop_when": "count(spikes) > 4",
                "check": "1 ms",
                "repeat": 2,
                "at_end": {"g.w": 2},
            },
        ),
        ("run.phases.2.phases.0", {"repeat_until": "count(spikes) > 7"}),
    ],
    "Search": [
        (
            "search",
            {"constant": "o", "between": ["0", "2"], "until": "count(spikes) > 2", "tolerance": "0.2"},
        )
    ],
    "RepeatedPhases": [
        (
            "run.phases.2",
            {
                "name": "two",
                "repeat": 3,
                "repeat_until": "count(spikes) > 7",
                "phases": [{"name": "five", "duration": "2 ms"}],
            },
        )
    ],
    "Sweep": [
        (
            "sweep",
            {"axes": {"k": [1, 3]}, "zip": {"groups.g.order": [1, 2]}, "repeat": 3, "shared": "one", "keep": "results"},
        ),
        ("sweep", {"points": [{"groups.g.order": 1}], "sample": {"size": 4, "ranges": {"groups.g.order": [0, 1]}}}),
    ],
}
CASES = [
    (model, place, key, value)
    for model, entries in CHANGES.items()
    for place, changes in entries
    for key, value in changes.items()
]
REFUSED = {
    ("RepeatedPhases", "name"): "NET241",  # of another phase
    ("SpikeMonitor", "counts_only"): "MET404",  # the conditions of phases need the spikes
    ("Run", "start_from"): "FIL201",  # there is no such folder
}
"""What is not there yet, and what says so."""
ELSEWHERE = {
    "Experiment": {
        "version",
        "name",
        "description",
        "references",
        "authors",
        "license",
        "extends",
    },  # for people, and for loading
    "SpikeGroup": {"duplicates"},  # of spikes that coincide: semantics/test_given_spikes.py
    "Operation": {"at"},  # instead of `every`
    "Run": {"duration"},  # instead of `phases`
    "Author": None,  # export/test_export_crate.py
    "DelayParts": None,  # semantics/test_dendritic_delays.py
    "Linspace": None,  # values that are written another way, of lists and axes
    "Logspace": None,
    "Range": None,
    "LogBounds": None,
    "WholeBounds": None,
    "Sample": None,  # unit/sweep/test_sample.py
    "PointsFile": None,  # unit/sweep/test_point_forms.py
    "Repeat": None,  # unit/sweep/test_earlier.py
    "ValueFile": None,  # unit/network
    "NodesFile": None,  # unit/resolve/test_sonata_input.py
    "CallOperation": None,  # cli/test_run_command.py
    "Plot": None,
    "Panels": None,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the experiment names."""
    from h5py import File
    from PIL import Image

    place = tmp_path_factory.mktemp("every")
    rng = np.random.default_rng(1)
    np.save(place / "a.npy", [[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]])
    np.save(place / "b.npy", [[1.0, 2.0, 3.0], [3.0, 4.0, 6.0]])
    (place / "n.yaml").write_text("kind: neurons\nequations: 'dv/dt = -v/ms : 1'\n", encoding="utf-8")
    (place / "s.yaml").write_text("kind: synapses\non_pre: v_post += 2\n", encoding="utf-8")
    (place / "r.yaml").write_text("kind: synapses\non_pre: v_post += 3\n", encoding="utf-8")
    (place / "a.csv").write_text("p,q\n1,2\n3,4\n", encoding="utf-8")
    (place / "s.csv").write_text("i,t,j\n1,1,2\n2,2,3\n", encoding="utf-8")
    (place / "r.csv").write_text("i,t,j\n1,1,2\n2,3,3\n", encoding="utf-8")
    with File(place / "a.h5", "w") as file:
        file["x"], file["y"] = [1.0, 2.0], [1.0, 3.0]
        file["p"], file["q"] = [[0.0, 1.0], [1.0, 2.0]], [[0.0, 1.0], [1.0, 3.0]]
    with File(place / "s.h5", "w") as file:
        for k, name in enumerate(("one", "two")):
            spikes = file.create_group(f"spikes/{name}")
            spikes["node_ids"] = np.array([0, k], np.uint64)
            spikes["timestamps"] = [1.0, 2.0]
            spikes["timestamps"].attrs["units"] = "ms"
    for name in ("a", "b"):
        Image.fromarray(rng.integers(0, 255, (4, 5, 3)).astype(np.uint8)).save(place / f"{name}.png")
    return place


def experiment(place: str, key: str | None = None, value: Any = None) -> dict[str, Any]:
    """The file with another value at one place."""
    data = copy.deepcopy(FILE)
    if place == "sweep":
        data |= copy.deepcopy(ANOTHER)
    at = data
    for step in place.replace("\\.", "\0").split(".") if place else []:
        at = at[int(step)] if isinstance(at, list) else at[step.replace("\0", ".")]
    if key is not None:
        at[key] = value
    return data


def fingerprint(data: dict[str, Any], folder: Path) -> str:
    """Everything that a file decides, as a hash; the codes of its errors when it has some."""
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    try:
        checked = pipeline.check(pipeline.read(path))
        plan: list[Any] = []
        if checked.experiment.sweep is not None:
            found = plan_sweep(checked.resolved.context, checked.experiment.sweep)
            plan = [found.keep_results, found.shared, *(list(point.shown.items()) for point in found.points())]
    except ExperimentError as error:
        return " ".join(sorted({d.code for d in error.diagnostics if d.severity is Severity.ERROR}))
    stored = [checked.save_state, repr(checked.search), list(data["metrics"].values()), data.get("plots")]
    return digest_of([whole_network(checked.resolved.network), repr(plan), repr(stored)])


def test_the_experiment_is_right(folder: Path) -> None:
    for place in ("", "sweep"):
        assert len(fingerprint(experiment(place), folder)) == 64


@pytest.mark.parametrize(("model", "place", "key", "value"), CASES)
def test_changing_a_key_changes_what_runs_or_is_refused(
    folder: Path, model: str, place: str, key: str, value: Any
) -> None:
    before = fingerprint(experiment(place), folder)
    after = fingerprint(experiment(place, key, value), folder)
    assert after != before
    assert after == REFUSED.get((model, key)) or len(after) == len(before)


def test_no_key_is_left_out() -> None:
    models: list[type[BaseModel]] = [Experiment]
    for field in Experiment.model_fields.values():
        models += [model for model in _reachable(field.annotation) if model not in models]
    tried = {(model, key) for model, _, key, _ in CASES}
    missing = [
        (model.__name__, key)
        for model in models
        if not issubclass(model, Rule | Plot | Panels) and ELSEWHERE.get(model.__name__, set()) is not None
        for name, field in model.model_fields.items()
        if (key := field.alias or name) != "kind" and key not in (ELSEWHERE.get(model.__name__) or set())
        if (model.__name__, key) not in tried
    ]
    assert not missing
