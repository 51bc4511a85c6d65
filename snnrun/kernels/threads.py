"""A barrier for the threads of a run."""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array, atomic_add, atomic_load, call_system, pause

# Indices in the array `words`; those that threads write have a cache line each.
_ARRIVED, _PHASE, _ASLEEP, _SYSTEM, _NUMBER = 0, 8, 16, 24, 25
_SPINS = 300_000  # reads of the phase before a thread goes to sleep
_SLEEP, _WAKE = 128, 129  # operations of `futex` within one process


@kernel()
def wait_at_barrier(words: Array, threads: int) -> None:
    """Wait until all threads have arrived.

    A thread that has waited for long goes to sleep where the system has a function for that (`futex`), as the others
    need its core where there are fewer free cores than threads.

    Args:
        words: Number of threads that arrived, the phase (how often all have), number of threads asleep; address and
            number of the system's function, or zeros; int64, shape (26,).
        threads: Number of threads.
    """
    if threads > 1:
        phase = atomic_load(words, _PHASE)
        if atomic_add(words, _ARRIVED, 1) == threads - 1:
            atomic_add(words, _ARRIVED, -threads)
            atomic_add(words, _PHASE, 1)
            if atomic_load(words, _ASLEEP) > 0:
                call_system(words[_SYSTEM], words[_NUMBER], words, _PHASE, _WAKE, threads)
        else:
            spins = 0
            while atomic_load(words, _PHASE) == phase:
                pause()
                spins += 1
                if spins > _SPINS and words[_SYSTEM] != 0:
                    atomic_add(words, _ASLEEP, 1)
                    call_system(words[_SYSTEM], words[_NUMBER], words, _PHASE, _SLEEP, phase)
                    atomic_add(words, _ASLEEP, -1)
