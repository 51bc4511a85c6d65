"""The threads of a run wait for each other."""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array, add_to_word, call_system, load_word, pause

# Places in the array `words`, each in a line of the cache of its own.
_ARRIVED, _TURN, _ASLEEP, _SYSTEM, _NUMBER = 0, 8, 16, 24, 25
_TRIES = 300_000  # before a thread goes to sleep
_SLEEP, _WAKE = 128, 129  # operations of `futex` within one process


@kernel()
def wait(words: Array, parts: int) -> None:
    """Wait until all threads are here.

    A thread that has waited for long goes to sleep where the system has a function for that (`futex`): with more
    threads than free cores, the others need the core.

    Args:
        words: Counts of threads that arrived, of the times that all had, and of those asleep; address and number of the
            system's function, or zeros; int64, shape (26,).
        parts: Number of threads.
    """
    if parts > 1:
        turn = load_word(words, _TURN)
        if add_to_word(words, _ARRIVED, 1) == parts - 1:
            add_to_word(words, _ARRIVED, -parts)
            add_to_word(words, _TURN, 1)
            if load_word(words, _ASLEEP) > 0:
                call_system(words[_SYSTEM], words[_NUMBER], words, _TURN, _WAKE, parts)
        else:
            tries = 0
            while load_word(words, _TURN) == turn:
                pause()
                tries += 1
                if tries > _TRIES and words[_SYSTEM] != 0:
                    add_to_word(words, _ASLEEP, 1)
                    call_system(words[_SYSTEM], words[_NUMBER], words, _TURN, _SLEEP, turn)
                    add_to_word(words, _ASLEEP, -1)
