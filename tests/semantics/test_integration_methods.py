"""The integration methods against closed forms: orders of convergence, exactness, choices and refusals."""
# ruff: noqa: E501 - lines of experiment files, and sentences that are quoted

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest
from running import network_of, resolved, run_kernel, simulation_of

from snnrun.engine.recording import Memory
from snnrun.errors import ExperimentError
from snnrun.model.propagator import propagator

LOGISTIC = """
name: logistic
groups:
  euler: {{size: 1, equations: "dx/dt = x*(1 - x)/ms : 1", method: euler, initial: {{x: 0.1}}}}
  rk2: {{size: 1, equations: "dx/dt = x*(1 - x)/ms : 1", method: rk2, initial: {{x: 0.1}}}}
  rk4: {{size: 1, equations: "dx/dt = x*(1 - x)/ms : 1", method: rk4, initial: {{x: 0.1}}}}
  rk2t: {{size: 1, equations: "dx/dt = x*cos(t/ms)/ms : 1", method: rk2, initial: {{x: 1}}}}
  rk4t: {{size: 1, equations: "dx/dt = x*cos(t/ms)/ms : 1", method: rk4, initial: {{x: 1}}}}
  exponential_euler: {{size: 1, equations: "dx/dt = (tanh(x) - 2*x + 1)/ms : 1", method: exponential_euler}}
  heun: {{size: 1, equations: "dx/dt = x*(1 - x)/ms : 1", method: heun, initial: {{x: 0.1}}}}
monitors:
  euler: {{kind: state, source: euler, variables: [x]}}
  rk2: {{kind: state, source: rk2, variables: [x]}}
  rk4: {{kind: state, source: rk4, variables: [x]}}
  rk2t: {{kind: state, source: rk2t, variables: [x]}}
  rk4t: {{kind: state, source: rk4t, variables: [x]}}
  exponential_euler: {{kind: state, source: exponential_euler, variables: [x]}}
run: {{duration: 2.2 ms, dt: {dt} ms}}
"""
SEVERAL = (0.1, 0.05, 0.025)


@functools.cache
def logistic(dt: float) -> Memory:
    return run_kernel(LOGISTIC.format(dt=dt))


def at_two(name: str, dt: float) -> float:
    """The value at t = 2 ms."""
    return float(logistic(dt).state(name, "x")[round(2 / dt), 0])


def truth(name: str) -> float:
    if name.endswith("t"):
        return math.exp(math.sin(2))
    if name == "exponential_euler":
        return at_two(name, 0.0025)
    return 1 / (1 + 9 * math.exp(-2))


@pytest.mark.parametrize(
    ("name", "order"), [("euler", 1), ("exponential_euler", 1), ("rk2", 2), ("rk4", 4), ("rk2t", 2), ("rk4t", 4)]
)
def test_the_error_shrinks_with_the_order_of_the_method(name: str, order: int) -> None:
    """ "`rk2` (midpoint), `rk4`"; halving dt divides the error by 2**order, up to the next order (15 % at these steps)."""
    errors = [abs(at_two(name, dt) - truth(name)) for dt in SEVERAL]
    slopes = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert slopes == pytest.approx([order, order], rel=0.15)
    assert errors[-1] > 1e-12


def test_one_midpoint_step_is_what_the_book_says() -> None:
    """ "`rk2` (midpoint)": x + dt*f(x + dt/2*f(x))."""
    middle = 0.1 + 0.1 * 0.1 * 0.9
    assert logistic(0.2).state("rk2", "x")[1, 0] == pytest.approx(0.1 + 0.2 * middle * (1 - middle), rel=1e-15)


EXACT = """
name: exact
constants: {tau: 2 ms}
groups:
  alpha: {size: 1, equations: "dx/dt = (y - x)/tau : 1\\ndy/dt = -y/tau : 1", method: exact, initial: {y: 1}}
  driven: {size: 3, equations: "dx/dt = (b - x)/taux : 1\\nb : 1\\ntaux : second", method: exact, initial: {b: 2, taux: (1 + i)*ms}}
  mixed:
    size: 3
    equations: "dx/dt = (y - x)/taux : 1\\ndy/dt = -y/tau : 1\\ntaux : second"
    method: exact
    initial: {y: 1, taux: "[1, 2, 4]*ms"}
  grows: {size: 1, equations: "dx/dt = b/tau + 0*x/tau : 1\\nb : 1", method: exact, initial: {b: 3}}
  rests:
    size: 1
    equations: "dx/dt = (y - x)/tau : 1 (unless refractory)\\ndy/dt = -y/(2*tau) : 1"
    method: exact
    threshold: t_in_timesteps == 10
    refractory: 2 ms
    initial: {y: 1}
monitors:
  alpha: {kind: state, source: alpha, variables: [x]}
  driven: {kind: state, source: driven, variables: [x]}
  mixed: {kind: state, source: mixed, variables: [x]}
  grows: {kind: state, source: grows, variables: [x]}
  rests: {kind: state, source: rests, variables: [x, y]}
run: {duration: 10 ms, dt: 0.1 ms}
"""


