"""Small networks that use every feature, as experiment files; few networks, as each is compiled once."""
# ruff: noqa: E501 - lines of experiment files, and sentences that are quoted

from __future__ import annotations

METHODS = """
name: methods
constants: {tau: 5 ms, El: -60 mV}
arrays:
  stimulus: {values: [0, 1, 3, 2, 0.5], dt: 2 ms}
functions:
  sigmoid(x): 1/(1 + exp(-x))
groups:
  exact_mixed:
    size: 5
    equations: |
      dv/dt = (g - v + u + drive)/taum : 1 (unless refractory)
      dg/dt = -g/tau : 1
      du/dt = (v - u)/(3*tau) : 1
      drive : 1
      taum : second (constant)
    method: exact
    threshold: v > 1
    reset: v = 0; g += 0.4
    refractory: 1 ms
    initial: {drive: 1 + 0.3*i, taum: (3 + i)*ms, g: 0.5, u: rand()}
  exact_alone:
    size: 4
    equations: "dv/dt = (stimulus(t) + b - v)/taum : 1\\nb : 1\\ntaum : second"
    method: exact
    threshold: v > 1
    reset: v = 0; taum = taum*1.01
    initial: {b: 0.2*i, taum: (2 + i)*ms}
  shared:
    size: 3
    equations: |
      dv/dt = (s - v)/tau : 1
      ds/dt = (q - s)/tau : 1 (shared)
      dq/dt = -q/taus : 1 (shared)
      taus : second (shared, constant)
    method: exact
    threshold: v > 0.2*(i + 1) and s > 0.35
    reset: v = 0
    initial: {s: 2, q: 3, taus: 20 ms}
  exponential_euler:
    size: 3
    equations: |
      dv/dt = (El - v)/tau + (30 + 10*i)*mV*sigmoid(m)/tau : volt (unless refractory)
      dm/dt = (exprel((v - El)/(10*mV)) - m)/tau : 1
    method: exponential_euler
    threshold: v > -45*mV
    reset: v = El; m = 0
    refractory: v > -50*mV
    initial: {v: El + 15*mV*rand()}
  euler:
    size: 4
    equations: "dv/dt = (v**2 + stimulus(t) + 0.5 + 0.1*i)/tau : 1\\ndw/dt = cos(2*pi*t*100*Hz)/ms : 1 (unless refractory)"
    method: euler
    threshold: v > 3
    reset: v = -1; w *= 0.5
    refractory: (1 + i)*0.7*ms
  rk2:
    size: 4
    equations: |
      dv/dt = (v**2 + stimulus(t) + 0.5 + 0.1*i)/tau : 1 (unless refractory)
      dw/dt = (sin(v) - w + 0.1*sinh(w) + arctan(v) - log1p(abs(v)) + tanh(w))/tau : 1
    method: rk2
    threshold: v > 3
    reset: v = -1
    refractory: 1.5 ms
  rk4:
    size: 4
    equations: |
      dv/dt = (v**2 + stimulus(t - 1.3*ms) + 0.5 + 0.1*i)/tau : 1 (unless refractory)
      dw/dt = (sin(v) - 2*w + int(not_refractory)*sqrt(abs(v)))/tau : 1
    method: rk4
    threshold: v > 3
    reset: v = -1
    refractory: 1.5 ms
monitors:
  s0: {kind: spikes, source: exact_mixed, variables: [v, g, lastspike]}
  s1: {kind: spikes, source: exact_alone}
  s2: {kind: spikes, source: shared, variables: [s]}
  s3: {kind: spikes, source: exponential_euler}
  s4: {kind: spikes, source: euler}
  s5: {kind: spikes, source: rk2}
  s6: {kind: spikes, source: rk4}
  m0: {kind: state, source: exact_mixed, variables: [v, g, u]}
  m1: {kind: state, source: exact_alone, variables: [v, taum]}
  m2: {kind: state, source: shared, variables: [v, s]}
  m3: {kind: state, source: exponential_euler, variables: [v, m]}
  m4: {kind: state, source: euler, variables: [v, w]}
  m5: {kind: state, source: rk2, variables: [v, w, not_refractory]}
  m6: {kind: state, source: rk4, variables: [v, w]}
run: {duration: 30 ms, dt: 0.1 ms}
"""

NOISE = """
name: noise
seed: {connect: 1, initial: 2, noise: 3, input: 4}
constants: {tau: 5 ms}
groups:
  additive:
    size: 5
    equations: |
      dv/dt = (1.2 - v)/tau + 0.3*tau**-0.5*xi + kick : 1 (unless refractory)
      dw/dt = -w/tau + 0.2*tau**-0.5*xi + tau**-0.5*xi_b : 1
      kick = 0.5*xi_c*tau**-0.5 : Hz
    method: euler
    threshold: v > 1
    reset: v = 0.2*rand(); w += randn()
    refractory: 1 ms + rand()*ms
  heun:
    size: 3
    equations: "dv/dt = (1.1 - v)/tau + 0.5*v*tau**-0.5*xi + 0.1*tau**-0.5*xi_2 : 1 (unless refractory)\\ndx/dt = v*cos(t/ms)*xi_2*tau**-0.5 : 1"
    method: heun
    threshold: v > 1
    reset: v = 0.5
    refractory: 0.5 ms
    initial: {v: 0.5}
  milstein:
    size: 3
    equations: "dv/dt = (1.1 - v)/tau + 0.5*v*tau**-0.5*xi : 1 (unless refractory)"
    method: milstein
    threshold: v > 1
    reset: v = 0.5
    refractory: 0.5 ms
    initial: {v: 0.5}
  drawn:
    size: 6
    equations: |
      dv/dt = (rand() + 0.3*randn() + 0.1*poisson(3 + i) - v)/tau : 1
      ds/dt = -s/tau + xi*tau**-0.5 : 1 (shared)
      kicks : integer
      n = poisson(20.5)//3 : 1
      held = rand() + s + v : 1 (constant over dt)
      twice = 2*held + n : 1
    method: euler
    threshold: rand() < 100*Hz*dt and held < 2
    reset: kicks += poisson(0.7); v += 0.01*twice
monitors:
  s0: {kind: spikes, source: additive}
  s1: {kind: spikes, source: heun}
  s2: {kind: spikes, source: milstein}
  s3: {kind: spikes, source: drawn, variables: [held, twice]}
  m0: {kind: state, source: additive, variables: [v, w]}
  m1: {kind: state, source: heun, variables: [v, x]}
  m2: {kind: state, source: milstein, variables: [v]}
  m3: {kind: state, source: drawn, variables: [v, s, kicks, held, twice, n]}
  m4: {kind: state, source: drawn, variables: [held, twice, v], when: end, dt: 0.3 ms}
run: {duration: 20 ms, dt: 0.1 ms}
"""

