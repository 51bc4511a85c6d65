"""Cases that pin the integration methods."""

from __future__ import annotations

from brian2 import (
    NeuronGroup,
    SpikeMonitor,
    StateMonitor,
    TimedArray,
    cm,
    defaultclock,
    mS,
    ms,
    mV,
    nS,
    pA,
    pF,
    uF,
)
from recording import Recording, simulate

NONLINEAR_METHODS = ("euler", "rk2", "rk4", "heun", "milstein")


def integrator_exact_linear() -> Recording:
    """Three coupled linear equations with different time constants, two of them per neuron."""
    equations = """
    dv/dt = (ge - gi - v + drive)/tau : 1
    dge/dt = -ge/tau_e : 1
    dgi/dt = -gi/tau_i : 1
    drive : 1
    tau : second
    """
    group = NeuronGroup(4, equations, threshold="v > 1", reset="v = 0; ge += 0.3; gi += 0.1", method="exact")
    group.drive = "0.9 + 0.3*i"
    group.tau = "(10 + 2.5*i)*ms"
    group.ge, group.gi = "0.5*i", "0.2*i"
    trace, spikes = StateMonitor(group, ["v", "ge", "gi"], record=True), SpikeMonitor(group, ["v"])
    simulate(60 * ms, [group, trace, spikes], {"tau_e": 3 * ms, "tau_i": 7 * ms})
    recording = Recording()
    recording.state("state", trace, ["v", "ge", "gi"], every=5)
    recording.spikes("spikes", spikes, ["v"])
    return recording


def integrator_exact_equal_time_constants() -> Recording:
    """An alpha function: both equations share one time constant, so the matrix has no full set of eigenvectors."""
    equations = """
    dv/dt = (g - v)/tau : 1
    dg/dt = -g/tau : 1
    """
    group = NeuronGroup(2, equations, method="exact")
    group.g = "1 + i"
    trace = StateMonitor(group, ["v", "g"], record=True)
    simulate(40 * ms, [group, trace], {"tau": 5 * ms})
    recording = Recording()
    recording.state("state", trace, ["v", "g"], every=2)
    return recording


def integrator_exact_held_drive() -> Recording:
    """A linear equation driven by a `constant over dt` subexpression."""
    equations = """
    dv/dt = (rate*shape - v)/tau : 1
    shape = sin(2*pi*t/(30*ms)) : 1 (constant over dt)
    rate : 1
    """
    group = NeuronGroup(3, equations, method="exact")
    group.rate = "1 + i"
    trace = StateMonitor(group, "v", record=True)
    simulate(40 * ms, [group, trace], {"tau": 4 * ms})
    recording = Recording()
    recording.state("v", trace, ["v"], every=2)
    return recording


def integrator_exponential_euler_morris_lecar() -> Recording:
    """Morris-Lecar: functions of v stand inside the coefficient of v."""
    equations = """
    dV/dt = (-gL*(V-VL) - gCa*m_inf*(V-VCa) - gK*w*(V-VK) + I)/C : volt
    dw/dt = phi*(w_inf - w)/tau_w : 1
    m_inf = 0.5*(1 + tanh((V - V1)/V2)) : 1
    w_inf = 0.5*(1 + tanh((V - V3)/V4)) : 1
    tau_w = 1/cosh((V - V3)/(2*V4)) : 1
    I : amp/meter**2
    """
    constants = {
        "gL": 2 * mS / cm**2, "gCa": 4.4 * mS / cm**2, "gK": 8 * mS / cm**2, "C": 20 * uF / cm**2,
        "VL": -60 * mV, "VCa": 120 * mV, "VK": -84 * mV,
        "V1": -1.2 * mV, "V2": 18 * mV, "V3": 2 * mV, "V4": 30 * mV, "phi": 0.04 / ms,
    }  # fmt: skip
    group = NeuronGroup(
        3, equations, method="exponential_euler", threshold="V > 0*mV", refractory="V > 0*mV", namespace=constants
    )
    group.V = -60 * mV
    group.w = 0.01
    group.I = "(70 + 30*i)*uA/cm**2"
    trace, spikes = StateMonitor(group, ["V", "w"], record=True), SpikeMonitor(group)
    simulate(100 * ms, [group, trace, spikes])
    recording = Recording()
    recording.state("state", trace, ["V", "w"], every=5)
    recording.spikes("spikes", spikes)
    return recording


