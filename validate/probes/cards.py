"""One run on several cards: processes under torchrun that split every parameter among them (FSDP).

Comes in: a model, its windows and settings; each process gets its share of every batch. Goes out: the trained weights,
back in the model that was handed over, and the log. On a machine without GPUs the processes are cores (gloo).
`python -m validate.probes.cards FOLDER` is what torchrun starts; the folder is a scratch one with one run in it.
"""

import os
import pickle
import re
import subprocess
import sys
import tempfile
import time
from typing import Any, Final

from validate.probes.data import Windows
from validate.probes.kernels import use
from validate.probes.model import prepared
from validate.probes.plans import prepare
from validate.probes.train import Checkpoints, Stepper, Tell, TrainConfig, check_length, learning_rate, machine

_ERROR: Final = re.compile(r"(\[rank\d+\]: )?[A-Za-z_.]*(Error|NotFinite|Exception)\b.*: ")


class CardsError(RuntimeError):
    """A process of the run failed; the message is the end of what it said."""


def train_on_cards(
    model: Any, data: Windows, cfg: TrainConfig, checkpoints: Checkpoints | None = None, tell: Tell | None = None
) -> list[dict[str, float]]:
    """As `train`, in `cfg.cards` processes. Checkpoints are each process's own part, beside the path named."""
    import torch

    check_length(len(data.ids), cfg)
    with tempfile.TemporaryDirectory(prefix="probe-cards-") as folder:
        torch.save((type(model), model.config, model.state_dict()), f"{folder}/model.pt")
        with open(f"{folder}/run.pkl", "wb") as file:
            pickle.dump((data, cfg, checkpoints, tell), file)
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={cfg.cards}"]
        environment = {**os.environ, "OMP_NUM_THREADS": str(cfg.threads), "TOKENIZERS_PARALLELISM": "false"}
        done = subprocess.run(
            [*launcher, "-m", "validate.probes.cards", folder], env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise CardsError(f"training on {cfg.cards} cards stopped: {_said(done.stderr)}")
        model.load_state_dict(torch.load(f"{folder}/weights.pt", weights_only=True))
        with open(f"{folder}/log.pkl", "rb") as file:
            log: list[dict[str, float]] = pickle.load(file)
    return log


def _said(stderr: str) -> str:
    """The last error that a process named: torchrun's own lines about it follow."""
    errors = [line for line in stderr.splitlines() if _ERROR.match(line.strip().removeprefix("[rank0]: "))]
    return errors[0] if errors else stderr[-2000:]


class _Share:
    """This process's share of all targets of a step, and means over the processes."""

    def __init__(self, cards: int) -> None:
        self.cards = cards

    def __call__(self, positions: Any) -> float:
        import torch

        own = (positions[:, 1:] != 0).sum().float()
        total = own.clone()
        torch.distributed.all_reduce(total)
        return float(own * self.cards / total)

    def mean(self, value: Any) -> float:
        import torch

        total = value.detach().clone()
        torch.distributed.all_reduce(total)
        return float(total) / self.cards


def _work(folder: str) -> None:
    """One process: its part of the parameters, its windows of every batch."""
    import torch
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    on_gpu = torch.cuda.is_available()
    rank = int(os.environ["RANK"])
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if on_gpu else "gloo")
    with open(f"{folder}/run.pkl", "rb") as file:
        data, cfg, checkpoints, tell = pickle.load(file)
    torch.set_num_threads(cfg.threads)
    torch.manual_seed(cfg.seed + rank)
    kind, config, weights = torch.load(f"{folder}/model.pt", weights_only=False)
    model = prepared(kind(config))  # a pickled model has lost the hooks that hand out router logits
    model.load_state_dict(weights)
    _split(model, cfg, "cuda" if on_gpu else "cpu")
    log = _train(model, data, cfg, rank, checkpoints, tell if rank == 0 else None)
    whole = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    if rank == 0:
        torch.save(whole, f"{folder}/weights.pt")
        with open(f"{folder}/log.pkl", "wb") as file:
            pickle.dump(log, file)
    torch.distributed.destroy_process_group()