VARIABLES = """
name: variables
constants: {tau: 5 ms}
groups:
  pop:
    size: 7
    equations: |
      dv/dt = (drive*gain + int(awake) - v + sub)/tau : 1 (unless refractory)
      sub = 0.1*level % 3 - (-level) // 2 + 0.01*i : 1
      drive : 1 (constant)
      gain : 1 (shared)
      awake : boolean
      level : integer
      held = gain + v : 1 (constant over dt)
      heldshared = gain*cos(t/ms) : 1 (constant over dt, shared)
    method: euler
    threshold: (v > 1 and awake) or not (level < 40)
    reset: |
      temporary = v - 1     # a local name
      v = temporary*0.5; level += 1
      awake = level % 3 != 0 or v > 10
      level = level + int(awake)
    refractory: 0.3 ms
    initial:
      drive: [1, 2, 3, 4, 5, 6, 7]
      gain: 0.5
      awake: [{where: i < 5, value: true}, {where: i == 2, value: false}]
      level: i % 3
      v: clip(rand(), 0.2, 0.7)
    subgroups: {low: "0:3", odd: [1, 3, 5], high: i > 4, step: "0:7:2"}
  silent:
    size: 3
    equations: "x : 1\\ncount : integer"
synapses:
  syn:
    source: pop
    target: silent
    equations: "w : 1\\nhits : integer\\non : boolean"
    connect: all
    on_pre: |
      x_post = 0.9*x_post + w
      hits += 1
      on = hits % 2 == 0
      count_post += int(on) + i - j
operations:
  every: {target: pop, every: 1 ms, do: v = v + 0.1*rand() + 0.01*held; level = level - 1}
  shared: {target: pop, at: [2 ms, 0.5 ms, 7 ms], do: gain = gain + rand()}
  part: {target: pop.odd, every: 0.7 ms, do: level += 2, order: -1}
  high: {target: pop.high, every: 0.9 ms, do: v = 0, when: end}
  learn: {target: syn, every: 0.5 ms, do: "w = clip(w + 0.1*v_pre - 0.01*x_post, 0, 1); x_post += 0.001*w*(i + 1)", when: end}
monitors:
  all: {kind: spikes, source: pop, variables: [v, level, awake, not_refractory, lastspike]}
  low: {kind: spikes, source: pop.low}
  odd: {kind: spikes, source: pop.odd, window: [2 ms, 5 ms]}
  chosen: {kind: spikes, source: pop, indices: [5, 6, 4]}
  counted: {kind: spikes, source: pop, counts_only: true}
  state: {kind: state, source: pop, variables: [v, level, awake, sub, held, not_refractory, lastspike], indices: [3, 0, 6]}
  later: {kind: state, source: pop.step, variables: [v], dt: 0.3 ms, window: [1.1 ms, 6 ms]}
  shared: {kind: state, source: pop, variables: [gain, heldshared]}
  end: {kind: state, source: pop, variables: [v, held], when: end, indices: "2:5"}
  silent: {kind: state, source: silent, variables: [x, count]}
  w: {kind: state, source: syn, variables: [w, hits, on], indices: [5, 2]}
  ws: {kind: state, source: syn, variables: [w], dt: 2 ms}
  rate: {kind: rate, source: pop}
  ratelow: {kind: rate, source: pop.low, window: [1 ms, 4 ms]}
run: {duration: 16 ms, dt: 0.1 ms}
"""