def integrator_exponential_euler_both_signs() -> Recording:
    """x' = a*x + b with a < 0 and a > 0 (at a = 0 Brian2 itself divides by zero)."""
    group = NeuronGroup(2, "dx/dt = (a*x + b)/ms : 1\na : 1\nb : 1", method="exponential_euler")
    group.a, group.b = [-0.2, 0.1], [1, -0.5]
    group.x = "1 + i"
    trace = StateMonitor(group, "x", record=True)
    simulate(20 * ms, [group, trace])
    recording = Recording()
    recording.state("x", trace, ["x"], every=2)
    return recording


def integrator_nonlinear() -> Recording:
    """FitzHugh-Nagumo with a timed array and the time as drive, by every method for nonlinear equations."""
    equations = """
    dv/dt = (v - v**3/3 - w + a + drive(t) + 0.3*cos(2*pi*t/(7*ms)))/(2*ms) : 1
    dw/dt = (v + 0.7 - 0.8*w)/(12.5*ms) : 1
    a : 1
    """
    constants = {"drive": TimedArray([0.1, 0.8, 0.3, 0.6, -0.4, 0.5], dt=5 * ms)}
    recording = Recording()
    for method in NONLINEAR_METHODS:
        group = NeuronGroup(2, equations, method=method, threshold="v > 1", refractory="v > 0", namespace=constants)
        group.v, group.w, group.a = -1, "-0.5 + 0.2*i", "0.3 + 0.2*i"
        trace, spikes = StateMonitor(group, ["v", "w"], record=True), SpikeMonitor(group)
        simulate(60 * ms, [group, trace, spikes])
        recording.state(method, trace, ["v", "w"], every=10)
        recording.spikes(f"spikes_of_{method}", spikes)
    return recording


def integrator_auto() -> Recording:
    """No method given: `exact` where it applies, else `euler`."""
    linear = NeuronGroup(2, "dv/dt = (1 + i - v)/tau : 1", threshold="v > 0.9", reset="v = 0", name="linear")
    quadratic = NeuronGroup(2, "dv/dt = (v**2 + 0.5 + i)/tau : 1", threshold="v > 3", reset="v = -1", name="quadratic")
    objects = []
    recording = Recording()
    for group in (linear, quadratic):
        objects += [group, StateMonitor(group, "v", record=True), SpikeMonitor(group)]
    simulate(40 * ms, objects, {"tau": 8 * ms})
    recording.state("linear", objects[1], ["v"], every=5)
    recording.spikes("linear_spikes", objects[2])
    recording.state("quadratic", objects[4], ["v"], every=5)
    recording.spikes("quadratic_spikes", objects[5])
    return recording


def integrator_adaptive_exponential() -> Recording:
    """AdEx with `rk2` at dt = 0.05 ms, in SI units, with adaptation jumps."""
    defaultclock.dt = 0.05 * ms
    equations = """
    dv/dt = (gL*(EL - v) + gL*DeltaT*exp((v - VT)/DeltaT) + I - w)/C : volt
    dw/dt = (a*(v - EL) - w)/tauw : amp
    I : amp
    """
    constants = {
        "C": 281 * pF, "gL": 30 * nS, "EL": -70.6 * mV, "VT": -50.4 * mV, "DeltaT": 2 * mV,
        "tauw": 144 * ms, "a": 4 * nS, "b": 80.5 * pA, "Vr": -70.6 * mV, "Vcut": -40 * mV,
    }  # fmt: skip
    group = NeuronGroup(3, equations, threshold="v > Vcut", reset="v = Vr; w += b", method="rk2", namespace=constants)
    group.v = constants["EL"]
    group.I = "(0.8 + 0.3*i)*nA"
    trace, spikes = StateMonitor(group, ["v", "w"], record=True), SpikeMonitor(group, ["w"])
    simulate(100 * ms, [group, trace, spikes])
    recording = Recording()
    recording.state("state", trace, ["v", "w"], every=20)
    recording.spikes("spikes", spikes, ["w"])
    return recording


CASES = (
    integrator_exact_linear,
    integrator_exact_equal_time_constants,
    integrator_exact_held_drive,
    integrator_exponential_euler_morris_lecar,
    integrator_exponential_euler_both_signs,
    integrator_nonlinear,
    integrator_auto,
    integrator_adaptive_exponential,
)
