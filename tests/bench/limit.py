"""How far the update of a neuron is from what the machine can do.

Operations and bytes are counted in the machine code of the kernel, in the loop over neurons with the most arithmetic.
The limit is the longest of three times, as all go on at once: that of moving the bytes at the bandwidth measured for a
working set of this size, and those of the arithmetic at the measured rates of additions or multiplications (a fused
one, comparisons, selections, conversions and operations on bits count as one each) and of divisions or roots, in
doubles. Nothing else is subtracted from what was
measured: finding the spikes, recording them, resets, the end of the loop.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import measured_bandwidth, measured_rates
from processes import run_child
from works import BY_NAME

SIZES = (4000, 1_000_000)
NEURON_STEPS = {"coba": 1e8, "cobahh": 1e7}  # about an eighth of a second of one core
STEP = 1e-4  # of these works [s]
LONGEST = 3.0  # conductances without input decay, and after 3.5 s the processor is slow with what is left of them [s]
_TRIES = 3
_REGISTER = {"x": 16, "y": 32, "z": 64}  # bytes
_ELEMENT = {"b": 1, "w": 2, "d": 4, "q": 8}  # bytes
_LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*?)(?:\s*#.*)?$")
_QUOTIENT = re.compile(r"v(div|sqrt)p[ds]$")
_SUM = re.compile(
    r"v(add|sub|mul|max|min|fn?m(?:add|sub)\w*|cmp\w*|andn?|x?or|blend\w*|round|rndscale|scalef|getexp|getmant|fixupimm)p[ds]$"
    r"|vp(add|sub|mul|cmp|and|x?or|sll|srl|sra|rol|ror|ternlog|blend|min|max)\w*$"
    r"|vcvt\w+$"
)
_MOVE = re.compile(r"vmov(ap[ds]|up[ds]|dq[au]\d*)$")
_MASKED = re.compile(r"\{%k[1-7]\}")
_MEMORY = re.compile(r"\S*\((?:%(\w+))?(?:,%(\w+)(?:,(\d))?)?\)")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one neuron costs in one step.

    Args:
        sums: Additions, multiplications, fused or not, and the like.
        quotients: Divisions and roots.
        bytes: Read and written.
    """

    sums: float
    quotients: float
    bytes: float


@dataclass(frozen=True, slots=True)
class Instruction:
    """One line of a disassembly: its address, what it does, with what."""

    address: int
    name: str
    operands: str


def read_disassembly(text: str) -> list[Instruction]:
    """The instructions of `objdump -d --no-show-raw-insn`."""
    found = (_LINE.match(line) for line in text.splitlines())
    return [Instruction(int(m[1], 16), m[2], m[3]) for m in found if m]


def innermost_loops(code: Sequence[Instruction]) -> Iterator[Sequence[Instruction]]:
    """The loops that hold no other loop: from the target of a jump back to the jump."""
    place = {instruction.address: k for k, instruction in enumerate(code)}
    spans = []
    for k, instruction in enumerate(code):
        target = re.match(r"([0-9a-f]+)\b", instruction.operands)
        if instruction.name.startswith("j") and target and int(target[1], 16) <= instruction.address:
            spans.append((place.get(int(target[1], 16), k), k))
    for first, last in spans:
        if not any(first <= a and b <= last for a, b in spans if (a, b) != (first, last)):
            yield code[first : last + 1]


def update_cost(text: str) -> Cost | None:
    """The cost of one neuron in the loop with the most arithmetic; None when no loop works on vectors of doubles."""
    costs = [cost for loop in innermost_loops(read_disassembly(text)) if (cost := loop_cost(loop)) is not None]
    return max(costs, key=lambda cost: cost.sums + cost.quotients, default=None)


def loop_cost(loop: Sequence[Instruction]) -> Cost | None:
    """The cost of one element of a loop over arrays of doubles."""
    elements = _elements(loop)
    if elements is None:
        return None
    sums = quotients = moved = 0.0
    for instruction in loop:
        lanes = _lanes(instruction)
        if _QUOTIENT.match(instruction.name):
            quotients += lanes
        elif _SUM.match(instruction.name) or _selects(instruction):
            sums += lanes
        moved += _bytes(instruction)
    return Cost(sums / elements, quotients / elements, moved / elements)


def _elements(loop: Sequence[Instruction]) -> int | None:
    """By how many elements an index of doubles moves on in one turn."""
    indices = {m[2] for i in loop for m in _MEMORY.finditer(i.operands) if m[3] == "8"}
    for instruction in reversed(loop):
        step = re.match(r"\$(-?0x[0-9a-f]+),%(\w+)$", instruction.operands)
        if instruction.name in ("add", "sub") and step and step[2] in indices:
            number = abs(int(step[1], 16))
            return number if number >= 2 and any(_is_packed(i) for i in loop) else None
    return None