INPUTS = """
name: inputs
constants: {tau: 5 ms}
arrays:
  one: {values: [0, 200, 50, 400], dt: 3 ms, unit: Hz}
  two: {values: [[0.1, 0.2, 0.3], [1, 2, 3], [0, 3, 0], [2, 2, 2]], dt: 2 ms}
groups:
  plain: {kind: poisson, size: 9, rates: 300 Hz}
  listed: {kind: poisson, size: 3, rates: [0 Hz, 200 Hz, 900 Hz]}
  varying: {kind: poisson, size: 5, rates: one(t) + 100*Hz*i*int(t > 4*ms)}
  given: {kind: spikes, size: 3, indices: [2, 0, 1, 0], times: [3 ms, 0 ms, 1.05 ms, 2 ms]}
  repeated: {kind: spikes, size: 2, indices: [1, 0, 0], times: [1.9 ms, 0 ms, 0.4 ms], period: 2 ms}
  pop:
    size: 6
    equations: |
      dv/dt = (two(t, i % 3) + two(t - 1*ms, 2 - i % 3) - v)/tau : 1 (unless refractory)
      x : 1
    method: rk2
    threshold: v > 1
    reset: v = 0
    refractory: 1 ms
    subgroups: {some: [0, 2, 5]}
inputs:
  strong: {kind: poisson, target: pop, variable: v, size: 100, rate: 50 Hz, weight: 0.05}
  partly: {kind: poisson, target: pop.some, variable: x, size: 3, rate: 1000 Hz, weight: 0.1*(i + 1)*v}
synapses:
  a: {source: plain, target: pop, connect: {p: 0.5}, on_pre: v_post += 0.05}
  b: {source: listed, target: pop, connect: all, on_pre: x_post += 1, delay: 0.2 ms}
  c: {source: given, target: pop.some, connect: one_to_one, on_pre: v += 0.7}
  d: {source: repeated, target: pop, connect: {fixed_indegree: 1}, on_pre: x_post -= v_post*rand(), delay: rand()*ms}
monitors:
  s0: {kind: spikes, source: plain}
  s1: {kind: spikes, source: listed}
  s2: {kind: spikes, source: varying, variables: [rates]}
  s3: {kind: spikes, source: given}
  s4: {kind: spikes, source: repeated}
  s5: {kind: spikes, source: pop, variables: [x]}
  m: {kind: state, source: pop, variables: [v, x]}
run: {duration: 12 ms, dt: 0.1 ms}
"""

PATHWAYS = """
name: pathways
constants: {tau: 4 ms}
groups:
  a:
    size: 6
    equations: "dv/dt = (1.3 + 0.2*i - v)/tau : 1\\nx : 1"
    method: exact
    threshold: v > 1
    reset: v = 0
    initial: {v: rand()}
  b:
    size: 5
    equations: "dv/dt = (0.9 - v)/tau : 1 (unless refractory)\\ny : 1"
    method: euler
    threshold: v > 1
    reset: v = 0; y = 0
    refractory: 1.2 ms
    initial: {v: rand()}
    subgroups: {part: [1, 2, 4]}
synapses:
  varied:
    source: a
    target: b
    equations: "w : 1\\nlast : second\\nn : integer"
    connect: [{where: (i + j) % 2 == 0}, {i: 0, j: [1, 2]}, {i: 3, j: 3, n: 2, delay: 0.8 ms, initial: {w: 0.5}}]
    on_pre:
      first: {do: v_post += w; last = t; n += 1, delay: 0.3*ms*(1 + i + j)}
      second: {do: w = 0.9*w + 0.01*y_post, order: -5}
      third: y_post = y_post*0.7 + v_pre
    on_post:
      back: {do: x_pre = 0.5*x_pre + w*v_post; w += 0.001*n, delay: rand()*1.5*ms}
      direct: w = w*(1 + 0.01*i) - 0.001*N_incoming
    initial: {w: 0.1*rand()}
    delay: 0.2 ms
  within:
    source: a
    target: a
    equations: "w : 1"
    connect: {j: "k for k in range(i - 2, i + 3) if k != i", skip_if_invalid: true}
    on_pre: v_post = 0.95*v_post + w*rand()
    on_post: {do: w = w - 0.01*v_pre, delay: 0.5 ms}
    initial: {w: 0.02*(i - j)}
  branches:
    source: a
    target: b
    equations: "w : 1"
    connect: {p: 0.6}
    on_pre: y_post += w + rand(); w = 0.9*w + 0.1*v_pre; v_post -= 0.01*w
    on_post: w += 0.1
    delay: {axonal: 0.1*ms*i, dendritic: 1.5*ms*rand()}
    initial: {w: 0.1*rand()}
  straight: {source: b, target: b, connect: all, on_pre: {do: v_post += 0.01, delay: {dendritic: 0.4 ms}}}
  to_part: {source: a, target: b.part, connect: {fixed_outdegree: 2}, on_pre: v += 0.1*y; y = y + 1, delay: 1 ms}
monitors:
  sa: {kind: spikes, source: a}
  sb: {kind: spikes, source: b, variables: [v, y]}
  ma: {kind: state, source: a, variables: [v, x]}
  mb: {kind: state, source: b, variables: [v, y]}
  w: {kind: state, source: varied, variables: [w, last, n]}
  within: {kind: state, source: within, variables: [w]}
run: {duration: 25 ms, dt: 0.1 ms}
"""

