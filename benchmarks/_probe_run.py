"""One training run for the benchmark `probe`, in a process of its own, so that its peak of memory is its own.

`python -m benchmarks._probe_run ours|trainer JSON` prints one JSON object: tokens a second, and bytes.
Without a GPU, seconds are of this process's processor time, on one thread: other programs run too.
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from validate.probes import model, train
from validate.probes.data import Windows
from validate.probes.fastest import WARM, on_gpu, synthetic
from validate.probes.plans import Plan


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is trained: the same model and windows by our loop and by the library's."""

    size: str
    plan: Plan
    words: int
    batch: int
    length: int
    steps: int
    recompute: bool = False
    optimizer: str = "adamw_torch"  # of the library's Trainer
    experts: str = "grouped_mm"
    attention: str = "sdpa"


def ours(case: Case, mark: Callable[[], None]) -> None:
    """`validate.probes.train`, as an ablation's run calls it."""
    names = ("plan", "batch", "length", "steps", "recompute", "experts", "attention")
    cfg = train.TrainConfig(**{name: getattr(case, name) for name in names})
    net = model.build(case.size, case.words, case.length, 0, plan=case.plan)
    train.train(net, _windows(case), cfg, tell=lambda _: mark())


def trainer(case: Case, mark: Callable[[], None]) -> None:
    """transformers.Trainer with its defaults, weights in float32 or, for the thrifty plans, in bfloat16."""
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    net = model.build(case.size, case.words, case.length, 0, plan=case.plan)
    net.to(torch.float32 if case.plan == "float32" else torch.bfloat16)
    made = _windows(case)
    rows = [
        {"input_ids": ids, "labels": ids, "position_ids": places}
        for ids, places in zip(torch.from_numpy(made.ids), torch.from_numpy(made.positions), strict=True)
    ]

    class Marks(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            mark()

    with tempfile.TemporaryDirectory() as folder:
        args = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=case.batch,
            max_steps=case.steps,
            learning_rate=1e-3,
            optim=case.optimizer,
            bf16=on_gpu(),
            gradient_checkpointing=case.recompute,
            use_cpu=not on_gpu(),
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            logging_steps=case.steps,
        )
        Trainer(model=net, args=args, train_dataset=rows, callbacks=[Marks()]).train()


def measured(run: Callable[[Case, Callable[[], None]], None], case: Case) -> dict[str, float]:
    """Median step of the whole loop; memory above what the imports took."""
    import torch

    torch.set_num_threads(1)
    marks: list[float] = []

    def mark() -> None:
        if on_gpu():
            torch.cuda.synchronize()
        marks.append(time.perf_counter() if on_gpu() else time.process_time())

    before = _resident()
    run(case, mark)
    seconds = median(b - a for a, b in zip(marks[WARM:], marks[WARM + 1 :], strict=False))
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    used = float(torch.cuda.max_memory_allocated()) if on_gpu() else float(taken)
    return {"tokens_per_second": case.batch * case.length / seconds, "bytes": used}


def _windows(case: Case) -> Windows:
    return Windows(*synthetic(case.batch * case.steps, case.length, case.words))


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def as_argument(case: Case) -> str:
    """What the command line takes."""
    return json.dumps(asdict(case))


if __name__ == "__main__":
    chosen = {"ours": ours, "trainer": trainer}[sys.argv[1]]
    print(json.dumps(measured(chosen, Case(**json.loads(sys.argv[2])))))
