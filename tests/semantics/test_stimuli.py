"""Stimuli: frames in their order and time, rate and latency code, their labels in the results and in metrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from agreement import assert_agreement
from PIL import Image
from running import network_of, run_network

from snnrun.errors import ExperimentError
from snnrun.model.network import TimedArray
from snnrun.results.reader import Results
from snnrun.running import pipeline
from snnrun.running.options import RunOptions

FRAMES = np.array([[[0, 4], [8, 16]], [[16, 0], [0, 0]], [[1, 2], [3, 4]]])
STIMULUS = "{frames: frames.npy, each: 3 ms, pause: 2 ms, labels: [7, 8, 7], scale: 1/16}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.save(tmp_path / "frames.npy", FRAMES)
    return tmp_path


def file(folder: Path, stimulus: str = STIMULUS, more: str = "") -> Path:
    text = f"""
version: 1
arrays: {{shown: {stimulus}}}
groups: {{g: {{size: shown.columns, equations: "x = shown(t, i) : 1"}}}}
monitors: {{m: {{kind: state, source: g, variables: [x]}}}}
run: {{duration: shown.duration + 2*ms, dt: 1 ms}}
{more}
"""
    (folder / "x.yaml").write_text(text, encoding="utf-8")
    return folder / "x.yaml"


def array(folder: Path, stimulus: str) -> TimedArray:
    return network_of(file(folder, stimulus)).arrays["shown"]


def test_each_frame_is_shown_for_its_time_with_silence_between_and_after(folder: Path) -> None:
    assert_agreement(file(folder))
    memory, _ = run_network(network_of(file(folder)))
    x = memory.state("m", "x")
    assert x.shape == (17, 4)
    expected = np.zeros((17, 4))
    for k, frame in enumerate(FRAMES):
        expected[5 * k : 5 * k + 3] = frame.reshape(-1) / 16
    assert np.array_equal(x, expected)


def test_without_a_pause_frames_follow_one_another(folder: Path) -> None:
    memory, _ = run_network(network_of(file(folder, "{frames: frames.npy, each: 2 ms}")))
    x = memory.state("m", "x")
    assert np.array_equal(x[:6], np.repeat(FRAMES.reshape(3, 4), 2, axis=0))
    assert not x[6:].any()


def test_time_may_begin_again(folder: Path) -> None:
    path = file(folder)
    text = path.read_text(encoding="utf-8")
    again = text.replace("shown(t, i)", "shown(t % shown.duration, i)").replace(
        "shown.duration + 2*ms", "2*shown.duration"
    )
    path.write_text(again, encoding="utf-8")
    x = run_network(network_of(path))[0].state("m", "x")
    assert np.array_equal(x[15:], x[:15])


def test_frames_are_shown_again_with_their_times_and_labels(folder: Path) -> None:
    path = file(folder, STIMULUS.replace("labels", "repeat: 2, labels"), "metrics: {seven: 'response(s, shown, 7)'}")
    text = path.read_text(encoding="utf-8").replace("monitors: {", "monitors: {s: {kind: spikes, source: p}, ")
    spikes = "kind: spikes, size: 1, indices: [0, 0], times: [1 ms, 16 ms]"
    path.write_text(text.replace("groups: {", f"groups: {{p: {{{spikes}}}, "), encoding="utf-8")
    assert_agreement(path)
    network = network_of(path)
    x, shown = run_network(network)[0].state("m", "x"), network.arrays["shown"].presentations
    assert x.shape == (32, 4)
    assert np.array_equal(x[15:30], x[:15])
    assert shown is not None
    assert shown.starts.tolist() == [0, 5, 10, 15, 20, 25]
    assert shown.labels is not None
    assert shown.labels.tolist() == [7, 8, 7, 7, 8, 7]
    outcome = pipeline.run(pipeline.check(pipeline.read(path)), folder / "out", RunOptions(plots=False))
    assert outcome.metrics["seven"][0] == pytest.approx([2 / 12e-3])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("shown(t, i)", "shown(t % shown.duration, i)"),
        ("shown(t, i)", "shown(t - 1*ms, i)"),
        ("groups: {", "groups: {l: {kind: spikes, size: 4, times: {stimuli: shown, latency: x*ms}, period: 15 ms}, "),
    ],
)
def test_when_frames_are_shown_is_not_known_where_they_are_read_at_another_time(
    folder: Path, old: str, new: str
) -> None:
    path = file(folder)
    text = path.read_text(encoding="utf-8").replace(old, new)
    text = text.replace("monitors: {", "monitors: {s: {kind: spikes, source: p}, ")
    text = text.replace("groups: {", "groups: {p: {kind: poisson, size: 1, rates: 5 Hz}, ")
    path.write_text(text, encoding="utf-8")
    checked = pipeline.check(pipeline.read(path))
    assert [w.code for w in checked.warnings] == ["NET164"]
    outcome = pipeline.run(checked, folder / "out", RunOptions(plots=False))
    with Results.open(outcome.folder) as results:
        assert not results.stimuli()
    for more, code in (
        ("metrics: {m: 'mean(response(s, shown))'}", "MET403"),
        ("plots: [{kind: psth, monitor: s, marks: shown}]", "PLT513"),
    ):
        path.write_text(text + more, encoding="utf-8")
        with pytest.raises(ExperimentError, match=code):
            pipeline.check(pipeline.read(path))


def test_a_row_a_frame_is_a_frame_too(folder: Path) -> None:
    (folder / "rows.csv").write_text("0,1,2\n3,4,5\n", encoding="utf-8")
    path = file(folder, "{frames: rows.csv, each: 1 ms, pause: 1 ms, unit: nA}")
    path.write_text(path.read_text(encoding="utf-8").replace(': 1"', ': amp"'), encoding="utf-8")
    shown = network_of(path).arrays["shown"]
    assert shown.values == pytest.approx(np.array([[0, 1, 2], [0, 0, 0], [3, 4, 5], [0, 0, 0]]) * 1e-9)


def test_pictures_of_a_folder_are_taken_by_their_numbers(folder: Path) -> None:
    (folder / "pictures").mkdir()
    for number, level in ((10, 255), (2, 0), (1, 51)):
        Image.fromarray(np.full((4, 2), level, np.uint8)).save(folder / "pictures" / f"p{number}.png")
    (folder / "pictures" / "notes.txt").write_text("no picture", encoding="utf-8")
    shown = array(folder, "{frames: pictures, each: 1 ms, resize: [2, 2], invert: true}")
    assert shown.values[:, 0].tolist() == pytest.approx([0.8, 1, 0, 0])
    assert shown.values.shape == (4, 4)


def test_frames_of_a_gif_are_frames(folder: Path) -> None:
    pictures = [Image.fromarray(np.array([[level, 0]], np.uint8)) for level in (255, 0, 255)]
    pictures[1].putpixel((1, 0), 255)
    pictures[0].save(folder / "a.gif", save_all=True, append_images=pictures[1:], duration=100)
    shown = array(folder, "{frames: a.gif, each: 1 ms, flip: horizontal}")
    assert shown.values[:3].tolist() == pytest.approx(np.array([[0, 1], [1, 0], [0, 1]]))


def test_the_brighter_a_pixel_the_earlier_its_only_spike(folder: Path) -> None:
    path = file(folder, more="").read_text(encoding="utf-8")
    given = "  s: {kind: spikes, size: shown.columns, times: {stimuli: shown, latency: 4*ms*(1 - x)}}\n"
    text = path.replace("groups: {g: {size: shown.columns, ", "groups:\n" + given + "  g: {size: shown.columns, ")
    text = text.replace(' : 1"}}', ' : 1"}')
    (folder / "y.yaml").write_text(text, encoding="utf-8")
    schedule = network_of(folder / "y.yaml").groups["s"].schedule
    assert schedule is not None
    # latencies: 0, 3, 2, 0 ms of the first frame, and 3.75, 3.5, 3.25, 3 ms of the last: 3 ms is not below `each`
    assert list(zip(schedule.steps.tolist(), schedule.ids.tolist(), strict=True)) == [(0, 3), (2, 2), (5, 0)]


def test_labels_and_times_are_stored_and_metrics_use_them(folder: Path) -> None:
    np.save(folder / "labels.npy", np.array([7, 8, 7], np.uint8))
    stimulus = STIMULUS.replace("[7, 8, 7]", "labels.npy")
    more = """
