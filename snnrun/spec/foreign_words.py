"""Words of Brian2, NEST and PyNN, and the words of this format that mean the same; for messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_PARAMETERS: Final = ("i_e", "I_e", "tau_m", "C_m", "E_L", "g_L", "tau_syn", "tau_syn_ex", "tau_syn_in")
_KEYS: Final = {
    **dict.fromkeys(("N", "n", "num", "number", "neurons", "n_neurons"), ("size", "groups")),
    **dict.fromkeys(("model", "eqs", "ode", "eq", "equation", "dynamics"), ("equations",)),
    **dict.fromkeys(("NeuronGroup", "PoissonGroup", "SpikeGeneratorGroup", "populations", "population"), ("groups",)),
    **dict.fromkeys(("Synapses", "synapse", "projections", "Projection"), ("synapses", "connect")),
    **dict.fromkeys(("SpikeMonitor", "StateMonitor", "PopulationRateMonitor", "recorders"), ("monitors",)),
    **dict.fromkeys(("PoissonInput", "stimulus", "stimuli"), ("inputs",)),
    **dict.fromkeys(("network_operation", "run_regularly"), ("operations",)),
    **dict.fromkeys(("TimedArray", "timed_arrays"), ("arrays",)),
    **dict.fromkeys(("v_threshold", "v_th", "V_th", "vth", "thresh", "spike_condition"), ("threshold",)),
    **dict.fromkeys(("v_reset", "V_reset", "reset_statements"), ("reset",)),
    **dict.fromkeys(("refrac", "t_ref", "tau_refrac", "refractory_period", "refractory_time"), ("refractory",)),
    **dict.fromkeys(("conn_spec", "connection", "connections", "connector", "rule"), ("connect", "synapses")),
    **dict.fromkeys(_PARAMETERS, ("constants",)),
    **dict.fromkeys(("syn_spec", "receptor_type"), ("on_pre",)),
    "namespace": ("constants",),
    "parameters": ("constants",),
    "params": ("constants",),
    "record": ("indices",),
    "simulation": ("run",),
    "time": ("duration",),
    "T": ("duration",),
    "timestep": ("dt",),
    "on": ("on_pre", "event"),
    "on_spike": ("on_pre", "reset"),
    "on_event": ("event", "on_pre"),
    "pre": ("on_pre",),
    "post": ("on_post",),
    "rate": ("rates",),
    "init": ("initial",),
    "condition": ("where",),
    "probability": ("p",),
    "from": ("source",),
    "to": ("target",),
    "type": ("kind",),
    "variable": ("variables",),
    "code": ("do",),
    "every": ("dt",),
}
"""Keys: what they may mean, the first that is possible at the place."""

_VALUES: Final = {
    **dict.fromkeys(("NeuronGroup", "neuron"), "neurons"),
    **dict.fromkeys(("PoissonGroup", "PoissonInput", "poisson_generator", "SpikeSourcePoisson"), "poisson"),
    **dict.fromkeys(("SpikeGeneratorGroup", "spike_generator", "SpikeSourceArray"), "spikes"),
    **dict.fromkeys(("SpikeMonitor", "spike_recorder", "spike_detector", "spike"), "spikes"),
    **dict.fromkeys(("StateMonitor", "multimeter", "voltmeter", "variables", "trace", "traces", "values"), "state"),
    **dict.fromkeys(("PopulationRateMonitor", "rates"), "rate"),
    **dict.fromkeys(("EventMonitor", "event"), "events"),
    **dict.fromkeys(("weights", "synapses"), "connectivity"),
    **dict.fromkeys(("linear", "exponential", "independent"), "exact"),
    **dict.fromkeys(("forward_euler", "euler_maruyama"), "euler"),
    **dict.fromkeys(("runge_kutta", "rungekutta", "RK4"), "rk4"),
    **dict.fromkeys(("gsl", "gsl_rkf45", "rk45", "adaptive"), "rkf45"),
    "midpoint": "rk2",
}
"""Values of `kind` and `method`."""

_NEURONS: Final = {"iaf": "lif", "aeif": "adex", "hh": "hodgkin_huxley", "izhikevich": "izhikevich", "IF": "lif"}
_CURRENTS: Final = {
    "psc_exp": "exponential_current",
    "psc_alpha": "alpha_current",
    "curr_exp": "exponential_current",
} | {
    "cond_exp": "exponential_conductance",
    "cond_alpha": "alpha_conductance",
    "curr_alpha": "alpha_current",
}
_SYNAPSES: Final = {"stdp_triplet": "stdp_triplet", "stdp": "stdp_pair", "tsodyks": "tsodyks_markram"}


def of_key(key: str, known: Sequence[str]) -> str | None:
    """A help line with the key of this format that one of another tool means."""
    ours = next((ours for ours in _KEYS.get(key, ()) if ours in known), None)
    if ours is not None and key in _PARAMETERS:
        return f"`{ours}` hold parameters: `constants: {{{key}: ...}}`, of the group or of the file"
    return None if ours is None else f"did you mean `{ours}`?"


def of_value(word: str, choices: Sequence[str]) -> str | None:
    """A help line with the value of this format that one of another tool means."""
    if _VALUES.get(word) in choices:
        return f"did you mean `{_VALUES[word]}`?"
    models = _models(word) if "neurons" in choices or "poisson" in choices else None
    return f"write `use: {models}`." if models else None


def of_model(name: str) -> str | None:
    """A help line with the models of the library that a model of NEST or PyNN is made of."""
    models = _models(name)
    return f"did you mean `use: {models}`?" if models else None


def _models(name: str) -> str | None:
    """The models of the library that make up one of NEST or PyNN, as `use` names them."""
    if name.endswith("_synapse"):
        return next((ours for word, ours in _SYNAPSES.items() if name.startswith(word)), None)
    head, _, tail = name.partition("_")
    neuron = _NEURONS.get(head)
    current = next((model for word, model in _CURRENTS.items() if tail.startswith(word)), None)
    return f"[{neuron}, {current}]" if neuron and current else neuron