PLASTICITY = """
name: plasticity
constants: {tau: 4 ms, taupre: 8 ms, taupost: 6 ms}
groups:
  a: {kind: poisson, size: 5, rates: 200 Hz}
  b:
    size: 4
    equations: "dv/dt = (0.5 - v)/tau : 1\\ndz/dt = -z/tau : 1"
    method: exact
    threshold: v > 1
    reset: v = 0; z += 1
synapses:
  event:
    source: a
    target: b
    equations: |
      w : 1
      dp/dt = -p/taupre : 1 (event-driven)
      dq/dt = (0.1*w - q)/taupost : 1 (event-driven)
    connect: all
    constants: {gain: 0.1}
    on_pre: {do: "v_post += w; p += gain; w = clip(w + q, 0, 1)", delay: 0.3 ms}
    on_post: q -= 0.11; w = clip(w + p, 0, 1)
    initial: {w: 0.3*rand()}
  clock:
    source: a
    target: b
    equations: |
      w : 1
      dp/dt = -p/taupre : 1 (clock-driven)
      dq/dt = (w*z_post - q)/taupost : 1 (clock-driven)
      double = 2*p + z_post : 1
    method: euler
    connect: {where: i != j}
    on_pre: v_post += w; p += 0.1; w = clip(w + q + 0.001*double, 0, 1)
    on_post: {do: "q -= 0.11; w = clip(w + p, 0, 1)", delay: 0.2 ms}
    initial: {w: 0.3*rand()}
  coupled:
    source: a
    target: b
    equations: |
      dr/dt = (s - r)/taupre : 1 (clock-driven)
      ds/dt = -s/taupost : 1 (clock-driven)
    method: exact
    connect: {p: 0.5*int(i > j)}
    on_pre: s += 1
  stochastic:
    source: a
    target: b
    equations: "dr/dt = -r**3/taupre + 0.1*xi*taupre**-0.5 + rand()/second : 1 (clock-driven)"
    method: euler
    connect: {fixed_total: 7}
    on_pre: r += 1
monitors:
  a: {kind: spikes, source: a}
  b: {kind: spikes, source: b}
  mb: {kind: state, source: b, variables: [v, z]}
  e: {kind: state, source: event, variables: [w, p, q]}
  c: {kind: state, source: clock, variables: [w, p, q, double]}
  k: {kind: state, source: coupled, variables: [r, s]}
  r: {kind: state, source: stochastic, variables: [r]}
run: {duration: 25 ms, dt: 0.1 ms}
"""

SUMS = """
name: sums
constants: {tau: 4 ms}
groups:
  pop:
    size: 6
    equations: |
      dv/dt = (drive + current + other - v)/tau : 1
      drive : 1
      current : 1
      other : 1
      total : 1
    method: euler
    threshold: v > 1
    reset: v = 0
    initial: {drive: 0.9 + 0.1*i, v: rand(), other: 0.01, total: 0.5}
    subgroups: {left: "0:3", right: [3, 5]}
synapses:
  gap: {source: pop, target: pop, equations: "g : 1\\ncurrent_post = g*(v_pre - v_post) : 1 (summed)", connect: {where: i != j}, initial: {g: 0.1*rand()}}
  second: {source: pop.left, target: pop.right, equations: "current_post = 0.1*v_pre + 0.001*current_post : 1 (summed)", connect: all}
  back: {source: pop, target: pop, equations: "total_pre = v_post*N_outgoing : 1 (summed)", connect: {j: "k for k in sample(0, N_post, p=0.5)"}}
  chain: {source: pop, target: pop, equations: "other_post = 0.01*total_pre : 1 (summed)", connect: one_to_one}
monitors:
  s: {kind: spikes, source: pop, variables: [current]}
  m: {kind: state, source: pop, variables: [v, current, other, total]}
run: {duration: 15 ms, dt: 0.1 ms}
"""

# Many targets of a source follow one another, in one piece or two: loops go through ranges of synapses.
RANGES = """
name: ranges
constants: {tau: 4 ms}
groups:
  pop:
    size: 45
    equations: |
      dv/dt = (drive + current + slow - v)/tau : 1
      drive : 1
      current : 1
      slow : 1
      total : 1
    method: euler
    threshold: v > 1
    reset: v = 0
    initial: {drive: 0.9 + 0.01*i, v: rand()}
    subgroups: {left: "0:40", right: "3:41"}
synapses:
  gap: {source: pop, target: pop, equations: "g : 1\\ncurrent_post = g*(v_pre - v_post) + 0.001*(i - j)/N_pre : 1 (summed)", connect: {where: i != j}, initial: {g: 0.01*rand()}}
  gates:
    source: pop.left
    target: pop.right
    equations: |
      ds/dt = -s/(5*ms) + 0.1*x*(1 - s)/ms + 0.05*(v_pre - v_post)*xi/sqrt(1*ms) : 1 (clock-driven)
      dx/dt = -x/(2*ms) : 1 (clock-driven)
      slow_post = 0.01*s : 1 (summed)
      total_pre = s*v_post : 1 (summed)
    method: euler
    connect: all
    on_pre: x += 0.1*rand()
monitors:
  s: {kind: spikes, source: pop, variables: [current]}
  m: {kind: state, source: pop, variables: [v, current, slow, total]}
run: {duration: 8 ms, dt: 0.1 ms}
"""

WIRING = """
name: wiring
groups:
  a: {kind: spikes, size: 8, indices: [0, 1, 2, 3, 4, 5, 6, 7], times: "[0, 0.1, 0.2, 0.3, 0.3, 0.5, 0.6, 0.7]*ms"}
  b: {size: 6, equations: "x : 1\\nplace : 1", initial: {place: i**2}, subgroups: {odd: [1, 3, 5]}}
synapses:
  all: {source: a, target: b, connect: all, on_pre: x_post = 0.9*x_post + 1}
  one: {source: b, target: b, connect: one_to_one}
  chance: {source: a, target: b, connect: {p: 0.3}, on_pre: x_post = 0.9*x_post + 2}
  certain: {source: a, target: b, connect: {p: 1.0}}
  where: {source: a, target: b, connect: {where: place_post > 3*i, p: "exp(-abs(i - j)/3)"}, on_pre: x_post = 0.9*x_post + 3}
  many: {source: a, target: b, connect: {where: i == j, n: 1 + i % 3}, on_pre: x_post = 0.9*x_post + 4}
  generated: {source: a, target: b, connect: {j: "(i + 2*k) % N_post for k in range(1, 3)"}, on_pre: x_post = 0.9*x_post + 5}
  sampled: {source: a, target: b, connect: {j: "k for k in sample(N_post, size=2)"}, on_pre: x_post = 0.9*x_post + 6}
  thinned: {source: a, target: b, connect: {j: "k for k in sample(0, N_post, 2, p=0.5)"}, on_pre: x_post = 0.9*x_post + 7}
  indegree: {source: a, target: b, connect: {fixed_indegree: 3}, on_pre: x_post = 0.9*x_post + 8}
  outdegree: {source: a, target: b, connect: {fixed_outdegree: 9, multapses: true}, on_pre: x_post = 0.9*x_post + 9}
  total: {source: a, target: b.odd, connect: {fixed_total: 10}, on_pre: x_post = 0.9*x_post + 10, delay: 0.1*ms*j}
  noself: {source: b, target: b, connect: {fixed_indegree: 5, autapses: false}}
  pairs: {source: a, target: b, connect: {pairs: [[5, 1], [0, 3], [0, 3]]}, on_pre: x_post = 0.9*x_post + 11}
  parts: {source: a, target: b, equations: "w : 1", connect: [{rule: all, target: b.odd, initial: {w: 0.1*j}}, {i: [1, 2], j: 0, delay: 0.2 ms, initial: {w: 3}}], on_pre: x_post = 0.9*x_post + w, delay: 0.1 ms}
monitors:
  x: {kind: state, source: b, variables: [x]}
  s: {kind: spikes, source: a}
run: {duration: 1.5 ms, dt: 0.1 ms}
"""

