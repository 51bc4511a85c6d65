"""A file that uses every key of the format."""

EVERYTHING = """\
version: 1
name: all-of.it_1
description: |
  Everything the format knows.
references: [one, two]
authors: [Ada Lovelace, {name: Josiah Carberry, orcid: 0000-0002-1825-0097, affiliation: Brown University}]
license: CC-BY-4.0
seed: {connect: 1, initial: 2, noise: 3, input: 18446744073709551615}
constants: {tau: 10 ms, w: 0.1, flag: true, n: 3}
functions:
  sigmoid(x): 1/(1 + exp(-x))
  "add(x, y)": x + y
  zero(): 0
arrays:
  a: {values: [1, 2, 3], unit: nA, dt: 1 ms}
  b: {values: [[1, 2], [3, 4]], dt: 1 ms}
  c: {values: "[1, 2]*nA", dt: 1 ms}
  d: {file: x.h5, dataset: /x, unit: mV, transpose: true, dt: 1 ms}
  f: {file: x.csv, column: rate, dt: 1 ms}
  g: {values: [1, 2], times: [0 ms, 3 ms], between: linear}
  h: {file: x.csv, time_column: when, time_unit: ms, column: rate, between: previous}
  j: {formula: 0.2*nA*randn(), dt: 1 ms, duration: 1 s, columns: 3, between: linear}
  k: {frames: x.npy, each: 350 ms, pause: 150 ms, labels: [0, 1], scale: 1/16}
  l: {frames: pictures, each: 350 ms, labels: labels.npy, channel: red, invert: true, flip: both, resize: [8, 8]}
  e:
    image: page.png
    channel: red
    invert: true
    flip: vertical
    transpose: false
    resize: [10, 20]
    scale: 2*nA
    time_axis: rows
    dt: 1 ms
groups:
  exc:
    equations: "dv/dt = -v/tau : 1"
    threshold: v > 1
    reset: v = 0
    refractory: 2 ms
    method: exact
    initial:
      v: rand()
      w: [1, 2, 3]
      x: [{where: i < 2, value: 3}, {value: 4 mV}]
      y: {file: states.h5, dataset: y, unit: mV}
      y2: {file: states.csv, column: 2}
      y3: {file: nodes.h5, population: exc, types: node_types.csv, column: y}
      z: {value: 3, where: i > 2}
    events: {burst: v > 2, other: {condition: v > 3, do: v = 0, order: 1}}
    linked: {I: drive.x, J: {from: drive.y, index: i // 2}}
    subgroups: {a: "0:800", b: [1, 2], c: x > 3, d: 200, e: 21915*scale}
    dt: 0.1 ms
    order: 2
    constants: {k: 3}
  drive: {kind: poisson, size: 3, rates: 10 Hz}
  each: {kind: poisson, size: 2, rates: [10 Hz, 20 Hz]}
  given: {kind: spikes, size: 3, indices: [0, 1], times: [1 ms, 2 ms], period: 10 ms}
  late: {kind: spikes, size: 3, times: {stimuli: k, latency: 50*ms*(1 - x)}}
  regular: {kind: spikes, size: 3, times: {every: 1/(10*Hz), from: i*ms, until: 1 s, jitter: 1 ms}}
  alike: {kind: spikes, size: 3, indices: all, times: {range: [0 ms, 5 ms, 1 ms]}}
  filed: {kind: spikes, size: 3, file: spikes.csv, columns: [who, when], unit: ms}
  sonata: {kind: spikes, size: {file: nodes.h5, population: exc}, file: spikes.h5, population: exc}
  stored: {kind: spikes, size: 3, file: spikes.h5, dataset: /table, unit: ms}
inputs:
  bg: {kind: poisson, target: exc.a, variable: v, size: 1000, rate: 8 Hz, weight: w}
  bg2: {target: exc, variable: v, size: 1000, rate: 8 Hz, weight: 1, phases: [one]}
synapses:
  s1: {source: exc, target: exc.a, connect: all, on_pre: v_post += w, delay: 1.5 ms}
  s2: {source: exc, target: exc, connect: all, on_pre: {do: v_post += w, order: -2}, method: rkf45, tolerance: 1e-5}
  s3:
    source: exc
    target: exc
    equations: "w : 1"
    on_pre: {fast: v_post += w, slow: {do: v_post += w, delay: 5 ms, order: 3, event: burst}}
    on_post: w += 1
    connect:
      - all
      - {rule: one_to_one, source: exc.a, target: exc.b}
      - {where: i != j, p: 0.1, n: 2}
      - {p: 0.1, source: exc.a, delay: 1 ms, initial: {w: rand()}}
      - {i: 0, j: [1, 2]}
      - {pairs: [[0, 1], [1, 2]]}
      - {j: "k for k in range(i-3, i+4) if k != i", skip_if_invalid: true, p: 0.5}
      - {i: j + 1}
      - {fixed_indegree: 10, multapses: true, autapses: false}
      - {fixed_outdegree: 10}
      - {fixed_total: 1e3}
      - {matrix: W.npy}
      - {file: edges.csv}
      - {matrix: W.h5, dataset: /w, to: w, unit: mV}
      - {file: edges.csv, columns: [pre, post], to: {w: weight, delay: 3}, unit: {w: mV, delay: ms}}
      - {file: edges.h5, population: exc_to_inh, types: edge_types.csv}
      - {file: edges.h5, dataset: /edges}
    initial: {w: 1}
  s4: {source: s3, target: exc, connect: {i: [0, 1], j: [1, 0]}}
monitors:
  m1: {kind: spikes, source: exc.a, variables: [v], indices: all, counts_only: false, window: [0 s, 1 s]}
  m2: {kind: state, source: exc, variables: [v, w], indices: [0, 1], dt: 1 ms, when: end, window: [0 s, 1 s]}
  m3: {kind: rate, source: exc, bin: 1 ms, smooth: 5 ms}
  m4: {kind: events, source: exc, condition: v > 2}
  m6: {kind: events, source: s3, event: on_pre.x, variables: [w, v_post], indices: i > j, window: [0 s, 1 s]}
  m5: {kind: connectivity, source: s3, variables: [w]}
operations:
  o1: {target: exc, every: 10 ms, do: v = 0, when: start, order: 1}
  o2: {target: exc, at: [1 ms, 2 ms], do: v = 0}
  o3: {call: "run/hooks.py:function", every: 1 s}
run:
  dt: 0.1 ms
  threads: 2
  precision: single
  math: fast
  phases:
    - {name: warmup, duration: 1 s, record: []}
    - {name: test, duration: 1 s, set: {tau: 5 ms, exc.v: [{where: i > 1, value: 0}]}, record: [m1], stop_when: v > 2}
    - {name: again, duration: 1 s, repeat: n, repeat_until: count(m1) > 3, at_end: {tau: 2*tau, exc.v: 0}}
    - name: trial
      repeat: 3
      repeat_until: count(m1) > 30
      phases: [{name: cue, duration: 1 s}, {name: gap, duration: 1 s, repeat: 2}]
metrics: {rate: count(m1) / duration, one: 1}
search: {constant: tau, between: [1 ms, 100 ms], until: count(m1) > 3, tolerance: 0.1 ms}
sweep:
  axes:
    tau: {linspace: [1 ms, 10 ms], num: 30}
    w: {logspace: [0.1, 1], num: 3}
    groups.exc.size: {range: [1, 10, 2]}
    groups.exc.method: [euler, exact]
  zip: {n: [1, 2]}
  points: [{tau: 1 ms, w: 2}]
  sample: {method: lhs, size: 64, ranges: {tau: [1 ms, 2 ms]}}
  repeat: 20
  shared: warmup
  keep: results
plots:
  - {kind: raster, monitor: m1, neurons: "0:10", xlim: [0 s, 1 s], size: column, name: pic}
  - kind: traces
    source: exc
    variables: [v]
    size: [85 mm, 60 mm]
    labels: {x: time}
    ylim: [0, 1]
    marks: m1
    lines: {threshold: 1}
    vlines: 1 s
    colours: {neuron 0: red}
    offset: 1
    scale_bars: [10 ms, 1]
  - {kind: weights, times: [0 ms, 1 s], zlim: [0, 1], parts: [histogram, matrix], colourmap: magma, footer: notes}
  - {kind: isi, legend: upper right, colours: [red, black]}
  - {kind: isi, bins: 30, title: x, style: paper.mplstyle}
  - panels: [{kind: curve, x: tau, y: rate}, {kind: psth, bin: 5 ms}]
    title: both
"""
