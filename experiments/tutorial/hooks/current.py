"""The hook of 17-python-hook."""


def change_current(network, time):
    """Give the neuron another random current.

    Args:
        network: `network.group("hh")` holds the variables of the group as arrays in SI units, one value a neuron;
            `network.random(name)` is a random generator that starts from the seed of the run.
        time: Simulated time. [s]
    """
    network.group("hh")["I"][:] = network.random("current").random() * 50e-9
