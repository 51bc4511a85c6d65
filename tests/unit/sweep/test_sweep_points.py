"""The points of a sweep: values, places, units, and mistakes at their places."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from snnrun.errors import ExperimentError
from snnrun.running import pipeline
from snnrun.sweep.experiments import check_sweep
from snnrun.sweep.plan import plan_sweep

FILE = """\
version: 1
seed: 3
constants: {tau: 10 ms, gain: 2, level: 1, length: 5 ms}
groups:
  cells:
    size: 2
    equations: "dv/dt = (gain - v)/tau : 1"
    method: exact
    threshold: v > level
    reset: v = 0
    refractory: 1 ms
monitors:
  out: {kind: spikes, source: cells}
run: {duration: 20 ms, dt: 0.1 ms}
metrics: {n: count(out)}
sweep:
"""


def planned(tmp_path, sweep, check=False):
    file = tmp_path / "s.yaml"
    file.write_text(FILE + "\n".join(f"  {line}" for line in sweep.split("\n")) + "\n")
    checked = pipeline.check(pipeline.read(file))
    if check:
        return check_sweep(checked).plan
    return plan_sweep(checked.resolved.context, checked.experiment.sweep)


def wrong(tmp_path, sweep):
    with pytest.raises(ExperimentError) as caught:
        planned(tmp_path, sweep, check=True)
    item = caught.value.diagnostics[0]
    marked = item.span.file.text[item.span.start : item.span.end]
    return item, marked, [d.code for d in caught.value.diagnostics]


def texts(plan, name="tau"):
    return [p.shown[name] for p in plan.points()]


def test_a_list_is_taken_as_it_is_written(tmp_path):
    plan = planned(tmp_path, "axes: {tau: [1 ms, 5*ms, 0.01*second, 2*length]}")
    assert texts(plan) == ["1 ms", "5*ms", "0.01*second", "2*length"]
    assert plan.axes[0].parameters[0].numbers == (0.001, 0.005, 0.01, 0.01)
    assert plan.shape == (4,)
    assert plan.axes[0].parameters[0].dimension.symbol == "s"


def test_linspace_is_exact_in_the_unit_of_the_first_bound(tmp_path):
    plan = planned(tmp_path, "axes: {tau: {linspace: [1 ms, 10 ms], num: 10}}")
    assert texts(plan) == [f"{k}.0 ms" for k in range(1, 11)]
    assert plan.axes[0].parameters[0].numbers == tuple(k / 1000 for k in range(1, 11))
    plan = planned(tmp_path, "axes: {tau: {linspace: [0.1 ms, 0.0003 s], num: 3}}")
    assert texts(plan) == ["0.1 ms", "0.2 ms", "0.3 ms"]
    plan = planned(tmp_path, "axes: {tau: {linspace: [10*ms, 1*ms], num: 4}}")
    assert plan.axes[0].parameters[0].numbers == (0.01, 0.007, 0.004, 0.001)


def test_a_range_that_begins_below_zero_is_written_in_its_unit(tmp_path):
    plan = planned(tmp_path, "axes: {tau: {linspace: [-2 ms, 2 ms], num: 3}}")
    assert texts(plan) == ["-2.0 ms", "0.0 ms", "2.0 ms"]
    assert plan.axes[0].parameters[0].numbers == (-0.002, 0.0, 0.002)


def test_linspace_of_one_value_is_its_first_bound(tmp_path):
    with pytest.raises(ExperimentError):  # the format asks for two or more
        planned(tmp_path, "axes: {tau: {linspace: [1 ms, 10 ms], num: 0}}")


def test_logspace_has_equal_ratios_and_its_bounds(tmp_path):
    plan = planned(tmp_path, "axes: {tau: {logspace: [1 ms, 100 ms], num: 5}}")
    numbers = np.array(plan.axes[0].parameters[0].numbers)
    assert (numbers[0], numbers[-1]) == (0.001, 0.1)
    np.testing.assert_allclose(numbers[1:] / numbers[:-1], math.sqrt(10), rtol=1e-12)


def test_a_range_stops_before_its_end(tmp_path):
    assert texts(planned(tmp_path, "axes: {gain: {range: [2, 5, 1]}}"), "gain") == ["2", "3", "4"]
    assert texts(planned(tmp_path, "axes: {tau: {range: [1 ms, 1.5 ms, 0.1 ms]}}")) == [
        "1.0 ms",
        "1.1 ms",
        "1.2 ms",
        "1.3 ms",
        "1.4 ms",
    ]
    assert texts(planned(tmp_path, "axes: {tau: {range: [3 ms, 1 ms, -1 ms]}}")) == ["3.0 ms", "2.0 ms"]


def test_computed_values_are_shown_in_a_readable_unit_that_means_the_same_number(tmp_path):
    plan = planned(tmp_path, "axes: {tau: {range: [0, 0.003*second, 1 ms]}}")
    assert texts(plan) == ["0 s", "1 ms", "2 ms"]
    plan = planned(tmp_path, "axes: {tau: {linspace: [1*ms, 2*ms], num: 4}}")
    assert texts(plan)[::3] == ["1 ms", "2 ms"]
    for values, k in itertools.product([plan.axes[0].parameters[0]], range(4)):
        number, unit = values.shown(k).split()
        assert unit == "ms"
        assert float(Fraction(number) / 1000) == values.held[k]


def test_axes_make_a_grid_the_last_one_fastest(tmp_path):
    plan = planned(tmp_path, "axes: {gain: [2, 3], tau: [1 ms, 2 ms, 3 ms]}")
    assert plan.shape == (2, 3)
    assert [p.index for p in plan.points()] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert plan.describe() == "6 points (gain 2 x tau 3)"


def test_points_are_made_on_demand_and_numbered_along_the_grid(tmp_path):
    plan = planned(tmp_path, "axes: {gain: {linspace: [1, 2], num: 300}, tau: {linspace: [1 ms, 2 ms], num: 400}}")
    assert plan.size == 120_000
    point = plan.point(401)
    assert point.index == (1, 1)
    assert plan.number(point.index) == 401
    assert point.shown["tau"] == f"{1 + 1 / 399!r} ms"
    assert plan.point(plan.size - 1).index == (299, 399)
    with pytest.raises(IndexError):
        plan.point(plan.size)
    assert [p.index for p in itertools.islice(plan.star(), 2)] == [(0, 0), (1, 0)]
    assert sum(1 for _ in plan.star()) == 299 + 399 + 1


def test_zipped_parameters_change_together(tmp_path):
    plan = planned(tmp_path, "zip: {gain: [2, 3], tau: {linspace: [1 ms, 2 ms], num: 2}}")
    assert [dict(p.shown) for p in plan.points()] == [{"gain": "2", "tau": "1.0 ms"}, {"gain": "3", "tau": "2.0 ms"}]
    assert plan.shape == (2,)


def test_points_are_listed_one_by_one(tmp_path):
    plan = planned(tmp_path, "points:\n  - {gain: 2, tau: 1 ms}\n  - {gain: 5, tau: 3 ms}")
    assert [dict(p.shown) for p in plan.points()] == [{"gain": "2", "tau": "1 ms"}, {"gain": "5", "tau": "3 ms"}]


def test_repeat_takes_the_seeds_after_that_of_the_file(tmp_path):
    plan = planned(tmp_path, "axes: {gain: [2, 3]}\nrepeat: 3")
    assert plan.shape == (2, 3)
    assert texts(plan, "seed") == ["3", "4", "5", "3", "4", "5"]


def test_dotted_paths_reach_any_value(tmp_path):
    sweep = "axes: {groups.cells.size: [1, 4], groups.cells.refractory: [1 ms, 2 ms], run.dt: [0.1 ms, 0.05 ms]}"
    plan = planned(tmp_path, sweep, check=True)
    assert plan.point(0).values.keys() == {
        ("groups", "cells", "size"),
        ("groups", "cells", "refractory"),
        ("run", "dt"),
    }


def test_texts_can_be_swept(tmp_path):
    plan = planned(tmp_path, "axes: {groups.cells.method: [exact, euler]}", check=True)
    assert plan.axes[0].parameters[0].dimension is None
    assert plan.axes[0].parameters[0].numbers == ("exact", "euler")


@pytest.mark.parametrize(
    ("sweep", "code", "marked"),
    [
        ("axes: {tau: [1 ms, 2 mV]}", "EQ209", "2 mV"),
        ("axes: {tau: [1, 2]}", "EQ209", "1"),
        ("axes: {gain: [2 ms]}", "EQ209", "2 ms"),
        ("axes: {tau: {linspace: [1 ms, 2 mV], num: 3}}", "EQ203", "2 mV"),
        ("axes: {tau: {linspace: [1 mV, 2 mV], num: 3}}", "EQ209", "1 mV"),
        ("axes: {tau: {range: [1 ms, 2 ms, 1 mV]}}", "EQ203", "1 mV"),
        ("axes: {tau: {range: [1 ms, 2 ms, 0 ms]}}", "SWP703", None),
        ("axes: {tau: {range: [1 ms, 2 ms, -1 ms]}}", "SWP703", None),
        ("axes: {tau: {logspace: [0 ms, 2 ms], num: 3}}", "SWP703", None),
        ("axes: {tau: [rand()*ms]}", "EQ", "rand()"),
        ("axes: {tua: [1 ms]}", "SWP705", "tua"),
        ("axes: {groups.cells.sise: [1]}", "SWP705", "groups.cells.sise"),
        ("axes: {groups.cells.size: [1, 0]}", "NET101", "0"),
        ("axes: {groups.cells.size: [1.5]}", "NET101", "1.5"),
        ("axes: {groups.cells.method: [exacd]}", "FMT204", None),
        ("axes: {run.dt: [0.3 ms]}", "NET102", None),
        ("axes: {tau: [1e308*1e308*ms]}", "EQ210", None),
        ("axes: {tau: [[1 ms]]}", "", None),
        ("zip: {gain: [2, 3], tau: [1 ms]}", "SWP703", "zip"),
        ("points:\n  - {gain: 2}\n  - {tau: 1 ms}", "SWP703", None),
        ("points:\n  - {gian: 2}", "SWP705", "gian"),
        ("axes: {tau: [1 ms], gain: [1 mV]}", "EQ209", "1 mV"),
        ("axes: {gain: {range: [0, 10000000, 1]}}", "SWP702", None),
        ("axes: {gain: {linspace: [0, 1], num: 1000000000}}", "SWP702", "1000000000"),
        ("axes: {gain: {linspace: [0, 1], num: 10000000}}", "SWP702", "10000000"),
        ("axes: {gain: {logspace: [1, 2], num: 1000000000}}", "SWP702", "1000000000"),
        ("axes: {gain: {range: [0, 1, 1e-300]}}", "SWP702", None),
        ("axes: {gain: {linspace: [0, 1], num: 90000}, level: {linspace: [0, 1], num: 90000}}", "SWP702", "90000"),
        ("zip: {gain: {linspace: [0, 1], num: 90000}, level: {linspace: [0, 1], num: 90000}}", "SWP702", "90000"),
        ("repeat: 1000000000", "SWP702", "1000000000"),
        ("sample: {size: 1000000000, ranges: {gain: [0, 1]}}", "SWP702", "1000000000"),
        ("sample: {size: 60000, ranges: {gain: [0, 1], level: [0, 1]}}", "SWP702", "60000"),
        ("axes: {gain: {linspace: ['log(0)', 3], num: 3}}", "SWP703", "'log(0)'"),
        ("axes: {gain: {linspace: [0, inf], num: 3}}", "SWP703", "inf"),
        ("axes: {gain: {linspace: [0, inf - inf], num: 3}}", "EQ210", None),
        ("axes: {gain: {logspace: [1, inf], num: 3}}", "SWP703", "inf"),
        ("axes: {gain: {logspace: [1e-308, 1e308], num: 3}}", "SWP703", None),
        ("axes: {gain: {range: [-inf, 1, 1]}}", "SWP703", "-inf"),
        ("axes: {gain: {range: [0, inf, 1]}}", "SWP703", "inf"),
        ("axes: {gain: {range: [0, 1, inf]}}", "SWP703", "inf"),
        ("sample: {size: 4, ranges: {gain: [0, inf]}}", "SWP703", "inf"),
        ("sample: {size: 4, ranges: {gain: [-1e308, 1e308]}}", "SWP703", None),
        ("sample: {size: 4, ranges: {gain: {log: [1e-308, 1e308]}}}", "SWP703", None),
        ("sample: {size: 4, ranges: {gain: {whole: [1, inf]}}}", "SWP703", "inf"),
        *((f"axes: {{{name}: [0, 1]}}", "SWP705", name) for name in ("constants", "groups", "run", "description")),
        ("axes: {groups.cells: [0, 1]}", "FMT205", None),
        ("axes: {tau: [1 ms, 2 ms], constants.tau: [1 ms, 2 ms]}", "SWP709", "constants.tau"),
        ("axes: {tau: [1 ms]}\nzip: {gain: [1, 2], constants.tau: [1 ms, 2 ms]}", "SWP709", "constants.tau"),
        ("axes: {tau: [1 ms]}\nzip: {tau: [1 ms, 2 ms], gain: [1, 2]}", "SWP709", "tau"),
        ("axes: {tau: [1 ms]}\npoints:\n  - {gain: 1, tau: 2 ms}", "SWP709", "tau"),
        ("axes: {tau: [1 ms]}\nsample: {size: 4, ranges: {tau: [1 ms, 2 ms]}}", "SWP709", "tau"),
        ("axes: {seed: [1, 2]}\nrepeat: 3", "SWP709", "repeat"),
        (
            "axes: {groups.cells: [{size: 1, equations: 'v : 1'}], groups.cells.size: [1]}",
            "SWP709",
            "groups.cells.size",
        ),
        ("axes: {gain: {linspace: [0, 1], num: 2000}, level: {linspace: [0, 1], num: 2000}}", "SWP702", "sweep"),
    ],
)
def test_a_wrong_value_is_marked_at_its_place(tmp_path, sweep, code, marked):
    item, shown, _ = wrong(tmp_path, sweep)
    assert item.code.startswith(code)
    if marked is not None:
        assert shown == marked


def test_values_between_whole_bounds_stay_whole_where_all_are(tmp_path):
    def values(sweep):
        [axis] = planned(tmp_path, sweep).axes
        return axis.parameters[0].texts, [type(value) for value in axis.parameters[0].held]

    assert values("axes: {gain: {range: [1, 4, 1]}}") == (("1", "2", "3"), [int] * 3)
    assert values("axes: {gain: {range: [3, 0, -1]}}") == (("3", "2", "1"), [int] * 3)
    assert values("axes: {gain: {linspace: [0, 10], num: 3}}") == (("0", "5", "10"), [int] * 3)
    assert values("axes: {gain: {linspace: [0, 1], num: 3}}") == (("0.0", "0.5", "1.0"), [float] * 3)
    assert values("axes: {gain: {range: [1.0, 3, 1]}}") == (("1.0", "2.0"), [float] * 2)
    assert values("axes: {tau: {range: [1 ms, 3 ms, 1 ms]}}") == (("1.0 ms", "2.0 ms"), [float] * 2)


def test_a_swept_whole_number_divides_as_one_in_the_file(tmp_path):
    file = tmp_path / "s.yaml"
    group = "groups: {g: {size: 4, equations: 'y : integer', initial: {y: i // k}}}\n"
    rest = "run: {duration: 1 ms, dt: 0.1 ms}\nsweep: {axes: {k: {range: [2, 4, 1]}}}\n"
    file.write_text(f"version: 1\nconstants: {{k: 3}}\n{group}{rest}")
    sweep = check_sweep(pipeline.check(pipeline.read(file)))
    assert [point.resolved.context.constants["k"].node.kind.value for point in sweep.ready.values()] == ["int"] * 2


@pytest.mark.parametrize(
    ("constants", "sweep", "marked"),
    [
        ("status: 1", "axes: {status: [1, 2]}", "status"),
        ("points: 1", "axes: {points: [1, 2]}\npoints:\n  - {gain: 1, level: 2}", "points"),
        ("sample: 1", "axes: {sample: [1, 2]}\nsample: {size: 4, ranges: {gain: [0, 1], level: [0, 1]}}", "sample"),
        ("repeat: 1", "axes: {repeat: [1, 2]}\nrepeat: 3", "repeat"),
    ],
)
def test_a_parameter_may_not_be_called_as_a_column_of_the_table(tmp_path, monkeypatch, constants, sweep, marked):
    monkeypatch.setitem(globals(), "FILE", FILE.replace("constants: {", f"constants: {{{constants}, "))
    monkeypatch.setitem(globals(), "FILE", FILE.replace("count(out)", f"count(out) + 0*{marked}"))
    item, shown, _ = wrong(tmp_path, sweep)
    assert (item.code, shown, item.help) == ("SWP708", marked, f"name the parameter by its path: `constants.{marked}`")
    planned(tmp_path, sweep.replace(f"{marked}: [1, 2]", f"constants.{marked}: [1, 2]"), check=True)


def test_of_very_many_values_evenly_spread_ones_are_tried(tmp_path):
    assert planned(tmp_path, "axes: {groups.cells.size: {range: [1, 3001, 1]}}", check=True).size == 3000
    item, _, _ = wrong(tmp_path, "axes: {groups.cells.size: {range: [0, 3000, 1]}}")
    assert item.code == "NET101"


def test_a_misspelled_parameter_is_met_with_the_right_one(tmp_path):
    assert wrong(tmp_path, "axes: {tua: [1 ms]}")[0].help == "did you mean `tau`?"
    assert wrong(tmp_path, "axes: {groups.cells.sise: [1]}")[0].help == "did you mean `groups.cells.size`?"


def test_all_wrong_values_are_shown_at_once(tmp_path):
    assert wrong(tmp_path, "axes: {tau: [1 mV], gain: [1 ms]}")[2] == ["EQ209", "EQ209"]
    assert wrong(tmp_path, "axes: {groups.cells.size: [1, 0, 2, -3]}")[2] == ["NET101", "NET101"]


def test_a_message_about_a_point_says_at_which_values(tmp_path):
    item, _, _ = wrong(tmp_path, "axes: {groups.cells.size: [1, 0]}")
    assert item.message.endswith("(at groups.cells.size = 0)")


def test_points_wait_checked_for_their_run(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text(FILE + "  axes: {gain: [2, 3], tau: [1 ms, 2 ms, 3 ms]}\n")
    sweep = check_sweep(pipeline.check(pipeline.read(file)))
    assert set(sweep.ready) == {(0, 0), (0, 1), (0, 2), (1, 0)}  # one axis at a time
    assert sweep.ready[1, 0].resolved.context.constants["gain"].value == 3


def test_equations_rules_and_methods_are_swept_as_they_are_written(tmp_path):
    plan = planned(
        tmp_path,
        """axes:
  groups.cells.method: [exact, euler]
  groups.cells.equations:
    - "dv/dt = (gain - v)/tau : 1"
    - "dv/dt = gain/tau : 1"
  monitors.out: [{kind: spikes, source: cells}, {kind: spikes, source: cells, counts_only: true}]""",
        check=True,
    )
    assert plan.shape == (2, 2, 2)
    point = plan.point(7)
    assert point.shown["groups.cells.method"] == "euler"
    assert point.shown["monitors.out"] == "{kind: spikes, source: cells, counts_only: true}"
    assert plan.axes[2].parameters[0].dimension is None


def test_a_key_that_the_file_leaves_out_can_be_swept(tmp_path):
    plan = planned(tmp_path, "axes: {groups.cells.order: [0, 1], seed: [1, 2]}", check=True)
    assert plan.axes[0].parameters[0].place == ("groups", "cells", "order")
    assert plan.axes[0].parameters[0].numbers == (0, 1)


def test_a_sample_lies_in_its_ranges_in_the_units_of_the_file(tmp_path):
    plan = planned(
        tmp_path,
        "sample: {method: lhs, size: 50, ranges: {tau: [1 ms, 0.02 s], gain: {log: [1, 100]}, "
        "groups.cells.size: {whole: [1, 5]}}}",
    )
    assert plan.shape == (50,)
    assert plan.axes[0].name == "sample"
    tau, gain, size = (np.array(p.numbers) for p in plan.axes[0].parameters)
    assert texts(plan)[0].endswith(" ms")
    assert 0.001 <= tau.min() < 0.0014
    assert 0.0196 < tau.max() <= 0.02
    assert np.sum(gain < 10) == 25  # half of the points below the middle of the logarithm
    assert [np.sum(size == k) for k in range(1, 6)] == [10] * 5


def test_the_seed_of_a_sample_is_its_own_or_that_of_the_experiment(tmp_path):
    sample = "sample: {{method: random, size: 5, ranges: {{gain: [1, 2]}}{}}}"
    own, same, other = (texts(planned(tmp_path, sample.format(s)), "gain") for s in ("", ", seed: 3", ", seed: 4"))
    assert own == same != other