PHASES = """
name: phases
constants: {tau: 4 ms, weight: 0.2, chance: 200 Hz}
groups:
  pop:
    size: 4
    equations: "dv/dt = (drive + g - v)/taum : 1 (unless refractory)\\ndg/dt = -g/tau : 1\\ndrive : 1\\ntaum : second"
    method: exact
    threshold: v > 1
    reset: v = 0
    refractory: 0.5 ms
    initial: {drive: 1.2 + 0.1*i, taum: (3 + i)*ms}
  train: {kind: poisson, size: 5, rates: chance}
inputs:
  noise: {kind: poisson, target: pop, variable: g, size: 10, rate: chance, weight: 0.01}
synapses:
  s: {source: train, target: pop, equations: "w : 1", connect: {i: [4, 0, 1], j: [0, 3, 2]}, on_pre: g_post += w, delay: 1 ms, initial: {w: weight}}
monitors:
  pop: {kind: spikes, source: pop, variables: [g]}
  m: {kind: state, source: pop, variables: [v, g], dt: 0.2 ms}
  r: {kind: rate, source: train}
run:
  dt: 0.1 ms
  phases:
    - {name: first, duration: 9.3 ms}
    - {name: second, duration: 5 ms, set: {tau: 8 ms, pop.drive: 1.5 + 0.5*rand(), s.w: [0.1, 0.2, 0.3]}, record: [pop]}
    - {name: third, duration: 6 ms, set: {chance: 500 Hz, pop.taum: 2*taum}}
"""

SCHEDULE = """
name: schedule
constants: {tau: 4 ms}
groups:
  early:
    size: 3
    equations: "dv/dt = (1.2 + 0.2*i - v)/tau : 1\\nheld = v + gain : 1 (constant over dt)\\ngain : 1 (shared)"
    method: euler
    threshold: v + 0.01*held > 1
    reset: v = 0
    order: -3
  late:
    size: 4
    equations: "dv/dt = (1.1 + 0.1*i + s - v)/tau : 1 (unless refractory)\\nds/dt = -s/tau : 1 (shared)\\nsum : 1\\nkick : 1"
    method: exact
    threshold: v + 0.1*s + kick > 1
    reset: v = 0; kick = 0
    refractory: 0.7 ms
    order: 2
    dt: 0.2 ms
    events: {high: {condition: v > 0.5 and rand() < 0.5, do: kick = kick + 0.02}}
    subgroups: {part: [0, 2]}
  chance: {kind: poisson, size: 5, rates: [10 Hz, 20 Hz, 30 Hz, 40 Hz, 50 Hz], dt: 0.4 ms}
  steady: {kind: poisson, size: 5, rates: 500 Hz, dt: 0.3 ms}
inputs:
  trains: {kind: poisson, target: late, variable: kick, size: 20, rate: 100 Hz, weight: 0.01}
  some: {kind: poisson, target: late.part, variable: kick, size: 20, rate: 100*Hz*(1 + int(t > 5*ms)), weight: 0.01}
synapses:
  syn:
    source: early
    target: late
    connect: all
    equations: |
      w : 1
      dx/dt = -x/tau : 1 (event-driven)
      dy/dt = -y/tau : 1 (clock-driven)
      sum_post = x + y : 1 (summed)
    on_pre: x += 1; y += w
    on_post: w = w + 0.1*x
    initial: {w: 0.1*i}
    method: euler
  growing:
    source: early
    target: late
    connect: [all, {i: 0, j: [1, 2], delay: 0.5 ms}]
    equations: "w : 1"
    on_pre:
      first: {do: kick_post = 0.9*kick_post + 0.01*w; w += 0.1, delay: 0.2*ms*(1 + i)}
      second: {do: w = 0.9*w + 0.1*v_post, delay: 0.3 ms}
    on_post: {do: w = w + 0.01*v_pre, delay: 1 ms}
operations:
  before: {target: early, every: 0.3 ms, when: groups, order: -4, do: v = v + 0.1*held}
  between: {target: early, every: 0.4 ms, when: groups, order: 0, do: v = v + 0.01*held*gain; own = rand(); both = gain + 0.01*rand(); gain = both; v = v + 0.01*both*own + 0.01*gain}
  after: {target: late, every: 0.5 ms, when: groups, order: 2, do: kick = kick + 0.1*rand()}
  shared: {target: late, every: 0.6 ms, when: thresholds, order: -9, do: s = s + 0.1}
  rates: {target: chance, every: 1 ms, when: thresholds, order: -1, do: rates = 1*kHz*int(rand() < 0.5)}
  learn: {target: syn, every: 0.4 ms, when: groups, order: 1, do: w = 0.9*w + 0.01*x; x = x + 0.001*v_post}
  drive: {target: syn, every: 0.7 ms, when: synapses, do: kick_post = kick_post + 0.002*x}
  later: {target: growing, every: 1.1 ms, when: synapses, order: -3, do: delay_first = delay_first + 0.3*ms*rand(); w = w + 10*Hz*delay_on_post}
  sooner: {target: growing, every: 3 ms, do: "delay_on_post = clip(delay_on_post - 0.4*ms, 0*ms, 1*second)"}
  cross: {target: syn, every: 0.5 ms, when: resets, order: 3, do: v_pre = v_pre + 0.01*y}
monitors:
  se: {kind: spikes, source: early, variables: [v, held]}
  sl: {kind: spikes, source: late, variables: [v, kick, s]}
  sc: {kind: spikes, source: chance, variables: [rates]}
  ss: {kind: spikes, source: steady}
  above: {kind: events, source: late, condition: v > 0.4}
  high: {kind: events, source: late, event: high, variables: [v]}
  rl: {kind: rate, source: late}
  m0: {kind: state, source: early, variables: [v, held], when: groups, order: -5}
  m1: {kind: state, source: early, variables: [v, held, gain], when: groups}
  m2: {kind: state, source: late, variables: [v, kick, not_refractory, sum], when: thresholds}
  m3: {kind: state, source: late, variables: [v, kick, sum], when: synapses}
  m4: {kind: state, source: late, variables: [v, kick], when: resets, order: 9}
  w0: {kind: state, source: syn, variables: [w, x, y], when: groups, order: -5}
  w1: {kind: state, source: syn, variables: [w, x, y], when: groups}
  g: {kind: state, source: growing, variables: [w, delay_first, delay_on_post], dt: 0.2 ms}
  at: {kind: events, source: growing, event: first, variables: [w], indices: i != j}
  w2: {kind: state, source: syn, variables: [w, x, y], when: synapses, dt: 0.3 ms}
run: {duration: 16 ms, dt: 0.1 ms}
"""

