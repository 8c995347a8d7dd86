"""lm-eval's tasks through its library, asked of our model: an extra (`pip install "coder-corpus[eval]"`).

Comes in: an opened model, names of tasks, a folder with tasks of one's own. Goes out: `Result`s like those of our own
sets. Programs that a model wrote are not run by the library: its code tasks execute them in this process, and are
refused; ours run in the sandbox.
"""

import importlib.util
import math
from collections.abc import Sequence
from typing import Any, Final

from validate.evaluation import Result
from validate.generation import GenerationConfig, answers
from validate.probes.data import Vocabulary
from validate.scores import continuation_bits, document_bits

_NATS_PER_BIT: Final = math.log(2)


def check() -> None:
    """Raises ValueError where the extra is not installed."""
    if importlib.util.find_spec("lm_eval") is None:
        raise ValueError('lm-eval is not installed: pip install "lm-eval==0.4.13" (the extra `eval` of this project)')


def run(
    model: tuple[Any, Vocabulary], names: Sequence[str], folder: str | None, limit: int | None, shots: int, seed: int
) -> list[Result]:
    """One result per task. Raises ValueError where a task is not known, cannot be read, or would run programs."""
    check()
    from lm_eval import evaluator
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=folder, include_defaults=False) if folder else None
    if manager is None or not set(names) <= set(manager.all_tasks):  # the library's own 10,000 take half a minute
        manager = TaskManager(include_path=folder)
    unknown = [name for name in names if name not in manager.all_tasks]
    if unknown:
        raise ValueError(f"lm-eval has no task {', '.join(unknown)}; tasks of your own lie in the folder of --include")
    try:
        made = evaluator.simple_evaluate(
            model=_asked(model, seed),
            tasks=list(names),
            num_fewshot=shots or None,
            limit=limit,
            task_manager=manager,
            bootstrap_iters=0,
            random_seed=seed,
            confirm_run_unsafe_code=False,
        )
    except (ConnectionError, FileNotFoundError) as error:
        raise ValueError(f"lm-eval cannot read the data of {', '.join(names)}: {error}") from error
    assert made is not None  # only other ranks get None
    return [_result(name, made) for name in made["results"]]


def _result(name: str, made: Any) -> Result:
    figures: dict[str, tuple[float, float]] = {}
    for key, value in made["results"][name].items():
        metric, _, kept = key.partition(",")
        if kept and not metric.endswith("_stderr") and isinstance(value, int | float):
            error = made["results"][name].get(f"{metric}_stderr,{kept}")
            figures[metric] = (float(value), float(error) if isinstance(error, int | float) else math.nan)
    items = made["n-samples"][name]["effective"] if name in made["n-samples"] else 0
    return Result(f"lm-eval {name}", "choices", items, 1, figures)


def _asked(model: tuple[Any, Vocabulary], seed: int) -> Any:
    """Our model as the library's `LM`: log-likelihoods in nats, and text until a stop."""
    from lm_eval.api.model import LM

    net, words = model

    class Asked(LM):  # type: ignore[misc]
        def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
            pairs = [([words.begin, *words.encode(one.args[0])], one.args[1]) for one in requests]
            bits = continuation_bits(net, words, pairs)
            return [(-_NATS_PER_BIT * cost, _greedy(net, words, *pair)) for cost, pair in zip(bits, pairs, strict=True)]

        def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
            texts = [one.args[0] for one in requests]
            return [-_NATS_PER_BIT * cost for cost in document_bits(net, words, texts, _window(net))]

        def generate_until(self, requests: Sequence[Any]) -> list[str]:
            return [_until(model, one.args[0], one.args[1], seed) for one in requests]

    return Asked()


def _window(net: Any) -> int:
    return int(min(net.config.max_position_embeddings, 4096))


def _greedy(net: Any, words: Vocabulary, prompt: list[int], text: str) -> bool:
    """Whether the model, greedily, would have written exactly this."""
    import torch

    ids = [*prompt, *words.encode(text)]
    with torch.no_grad():
        best = net(input_ids=torch.tensor([ids], device=net.device), use_cache=False).logits[0].argmax(-1).tolist()
    return bool(best[len(prompt) - 1 : -1] == ids[len(prompt) :])


def _until(model: tuple[Any, Vocabulary], prompt: str, settings: dict[str, Any], seed: int) -> str:
    stops = settings.get("until") or []
    stops = [stops] if isinstance(stops, str) else stops
    heat = float(settings.get("temperature", 0.0)) if settings.get("do_sample") else 0.0
    cfg = GenerationConfig(temperature=heat, tokens=int(settings.get("max_gen_toks", 256)), seed=seed)
    text = answers(*model, prompt, prompt, stops, cfg)[0]
    ends = [at for stop in stops if stop and (at := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
