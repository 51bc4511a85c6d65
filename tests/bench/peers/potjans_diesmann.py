"""The tables of Potjans & Diesmann 2014 for the peers: sizes, connection probabilities, background."""

import numpy as np

NAMES = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
NEURONS = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])
BACKGROUND = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])  # trains of 8 Hz a neuron
PROBABILITY = np.array(  # row: target, column: source
    [
        [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0],
        [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0],
        [0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0],
        [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0],
        [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0],
        [0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0],
        [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
        [0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443],
    ]
)
WEIGHT = 87.8  # of an excitatory synapse [pA]
INHIBITION = -4.0  # an inhibitory weight over an excitatory one


def neurons(scale: float) -> np.ndarray:
    """Neurons of each population, shape (8,)."""
    return np.floor(NEURONS * scale + 0.5).astype(int)


def synapses(scale: float) -> np.ndarray:
    """Synapses of each projection, shape (target 8, source 8); eq. 1, scaled so that in-degrees stay."""
    pairs = np.outer(NEURONS, NEURONS).astype(float)
    return np.floor(np.log1p(-PROBABILITY) / np.log1p(-1 / pairs) * scale + 0.5).astype(int)


def mean_weight(target: int, source: int) -> float:
    """The mean weight of a projection. [pA]"""
    if source % 2:
        return INHIBITION * WEIGHT
    return 2 * WEIGHT if (target, source) == (0, 2) else WEIGHT


def mean_delay(source: int) -> float:
    """The mean delay of a projection; the standard deviation is half of it. [ms]"""
    return 0.75 if source % 2 else 1.5