TABLES = """
name: tables
arrays:
  held: {times: [0.3 ms, 1 ms, 1.25 ms, 5 ms, 9 ms], values: [0, 1, 3, -2, 0.5], unit: nA}
  line: {times: [0.5 ms, 1 ms, 1.25 ms, 5 ms, 9 ms], values: [0.25, 1, 3, -2, 0.5], between: linear}
  columns: {times: [1 ms, 3 ms, 7 ms], values: [[0, 1], [2, 3], [4, 5]]}
  lines: {times: [1 ms, 3 ms, 7 ms], values: [[0, 1], [2, 3], [4, 5]], between: linear}
  even: {dt: 2 ms, values: [0, 1, 4, 2, 2], between: linear}
groups:
  pop:
    size: 4
    equations: |
      dv/dt = (line(t) + 1.5*lines(t, i % 2) + columns(t - wait, i % 2) - v)/(5*ms) + held(t)/nA/(3*ms) : 1
      wait : second
      a = line(t) + lines(4*ms + wait, 0) : 1
      b = even(t) + even(t - wait) : 1
    method: rk4
    threshold: v > 3
    reset: v = even(t + 1*ms)
    initial: {wait: 0.5*i*ms + 20*us}
  source: {kind: poisson, size: 5, rates: 100*Hz*even(t)}
synapses:
  syn: {source: source, target: pop, connect: all, on_pre: v_post += 0.01*line(t - wait_post)}
monitors:
  s: {kind: spikes, source: pop, variables: [a]}
  m: {kind: state, source: pop, variables: [v, a, b]}
run: {duration: 12 ms, dt: 0.1 ms}
"""