@functools.cache
def exact() -> Memory:
    return run_kernel(EXACT)


TIMES = np.arange(100) * 0.1  # ms


def test_exact_is_exact_for_equal_time_constants() -> None:
    """ "`exact` (linear, coefficients constant over the step)"; x = t/tau*exp(-t/tau)."""
    np.testing.assert_allclose(
        exact().state("alpha", "x")[:, 0], TIMES / 2 * np.exp(-TIMES / 2), rtol=1e-12, atol=1e-15
    )


def test_exact_follows_each_neurons_own_time_constant() -> None:
    for k, tau in enumerate((1, 2, 3)):
        np.testing.assert_allclose(exact().state("driven", "x")[:, k], 2 * (1 - np.exp(-TIMES / tau)), rtol=1e-12)
    for k, tau in ((0, 1.0), (2, 4.0)):
        wanted = (np.exp(-TIMES / 2) - np.exp(-TIMES / tau)) / (1 - tau / 2)
        np.testing.assert_allclose(exact().state("mixed", "x")[:, k], wanted, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(exact().state("mixed", "x")[:, 1], exact().state("alpha", "x")[:, 0], rtol=1e-12)


def test_exact_is_right_where_the_coefficient_vanishes() -> None:
    np.testing.assert_allclose(exact().state("grows", "x")[:, 0], 1.5 * TIMES, rtol=1e-12)


def test_exact_with_unless_refractory_freezes_one_variable_and_goes_on() -> None:
    """x stands still from the step after the spike of step 10 until its 20 steps are over; y decays all the time."""
    x, y = exact().state("rests", "x")[:, 0], exact().state("rests", "y")[:, 0]
    np.testing.assert_allclose(y, np.exp(-TIMES / 4), rtol=1e-12)
    assert np.all(x[11:31] == x[11])
    assert x[31] != x[30]
    since = TIMES[30:] - TIMES[30]
    y0 = y[30]
    wanted = x[30] * np.exp(-since / 2) + y0 * (np.exp(-since / 4) - np.exp(-since / 2)) / (1 - 0.5)
    np.testing.assert_allclose(x[30:], wanted, rtol=1e-11)


GATES = """
name: gates
constants:
  area: 20000 um**2
  gl: 5e-5 S/cm**2 * area
  gna: 100 mS/cm**2 * area
  gkd: 30 mS/cm**2 * area
  C: 1 uF/cm**2 * area
groups:
  hh:
    size: 1
    equations: |
      dv/dt = (gl*(-65*mV - v) - gna*m**3*h*(v - 50*mV) - gkd*n**4*(v + 90*mV) + 0.4*nA)/C : volt
      dm/dt = 0.32*4/exprel((-50*mV - v)/(4*mV))/ms*(1 - m) - 0.28*5/exprel((v + 23*mV)/(5*mV))/ms*m : 1
      dh/dt = 0.128*exp((-46*mV - v)/(18*mV))/ms*(1 - h) - 4/(1 + exp((-23*mV - v)/(5*mV)))/ms*h : 1
      dn/dt = 0.032*5/exprel((-48*mV - v)/(5*mV))/ms*(1 - n) - 0.5*exp((-53*mV - v)/(40*mV))/ms*n : 1
    method: METHOD
    threshold: v > -20*mV
    refractory: v > -20*mV
    initial: {v: -65 mV, h: 1}
monitors:
  v: {kind: state, source: hh, variables: [v], dt: 0.1 ms}
  s: {kind: spikes, source: hh}
run: {duration: 30 ms, dt: 0.01 ms}
"""


def test_exponential_euler_agrees_with_rk4_on_hodgkin_and_huxley() -> None:
    """ "`exponential_euler` wants each right side ... to be A*x + B": order 1, so spikes differ by O(dt)."""
    text = GATES.replace("METHOD", "exponential_euler")
    coarse, fine = run_kernel(text), run_kernel(text, "run.dt=0.0025 ms")
    reference = run_kernel(GATES.replace("METHOD", "rk4"))
    times = [m.spike_steps("s")[0] * dt for m, dt in ((coarse, 0.01), (fine, 0.0025), (reference, 0.01))]
    assert len(times[0]) == len(times[1]) == len(times[2]) > 1
    far, near = (float(np.max(np.abs(t - times[2]))) for t in times[:2])
    assert far < 0.3
    assert near < max(0.5 * far, 0.03)


# choices and refusals


def one(equations: str, method: str = "auto", extra: str = "") -> str:
    return (
        f'name: x\ngroups: {{g: {{size: 2, equations: "{equations}", method: {method}{extra}}}}}\n'
        "run: {duration: 1 ms, dt: 0.1 ms}\n"
    )


@pytest.mark.parametrize(
    ("equations", "chosen"),
    [
        ("dv/dt = -v/ms : 1", "exact"),
        ("dv/dt = (w - v)/ms : 1\\ndw/dt = -w/ms : 1", "exact"),
        ("dv/dt = -v**2/ms : 1", "euler"),
        ("dv/dt = -v/ms*cos(t/ms) : 1", "euler"),
        ("dv/dt = -v/ms + xi/ms**0.5 : 1", "euler"),
        ("dv/dt = -v/ms + v*xi/ms**0.5 : 1", "heun"),
    ],
)
def test_auto_picks_as_brian2_does(equations: str, chosen: str) -> None:
    """ "`auto` (picks as Brian2 does: exact if it applies, else euler, or heun when the noise is multiplicative)"; "The
    tool says which it chose and why"."""
    integration = network_of(one(equations)).groups["g"].integration
    assert integration is not None
    assert integration.method == chosen
    assert integration.reason.startswith("auto: ")


def test_exponential_euler_takes_morris_and_lecar() -> None:
    """ "functions of x inside A or B are frozen at the start of the step (so Morris-Lecar is accepted, `x**2` is not)" """
    equations = (
        "dv/dt = (2*(-60 - v) + 4*0.5*(1 + tanh((v + 1.2)/18))*(120 - v) + 8*w*(-84 - v) + 80)/(20*ms) : 1\\n"
        "dw/dt = 0.04*(0.5*(1 + tanh((v - 2)/30)) - w)*cosh((v - 2)/60)/ms : 1"
    )
    assert network_of(one(equations, "exponential_euler")).groups["g"].integration is not None


@pytest.mark.parametrize(
    ("equations", "method", "fits"),
    [
        ("dv/dt = -v**2/ms : 1", "exponential_euler", ("euler", "rk4")),
        ("dv/dt = -v**2/ms : 1", "exact", ("euler", "rk4")),
        ("dv/dt = v*xi/ms**0.5 : 1", "euler", ("heun", "milstein")),
        ("dv/dt = -v/ms + xi/ms**0.5 : 1", "rk4", ("euler", "heun")),
        ("dv/dt = v*(xi_a + xi_b)/ms**0.5 : 1", "milstein", ("heun",)),
    ],
)
def test_a_method_that_does_not_fit_names_those_that_do(equations: str, method: str, fits: tuple[str, ...]) -> None:
    """ "`euler` on stochastic equations is Euler-Maruyama (Ito) and refuses multiplicative noise" """
    with pytest.raises(ExperimentError) as caught:
        resolved(one(equations, method))
    (found,) = caught.value.diagnostics
    assert found.code == "EQ220"
    assert all(name in (found.help or "") for name in fits)
    assert method not in (found.help or "").replace("methods that fit: ", "").split(", ")


def test_exact_says_why_it_cannot_take_a_coefficient_that_changes() -> None:
    equations = "dv/dt = (w - v)/tau : 1\\ndw/dt = -v/ms : 1\\ntau : second"
    network_of(one(equations, "exact"))
    reset = ", threshold: v > 1, reset: tau = 2*ms"
    with pytest.raises(ExperimentError, match=r"EQ220.*`tau`.*may change during the run"):
        resolved(one(equations, "exact", reset))


TIMED_NOISE = """
arrays: {s: {values: [0, 1], dt: 1 ms}}
groups:
  g: {size: 4000, equations: "dv/dt = s(t)*xi*(5*ms)**-0.5 : 1", method: METHOD, threshold: v > 1e9}
monitors: {v: {kind: state, source: g, variables: [v], dt: 1 ms}}
run: {duration: 12 ms, dt: 0.1 ms}
"""


@pytest.mark.parametrize("method", ["euler", "heun", "milstein", "auto"])
def test_noise_may_change_its_strength_with_time(method: str) -> None:
    """A factor of time alone is additive noise: nothing in the first ms, then a variance that grows by 1 in 5 ms."""
    v = run_kernel(TIMED_NOISE.replace("METHOD", method)).state("v", "v")
    assert np.all(v[0] == 0)
    assert np.all(np.abs(v[1]) < (1e-12 if method != "heun" else 0.5))  # `heun` takes the mean of both ends of a step
    spread = math.sqrt(2 / 4000)  # of an estimated variance, relative
    assert np.var(v[11]) == pytest.approx(2, rel=5 * spread)
    assert np.var(v[11] - v[2]) == pytest.approx(1.8, rel=5 * spread)


STDP = """
name: stdp
constants: {taupre: 20 ms, taupost: 15 ms}
groups:
  pre: {kind: spikes, size: 2, indices: [0, 1, 0, 1, 0], times: [1 ms, 3 ms, 5 ms, 12 ms, 14 ms]}
  post: {kind: spikes, size: 2, indices: [1, 0, 1, 0], times: [2 ms, 4 ms, 9 ms, 13 ms]}
synapses:
  s:
    source: pre
    target: post
    equations: |
      w : 1
      da/dt = -a/taupre : 1 (DRIVEN-driven)
      db/dt = -b/taupost : 1 (DRIVEN-driven)
    method: exact
    connect: all
    on_pre: a += 0.1; w += b
    on_post: b -= 0.12; w += a
monitors:
  w: {kind: state, source: s, variables: [w]}
run: {duration: 20 ms, dt: 0.1 ms}
"""


def test_event_driven_and_clock_driven_plasticity_agree() -> None:
    """ "event-driven and clock-driven synaptic equations": linear decay, so both are exact and differ by rounding."""
    event = run_kernel(STDP.replace("DRIVEN", "event")).state("w", "w")
    clock = run_kernel(STDP.replace("DRIVEN", "clock")).state("w", "w")
    assert np.all(event[-1] != 0)
    np.testing.assert_allclose(event, clock, rtol=1e-12, atol=1e-15)
    # synapse 0 -> 0: pre at 1, 5, 14 ms, post at 4, 13 ms
    a = lambda t: sum(0.1 * math.exp(-(t - s) / 20) for s in (1, 5, 14) if s <= t)  # noqa: E731
    b = lambda t: sum(-0.12 * math.exp(-(t - s) / 15) for s in (4, 13) if s <= t)  # noqa: E731
    assert event[-1, 0] == pytest.approx(a(4) + a(13) + b(5) + b(14), rel=1e-12)


CHAIN = """
constants: {T: 20 ms}
groups:
  src: {kind: spikes, size: 3, indices: [0, 1, 2, 0, 1, 2], times: [10 ms, 10 ms, 10 ms, 24 ms, 24 ms, 24 ms]}
  cell: {size: 3, equations: "gx : 1\\ngy : 1\\ngz : 1"}
synapses:
  syn:
    source: src
    target: cell
    connect: one_to_one
    equations: |
      dx/dt = (b - x)/T : 1 (event-driven)
      dy/dt = 0.7*(x - y)/t1 : 1 (event-driven)
      dz/dt = (2*y + 3*x - z)/t2 : 1 (event-driven)
      b : 1
      t1 : second (constant)
      t2 : second (constant)
    initial: {b: BIAS, t1: "[5, 14, 14.0001]*ms", t2: "[3, 20, 20.0002]*ms"}
    on_pre: |
      gx_post = x
      gy_post = y
      gz_post = z
      x += 1
run: {dt: 0.1 ms, RUN}
"""


def chain_by_hand(bias: float, decays: list[tuple[float, float]]) -> np.ndarray:
    """X, y and z of each synapse at the second event, by the matrix exponential over pieces (ms, T) after the first."""
    found = []
    for t1, t2 in ((5.0, 3.0), (14.0, 20.0), (14.0001, 20.0002)):
        state = np.zeros(3)
        for length, T in [(10.0, 20.0), (0.0, 0.0), *decays]:
            if length == 0:
                state[0] += 1
                continue
            rates = np.array([[-1 / T, 0, 0], [0.7 / t1, -0.7 / t1, 0], [3 / t2, 2 / t2, -1 / t2]])
            p, q = propagator(rates, length)
            state = p @ state + q @ np.array([bias / T, 0, 0])
        found.append(state)
    return np.array(found)


@pytest.mark.parametrize("bias", [0.0, 0.4])
@pytest.mark.parametrize(
    ("run", "decays"),
    [
        ("duration: 25 ms", [(14.0, 20.0)]),
        ("duration: 25 ms, precision: single", [(14.0, 20.0)]),
        ("phases: [{name: a, duration: 17 ms}, {name: b, duration: 8 ms, set: {T: 7 ms}}]", [(6.9, 20.0), (7.1, 7.0)]),
    ],
)
def test_event_driven_equations_may_form_a_chain(bias: float, run: str, decays: list[tuple[float, float]]) -> None:
    """Three equations, each fed by those before, with time constants of each synapse: different, equal, nearly equal.

    A phase that begins with step 170 decides how they go on from step 169 to 170, as for clock-driven equations.
    """
    simulation, _ = simulation_of(network_of(CHAIN.replace("BIAS", str(bias)).replace("RUN", run)))
    simulation.run()
    got = np.column_stack([simulation.now("groups.cell", name) for name in ("gx", "gy", "gz")])
    wanted = chain_by_hand(bias, decays)
    np.testing.assert_allclose(got, wanted, rtol=2e-12 if "single" not in run else 2e-5)
    assert len(np.unique(wanted)) > 6


def driven(equations: str) -> str:
    return CHAIN.replace("dy/dt = 0.7*(x - y)/t1", equations).replace("BIAS", "0").replace("RUN", "duration: 1 ms")


@pytest.mark.parametrize(
    ("equations", "reason"),
    [
        ("dy/dt = (x*x - y)/t1", "not linear in `x`"),
        ("dy/dt = (x - y**2)/t1", "not linear in `y`"),
        ("dy/dt = x*y/t1", "`y`"),
        ("dy/dt = (z - y)/t1", "feeds back into itself"),
        ("dy/dt = (gx_post - y)/t1", "`gx` changes between events"),
        ("dy/dt = (x*sin(t/ms) - y)/t1", "depends on `t`"),
    ],
)
def test_event_driven_equations_without_a_closed_form_are_to_be_clock_driven(equations: str, reason: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        resolved(driven(equations))
    found = caught.value.diagnostics[0]
    assert found.code == "EQ221"
    assert reason in found.message
    assert "make it clock-driven" in str(found.help)


OWN = """
groups:
  g: {size: 2, equations: "v : 1", threshold: v > 1}
  free:
    size: 3
    equations: |
      dx/dt = (1 - x - y)/tau : 1 (unless refractory)
      dy/dt = -y/(3*ms) : 1
      tau : second
    method: exact
    threshold: t_in_timesteps == 20
    reset: tau = tau
    refractory: 2 ms
    initial: {y: 1, tau: (1 + i)*ms}
synapses:
  s:
    source: g
    target: g
    connect: all
    equations: |
      dx/dt = (1 - x - y)/tau_rec : 1 (clock-driven)
      dy/dt = -y/(3*ms) : 1 (clock-driven)
      tau_rec : second (constant)
    method: exact
    initial: {y: 1, tau_rec: "(1 + i + 2*j)*ms"}
monitors:
  m: {kind: state, source: s, variables: [x, y]}
  f: {kind: state, source: free, variables: [x, y]}
run: {duration: 10 ms, dt: 0.1 ms}
"""


def recovered(times: np.ndarray, tau: float, x: float = 0.0, y: float = 1.0) -> np.ndarray:
    """X of dx/dt = (1 - x - y)/tau, dy/dt = -y/3 with time in ms."""
    fed = (
        times / tau * np.exp(-times / tau) if tau == 3 else 3 / (3 - tau) * (np.exp(-times / 3) - np.exp(-times / tau))
    )
    return 1 + (x - 1) * np.exp(-times / tau) - y * fed


def test_exact_takes_coefficients_of_each_synapse() -> None:
    """Time constants of 1, 3, 2 and 4 ms beside one of 3 ms: the sum of two exponentials, and its limit."""
    memory = run_kernel(OWN)
    for k, tau in enumerate((1.0, 3.0, 2.0, 4.0)):
        np.testing.assert_allclose(memory.state("m", "x")[:, k], recovered(TIMES, tau), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(memory.state("m", "y"), np.exp(-TIMES / 3)[:, None] * np.ones(4), rtol=1e-12)


def test_exact_takes_coefficients_that_a_reset_may_change() -> None:
    memory = run_kernel(OWN)
    x, y = memory.state("f", "x"), memory.state("f", "y")
    np.testing.assert_allclose(y, np.exp(-TIMES / 3)[:, None] * np.ones(3), rtol=1e-12)
    for k, tau in enumerate((1.0, 2.0, 3.0)):
        np.testing.assert_allclose(x[:21, k], recovered(TIMES[:21], tau), rtol=1e-11, atol=1e-14)
        assert np.all(x[21:41, k] == x[21, k])
        later = recovered(TIMES[40:] - TIMES[40], tau, x[40, k], y[40, k])
        np.testing.assert_allclose(x[40:, k], later, rtol=1e-11)
