"""Cases that pin the values of operators and functions."""

from __future__ import annotations

from brian2 import NeuronGroup, StateMonitor, ms
from recording import Recording, simulate

# One subexpression a line; x runs over negative and positive values, k is an integer, a is real.
SUBEXPRESSIONS = """
modulo = x % 3
modulo_negative = x % -2.5
floor_divided = x // 2
floor_divided_negative = x // -1.5
integer_modulo = k % 4
integer_floor_divided = k // 3
true_divided = k / 4
power = x**2 + abs(x)**1.5 + 2.0**-k
negated_power = -x**2
exponential_ratio = exprel(x)
exponential_ratio_small = exprel(x*1e-9)
truncated = int(x > 0.5) + 2*int(x <= -1.25)
truncated_real = int(x)
clipped = clip(x, -1.5, 2)
signs = sign(x) + 10*floor(x) + 100*ceil(x)
trigonometric = sin(x) + 2*cos(x) + 3*tan(x/4)
hyperbolic = sinh(x) + cosh(x) + tanh(x)
inverse = arcsin(x/5) + arccos(x/5) + arctan(x)
exponential = exp(x) + expm1(x*1e-5) + log1p(x*1e-5)
logarithms = log(5 + x) + log10(5 + x) + sqrt(5 + x)
logic = int((x > 0 and k < 3) or not (x > -2))
chained = int(x == 0) + 2*int(x != 0) + 4*int(x >= 1)
constants_known = pi*x + e
time_steps = timestep(t + 0.05*ms*(k + 4), dt)
counted = i + N*10 + t_in_timesteps
"""


def expressions_values() -> Recording:
    """Every operator and function over values on both sides of 0 and at it."""
    names = [line.split("=")[0].strip() for line in SUBEXPRESSIONS.strip().splitlines()]
    equations = "\n".join(f"{line} : 1" for line in SUBEXPRESSIONS.strip().splitlines())
    group = NeuronGroup(9, equations + "\nx : 1\nk : integer")
    group.x = "(i - 4)*1.1"
    group.k = "i - 4"
    trace = StateMonitor(group, ["x", *names], record=True)
    simulate(0.3 * ms, [group, trace])
    recording = Recording()
    recording.state("values", trace, ["x", *names])
    return recording


CASES = (expressions_values,)