EVENTS = """
name: events
constants: {level: 0.6, chance: 0.05}
groups:
  pop:
    size: 9
    equations: "dv/dt = (drive - v)/(4*ms) : 1 (unless refractory)\\nx : 1\\nn : integer\\ndrive : 1"
    threshold: v > 1
    reset: v = 0; x = 0
    refractory: 0.7 ms
    initial: {drive: 1.1 + 0.2*i, v: 0.1*i}
    events:
      high: {condition: v > level and v < level + 0.06, do: x += 0.1; n += 1}
      silent: {condition: not not_refractory and rand() < 0.3, do: v = 0.01*n, order: -1}
      chosen: rand() < chance
      late: {condition: t - lastspike < 0.5*ms, do: x += rand(), order: 2}
    subgroups: {part: "2:7", few: [8, 0, 3]}
  out: {size: 7, equations: "dg/dt = -g/(2*ms) : 1\\nh : 1\\nda/dt = -a/(5*ms) : 1 (unless refractory)", threshold: g > 0.8, refractory: g > 0.4, events: {quiet: {condition: g < 0.2 and rand() < 0.3, do: h += 1}}, subgroups: {all_but: "1:7"}}
synapses:
  now: {source: pop.part, target: out, connect: all, on_pre: {do: g_post += 0.01*(i + 1), event: high}}
  later: {source: pop.few, target: out, connect: all, on_pre: {do: g_post = 0.9*g_post + 0.1; a_post += 1, event: chosen, delay: 0.3 ms}}
  ring: {source: pop, target: out, connect: all, equations: "w : 1", initial: {w: 0.01*i}, on_pre: {do: g_post += w, event: late, delay: 0.1*ms*(j + i)}}
  sorted: {source: pop, target: out, equations: "w : 1", connect: {p: 0.6}, on_pre: {do: w += 0.01*v_pre; h_post += w, event: silent, delay: 0.1*ms*(i + 1)}}
  back: {source: pop, target: out.all_but, equations: "w : 1\\ndy/dt = -y/(3*ms) : 1 (event-driven)", connect: all, on_pre: {a: {do: y += 1, event: high, delay: 0.2 ms}, b: {do: w += 1, delay: 0.1*ms*j}}, on_post: {do: w += y, event: quiet}}
  post: {source: pop, target: out, equations: "w : 1", connect: {i: j}, on_post: {do: w += 1, event: quiet, delay: 0.1*ms*j}}
monitors:
  high: {kind: events, source: pop, event: high, variables: [v, x, n]}
  late: {kind: events, source: pop.few, event: late, variables: [x]}
  silent: {kind: events, source: pop, event: silent, window: [1 ms, 7 ms]}
  spikes: {kind: events, source: pop.part, event: spike}
  rising: {kind: events, source: pop, condition: v > 2*level/3, window: [0.4 ms, 20 ms]}
  out: {kind: spikes, source: out}
  quiet: {kind: events, source: out, event: quiet, indices: [5, 1]}
  state: {kind: state, source: out, variables: [g, h, a], dt: 0.2 ms}
  weights: {kind: state, source: back, variables: [w, y], dt: 1 ms}
  posts: {kind: state, source: post, variables: [w], dt: 1 ms}
  sums: {kind: state, source: sorted, variables: [w], dt: 1 ms}
  at_now: {kind: events, source: now, event: on_pre, variables: [g_post, v_pre, x_pre, h]}
  at_ring: {kind: events, source: ring, event: on_pre, variables: [w, g], indices: "3:50:2"}
  at_later: {kind: events, source: later, event: on_pre, variables: [a_post]}
  at_back: {kind: events, source: back, event: on_pre.a, variables: [w, y], indices: i != j, window: [1 ms, 7 ms]}
  at_b: {kind: events, source: back, event: b, variables: [w, y], indices: [7, 3, 11]}
  at_post: {kind: events, source: post, event: on_post, variables: [w, drive_pre]}
run:
  dt: 0.1 ms
  phases:
    - {name: first, duration: 5.3 ms}
    - {name: second, duration: 2.5 ms, set: {level: 0.4, chance: 0.3, ring.on_pre.delay: 0.4*ms + 0.1*ms*j, later.on_pre.delay: 0.8 ms}}
"""

LINKS = """
name: links
constants: {tau: 10 ms}
groups:
  b:
    size: 150
    equations: |
      dx/dt = (I + B - x)/tau : 1
      y = 2*x + 0.01*i : 1
      s : 1 (shared)
      h = x + rand() : 1 (constant over dt)
      k : integer
      o : boolean
      I : 1 (linked)
      B : 1 (linked)
    linked: {I: {from: a.v, index: N - 1 - i}, B: {from: a.h, index: int(rand()*N)}}
    method: rk2
    initial: {x: 0.01*i, s: 0.3, k: i % 3, o: i % 2 == 0}
    subgroups: {odd: "1:150:2", few: [140, 3, 77]}
    threshold: x > 1.2
    reset: x = 0.1*I
  a:
    size: 150
    equations: |
      dv/dt = (0.4 + J + S + F - v)/tau + 0.1*xi*tau**-0.5 : 1 (unless refractory)
      J : 1 (linked)
      S : 1 (linked)
      F : 1 (linked)
      M : 1 (linked)
      C : 1 (linked)
      R : boolean (linked)
      k : integer (linked)
      o : boolean (linked)
      h = 0.5*H + M : 1 (constant over dt)
      H : 1 (linked)
      sum : 1
    linked:
      J: {from: b.y, index: (i + 1) % N}
      S: b.s
      F: {from: b.few.x, index: i % 3}
      M: {from: a.v, index: (i + 7) % N}
      C: {from: c.J, index: i // 2}
      R: b.o
      k: b.k
      o: one.flag
      H: b.h
    initial: {v: 0.3*M + 0.1*F + 0.01*rand()}
    threshold: v > 1 + 0.1*C - 0.1*int(R) and (o or k > 0)
    reset: v = 0.1*M
    refractory: 0.5*ms + 0.1*ms*k
  c:
    size: 75
    equations: "dw/dt = (J - w)/tau : 1\\nJ : 1 (linked)\\nO : 1 (linked)"
    linked: {J: {from: a.J, index: 2*i}, O: b.odd.x}
  one: {size: 1, equations: "flag : boolean", initial: {flag: false}}
  copy:
    size: 150
    equations: "C : 1 (linked)\\nD : 1 (linked)\\nz : 1"
    linked: {C: {from: c.J, index: i // 2}, D: {from: c.O, index: i // 2}}
    threshold: D > 1
    reset: z += C
synapses:
  s:
    source: a
    target: a
    equations: |
      dg/dt = (M_pre - g)/tau : 1 (clock-driven)
      sum_post = 0.01*g*J_post : 1 (summed)
    connect: {j: "k for k in range(i, i + 3)", skip_if_invalid: true}
    on_pre: v_post += 0.01*M_post + 0.01*F_pre
    delay: 0.1*ms*(i % 3)
operations:
  shift: {target: a, every: 3 ms, do: v = 0.5*M + 0.5*J}
  change: {target: b.odd, every: 4 ms, do: x += 0.1*I}
  common: {target: b, every: 5 ms, do: s = 0.6 - s}
monitors:
  a: {kind: state, source: a, variables: [v, J, S, F, M, C, h, sum]}
  b: {kind: state, source: b, variables: [x, I, B, h], when: end}
  c: {kind: state, source: c, variables: [w, J, O]}
  as: {kind: spikes, source: a, variables: [v, M, J]}
  bs: {kind: spikes, source: b, variables: [I]}
  cs: {kind: spikes, source: copy, variables: [C]}
run: {duration: 12 ms, threads: 2, dt: 0.1 ms}
"""