def _split(model: Any, cfg: TrainConfig, device: str) -> None:
    """Layer by layer, so that one layer is whole at a time."""
    import torch
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    prepare(model, cfg.plan)
    model.to(device).train()
    if cfg.recompute:
        model.activation_checkpointing_enable()
    use(model, cfg.experts, cfg.attention)
    mesh = init_device_mesh(device, (torch.distributed.get_world_size(),))
    for layer in model.model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)


def _train(
    model: Any, data: Windows, cfg: TrainConfig, rank: int, checkpoints: Checkpoints | None, tell: Tell | None
) -> list[dict[str, float]]:
    share, stepper = _Share(cfg.cards), Stepper(model, cfg)
    kept = _generations(checkpoints, rank)
    log: list[dict[str, float]] = []
    state = _newest_of_all(kept, len(data.ids), cfg)
    if state is not None:
        _restore(stepper, state)
        log = state["log"]
    each = cfg.batch // cfg.cards
    for step in range(len(log), cfg.steps):
        started = time.perf_counter()
        low = step * cfg.batch + rank * each
        here = slice(low, low + each)
        log.append(
            {"step": step, **stepper.step(data.ids[here], data.positions[here], learning_rate(cfg, step), share)}
        )
        if tell is not None:
            tell({**log[-1], **machine(model, cfg.batch * cfg.length, time.perf_counter() - started)})
        if kept and (step + 1) % kept[0].every == 0 and step + 1 < cfg.steps:
            here_kept = kept[(step + 1) // kept[0].every % 2]
            here_kept.save({"windows": len(data.ids), "config": cfg, **_own_state(stepper), "log": log})
    return log


def _generations(checkpoints: Checkpoints | None, rank: int) -> list[Checkpoints]:
    """Two places that take turns: a process that is stopped may be a checkpoint behind the others."""
    if checkpoints is None:
        return []
    return [Checkpoints(path=f"{checkpoints.path}.{rank}.{turn}", every=checkpoints.every) for turn in range(2)]


def _newest_of_all(kept: list[Checkpoints], windows: int, cfg: TrainConfig) -> dict[str, Any] | None:
    """This process's part of the newest state that every process has."""
    import torch

    found = {len(state["log"]): state for one in kept if (state := one.load(windows, cfg)) is not None}
    everywhere: list[Any] = [None] * cfg.cards
    torch.distributed.all_gather_object(everywhere, set(found))
    common = set.intersection(*everywhere)
    return found[max(common)] if common else None


def _own_state(stepper: Stepper) -> dict[str, Any]:
    """This process's part of weights and states, without the others'."""
    import torch

    states = {
        at: {name: _own(value) for name, value in stepper.optimizer.state[p].items()}
        for at, p in enumerate(stepper.model.parameters())
        if p in stepper.optimizer.state
    }
    return {
        "parts": [p.to_local().detach().cpu() for p in stepper.model.parameters()],
        "states": states,
        "random": torch.get_rng_state(),
    }


def _restore(stepper: Stepper, state: dict[str, Any]) -> None:
    import torch

    with torch.no_grad():
        for at, (parameter, part) in enumerate(zip(stepper.model.parameters(), state["parts"], strict=True)):
            parameter.to_local().copy_(part)
            if at in state["states"]:
                stepper.optimizer.state[parameter] = {
                    name: _like(value, parameter) for name, value in state["states"][at].items()
                }
    torch.set_rng_state(state["random"])


def _own(value: Any) -> Any:
    """This process's part of a split tensor, marked as such; anything else as it is."""
    return ("part", value.to_local().cpu()) if hasattr(value, "to_local") else value


def _like(value: Any, parameter: Any) -> Any:
    """A state as the optimizer holds it: split like its parameter where it was."""
    from torch.distributed.tensor import DTensor

    if not isinstance(value, tuple):
        return value
    part, whole = value[1].to(parameter.to_local().device), {"shape": parameter.shape, "stride": parameter.stride()}
    return DTensor.from_local(part, parameter.device_mesh, parameter.placements, **whole)


if __name__ == "__main__":
    _work(sys.argv[1])