metrics:
  seven: response(s, shown, 7)
  eight: response(s, shown, 8)
  all: mean(response(s, shown))
  none: mean(response(late, shown, 8))
"""
    spikes = "indices: [0, 0, 1, 0, 1, 0], times: [0 ms, 2 ms, 4 ms, 6 ms, 7 ms, 10 ms]"
    text = file(folder, stimulus, more).read_text(encoding="utf-8")
    text = text.replace(' : 1"}}', f' : 1"}}, s: {{kind: spikes, size: 2, {spikes}}}}}')
    monitors = "monitors: {s: {kind: spikes, source: s}, late: {kind: spikes, source: s, window: [8 ms, 9 ms]}, "
    (folder / "z.yaml").write_text(text.replace("monitors: {", monitors), encoding="utf-8")
    checked = pipeline.check(pipeline.read(folder / "z.yaml"))
    outcome = pipeline.run(checked, folder / "out", RunOptions(plots=False))
    metrics = {name: value for name, (value, _) in outcome.metrics.items()}
    assert metrics["seven"] == pytest.approx([3 / 6e-3, 0])
    assert metrics["eight"] == pytest.approx([1 / 3e-3, 1 / 3e-3])
    assert metrics["all"] == pytest.approx(2.5 / 9e-3)
    assert np.isnan(metrics["none"])
    with Results.open(outcome.folder) as results:
        shown = results.stimuli()["shown"]
    assert shown.start == pytest.approx([0, 5e-3, 10e-3])
    assert shown.stop == pytest.approx([3e-3, 8e-3, 13e-3])
    assert shown.label is not None
    assert shown.label.tolist() == [7, 8, 7]


def test_what_stimuli_cannot_be_is_refused(folder: Path) -> None:
    np.save(folder / "flat.npy", np.zeros(4))
    (folder / "empty").mkdir()
    for stimulus, code, words in (
        ("{frames: flat.npy, each: 1 ms}", "FIL202", "2 or 3 dimensions"),
        ("{frames: empty, each: 1 ms}", "FIL201", "has no pictures"),
        ("{frames: nothing.npy, each: 1 ms}", "FIL201", "there is no file"),
        ("{frames: frames.npy, each: 1 ms, labels: [1, 2]}", "NET155", "2 labels and 3 frames"),
        ("{frames: frames.npy, each: 1 ms, labels: [1, 2, 2.5]}", "NET155", "whole numbers"),
        ("{frames: frames.npy, each: 1.5 ms}", "NET102", "not a whole number of steps"),
        ("{frames: frames.npy, each: 1 ms, pause: -1 ms}", "NET102", "not negative"),
        ("{frames: frames.npy, each: 1 ms, invert: true}", "FMT211", "does nothing"),
    ):
        with pytest.raises(ExperimentError) as caught:
            pipeline.check(pipeline.read(file(folder, stimulus)))
        found = caught.value.diagnostics[0]
        assert found.code == code, found
        assert words in found.message, found