NESTED = """
name: nested
constants: {tau: 10 ms}
groups:
  pre: {kind: poisson, size: 40, rates: 100 Hz}
  mod: {kind: poisson, size: 6, rates: 150 Hz}
  field: {size: 5, equations: "dc/dt = -c/tau : 1\\nm : integer\\ns : 1 (shared)", initial: {c: 0.2*i, m: i, s: 0.1}}
  post:
    size: 30
    equations: "dv/dt = -v/tau : 1\\ns : 1\\nq : 1"
    threshold: v > 0.5
    reset: v = 0
synapses:
  onto:
    source: mod
    target: syn
    equations: "k : 1\\nf : 1 (shared)\\nde/dt = (f - e)/tau + 0.1*xi*tau**-0.5 : 1 (shared, clock-driven)\\ne2 = e + f + rand() : 1 (shared)\\nr = 0.1*e2 + k + 0.1*rand() + 0.01*w : 1 (constant over dt)\\nr2 = 2*r : 1 (constant over dt)\\ng = r + z : 1\\ndz/dt = (r2 + e + w - z)/tau + 0.1*xi*tau**-0.5 : 1 (clock-driven)"
    connect: {where: i_post % 6 == i or j_post == 3, p: 0.7}
    initial: {k: 0.01 + 0.001*(j % 7) + f, f: 0.3, e: 2*f}
    on_pre: {up: {do: w_post = w_post + k + 0.001*randn(), delay: 0.1*ms*(j % 3)}, down: {do: h_post += 0.01*h_post + 0.001*i_post + 0.01*z; k *= 0.9 + 0.01*r}}
  plain: {source: mod, target: syn, connect: {fixed_indegree: 2}, on_pre: u_post += 0.01, delay: 0.1*ms*((i + j) % 4)}
  self: {source: syn, target: syn, connect: {j: "k for k in range(i - 1, i + 2) if k != i", skip_if_invalid: true}, equations: "s2_post = 0.1*h_pre - 0.01*s2_post : 1 (summed)"}
  out: {source: syn, target: post, connect: {j: j_pre}, equations: "q_post = w_pre*g_pre + 0.01*i_pre : 1 (summed)"}
  syn:
    source: pre
    target: post
    equations: |
      w : 1
      u : 1
      dh/dt = (gate + c - h)/tau + s2*0.01/ms : 1 (clock-driven)
      dx/dt = -x/tau : 1 (event-driven)
      g = w + 2*h : 1
      gate : 1
      s2 : 1
      c : 1 (linked)
      m : integer (linked)
      common : 1 (linked)
    linked: {c: {from: field.c, index: (i + j) % 5}, m: {from: field.m, index: int(5*rand())}, common: field.s}
    connect: {p: 0.2}
    initial: {w: 0.1 + 0.001*i + 0.01*c, h: 1, u: 0.01*rand() + 0.001*m}
    on_pre: v_post += w*h + u + common; x += 1 + 0.1*m
    on_post: w = clip(w - 0.01*x, 0, 1)
    delay: 0.1*ms*(i % 4 + 1)
  lone:
    source: pre
    target: post
    connect: [{p: 0.1, n: 2}, {p: 0.05}]
    multisynaptic_index: k
    equations: "s2 : 1\\ndx/dt = (s2 - x)/tau + 0.01*k/ms : 1 (clock-driven)\\nw : 1"
    initial: {w: 0.1*k}
    on_pre: w += 0.1*(k + 1)
    delay: 0.2*ms*k
  gates: {source: lone, target: syn, connect: {p: 0.02}, equations: "gate_post = 0.5*x_pre + w_pre : 1 (summed)"}
  back: {source: syn, target: lone, connect: {i: [0, 3, 5, 1], j: [0, 7, 2, 2]}, equations: "s2_post = w_pre*2 : 1 (summed)"}
operations:
  o: {target: onto, every: 3 ms, do: w_post = 0.9*w_post + 0.001*i_post}
monitors:
  w: {kind: state, source: syn, variables: [w, h, gate, g, s2, u, c, m, common], dt: 0.5 ms}
  i: {kind: state, source: lone, variables: [k], dt: 5 ms}
  b: {kind: state, source: lone, variables: [s2, x, w], dt: 0.5 ms}
  v: {kind: state, source: post, variables: [v, q], dt: 0.5 ms}
  k: {kind: state, source: onto, variables: [k, z, r, r2, g, e], dt: 1 ms}
  at: {kind: events, source: onto, event: up, variables: [w, h_post, k], indices: j > 5}
  s: {kind: spikes, source: post}
run: {duration: 12 ms, threads: 2, dt: 0.1 ms}
"""

NETWORKS = {
    "events": EVENTS,
    "phases": PHASES,
    "methods": METHODS,
    "noise": NOISE,
    "variables": VARIABLES,
    "inputs": INPUTS,
    "pathways": PATHWAYS,
    "plasticity": PLASTICITY,
    "sums": SUMS,
    "ranges": RANGES,
    "wiring": WIRING,
    "schedule": SCHEDULE,
    "tables": TABLES,
    "links": LINKS,
    "nested": NESTED,
}
