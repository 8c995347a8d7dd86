"""`probe`: our training loop beside the plain transformers Trainer, and which of the library's kernels is fastest.

On a processor the size `tiny`, by its own plan and by `fused8`; with a GPU also the Lite's full shape, randomly
initialised, all parameters trained by `fused8`. The same code, windows and model for both; each run is a process of its
own. Beside `fused8` the Trainer holds bfloat16 weights and, where AdamW's states do not fit the card, uses Adafactor.
Our loop does more than the Trainer's: the balance loss, the load of experts, a finite loss.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, Final

from benchmarks._figures import figure
from benchmarks._probe_run import Case, as_argument
from validate.probes.fastest import fastest, on_gpu
from validate.probes.kernels import ATTENTIONS, EXPERTS
from validate.probes.memory import DEEPSEEK_WORDS
from validate.probes.model import configuration
from validate.probes.shapes import SHAPES, active_parameters
from validate.probes.train import CARD_FLOPS, TrainConfig

USUAL: Final = f"{EXPERTS[0]} and {ATTENTIONS[0]}"
PEER: Final = "transformers Trainer"
_PEAK_SIZE: Final = 1024  # of the matrices whose product is taken for a core's peak
TINY: Final = Case(size="tiny", plan="float32", words=2048, batch=2, length=256, steps=30)
LITE: Final = Case(
    size="lite", plan="fused8", words=DEEPSEEK_WORDS, batch=1, length=4096, steps=10, recompute=True,
    optimizer="adafactor",
)  # fmt: skip


def rows() -> Iterator[dict[str, Any]]:
    """Every candidate of kernels, what was chosen, and speed, share of the peak and memory of both loops."""
    for case in (TINY, replace(TINY, plan="fused8"), *([LITE] if on_gpu() else [])):
        yield from compared(case)


def compared(case: Case) -> Iterator[dict[str, Any]]:
    """One case: kernels first, then the loops, ours with the kernels that were chosen and with the usual ones."""
    import torch

    torch.set_num_threads(1)
    name, peer = f"{case.size}, {case.plan}", f"{PEER}, {case.optimizer}"
    experts, attention, found = fastest(configuration(SHAPES[case.size], case.words, case.length), _config(case))
    for one in found:
        what = f"{name}: two layers, {one.experts} and {one.attention}"
        told = what if one.refused is None else f"{what}: {one.refused}"
        yield figure("probe", told, "tokens/s", one.tokens_per_second, USUAL, found[0].tokens_per_second)
    chosen = replace(case, experts=experts, attention=attention)
    plain = run("ours", case)
    made = plain if chosen == case else run("ours", chosen)
    what, speed = f"{name}: chosen {experts} and {attention}", made["tokens_per_second"]
    yield figure("probe", what, "tokens/s", speed, USUAL, plain["tokens_per_second"])
    theirs = run("trainer", case) if find_spec("accelerate") else {}  # extra `bench`
    yield figure("probe", f"{name}: whole loop", "tokens/s", speed, peer, theirs.get("tokens_per_second"))
    operations, peak = 6 * active_parameters(SHAPES[case.size], case.words), peak_operations()
    shares = [
        100 * operations * each / peak if each and peak else None for each in (speed, theirs.get("tokens_per_second"))
    ]
    yield figure("probe", f"{name}: share of the peak", "%", shares[0], peer, shares[1])
    sizes = [each["bytes"] / 1e6 if each else None for each in (made, theirs)]
    yield figure("probe", f"{name}: memory", "MB", sizes[0], peer, sizes[1])


def peak_operations() -> float:
    """A known card's by its data sheet, 0 for another card; a core's by the product of two matrices."""
    import torch

    if on_gpu():
        name = torch.cuda.get_device_name()
        return next((flops for known, flops in CARD_FLOPS if known in name), 0.0)
    a = torch.randn(_PEAK_SIZE, _PEAK_SIZE)
    seconds = []
    for _ in range(5):
        started = time.process_time()
        a @ a
        seconds.append(time.process_time() - started)
    return 2 * _PEAK_SIZE**3 / min(seconds)


def run(who: str, case: Case) -> dict[str, float]:
    """One run in a process of its own."""
    command = [sys.executable, "-m", "benchmarks._probe_run", who, as_argument(case)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{who} of {case.size} by {case.plan}: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _config(case: Case) -> TrainConfig:
    return TrainConfig(plan=case.plan, batch=case.batch, length=case.length, recompute=case.recompute)