def _is_packed(instruction: Instruction) -> bool:
    return instruction.name.endswith("pd") and "mov" not in instruction.name


def _register(instruction: Instruction) -> int:
    """Bytes of its widest vector register."""
    return max((_REGISTER[name] for name in re.findall(r"%([xyz])mm", instruction.operands)), default=0)


def _lanes(instruction: Instruction) -> float:
    narrow = instruction.name.endswith(("ps", "d")) and not instruction.name.endswith("pd")
    return _register(instruction) / (4 if narrow else 8)


def _selects(instruction: Instruction) -> bool:
    """Whether it moves those elements from one register to another that a mask names."""
    moves = _MOVE.match(instruction.name) and _MASKED.search(instruction.operands)
    return bool(moves) and not _MEMORY.search(instruction.operands)


def _bytes(instruction: Instruction) -> float:
    """Bytes it reads from or writes to arrays: not the stack, not constants."""
    memory = _MEMORY.search(instruction.operands)
    if not memory or not memory[2] or instruction.name.startswith(("lea", "nop", "prefetch")):
        return 0.0
    register = _register(instruction)
    if not register:
        return 0.0
    widened = re.match(r"vpmov(?:[sz]x|u?s?)([bwdq])([bwdq])$", instruction.name)
    if widened:
        small, large = sorted(_ELEMENT[letter] for letter in widened.groups())
        return register * small / large
    single = {"vmovq": 8, "vmovd": 4, "vmovsd": 8, "vmovss": 4, "vmovlps": 8, "vmovlpd": 8}
    return float(single.get(instruction.name, register))


def object_of(cache: Path) -> bytes:
    """The machine code of the newest kernel in a cache: what follows the lines that describe it."""
    data = max(cache.glob("*.kernel"), key=lambda kernel: kernel.stat().st_mtime_ns).read_bytes()
    return data[data.index(b"\x7fELF") :]


def measure_limit(say: Callable[[str], None]) -> dict[str, Any]:
    """For both works and sizes: the counts, the measured rates, the limit, what was measured."""
    rates = measured_rates()
    objdump = shutil.which("objdump")
    if objdump is None:
        return {**rates, "missing": "objdump is not on this machine"}
    found: dict[str, Any] = {**rates, "works": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        for name in NEURON_STEPS:
            cache = Path(temporary) / name
            for size in SIZES:
                spent = min(_neuron_step(name, size, cache, Path(temporary)) for _ in range(_TRIES))
                kernel = Path(temporary) / "kernel.o"
                kernel.write_bytes(object_of(cache))
                cost = update_cost(run_child([objdump, "-d", "--no-show-raw-insn", kernel], 60.0).out)
                if cost is None:
                    found["works"].append({"work": name, "size": size, "missing": "its update is not vectorised"})
                    continue
                bandwidth = measured_bandwidth(int(cost.bytes * size))
                times = {
                    "arithmetic": cost.sums / rates["sums"],
                    "division": cost.quotients / rates["quotients"],
                    "memory": cost.bytes / bandwidth,
                }
                row = {
                    "work": name,
                    "size": size,
                    "sums": cost.sums,
                    "quotients": cost.quotients,
                    "bytes": cost.bytes,
                    "bandwidth": bandwidth,
                    **times,
                    "measured": spent,
                }
                found["works"].append(row)
                limit = max(times.values())
                say(f"  {name}, {size} neurons: {spent * 1e9:.2f} ns a neuron-step, limit {limit * 1e9:.2f} ns")
    return found


def _neuron_step(name: str, size: int, cache: Path, place: Path) -> float:
    """Seconds of a neuron in a step, without connections."""
    work = BY_NAME[name]
    steps = min(max(int(NEURON_STEPS[name] / size), 20), round(LONGEST / STEP))
    words = [
        sys.executable,
        "-m",
        "snnrun",
        "run",
        work.file,
        "--json",
        "--no-plots",
        "--out",
        place / f"out-{time.monotonic_ns()}",
    ]
    words += ["--set", "p=0", "--set", f"size={size}", "--set", f"run.duration={steps * STEP:g} s"]
    ended = run_child(words, 300.0, {"SNNRUN_CACHE_DIR": str(cache)})
    if ended.reason:
        raise RuntimeError(f"{name} without connections: {ended.reason}")
    return float(json.loads(ended.out)["seconds"]["simulate"]) / steps / size
