"""The work behind ``rightly demo genrm``: one start model, four ways of training it, and what each makes of its reasons."""

import contextlib
import io
import warnings
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from rightly.cli.genrm_run import REPORT, print_dynamics
from rightly.inference.transformers_engine import TransformersEngine
from rightly.reports.dynamics import Shown, write_dynamics
from rightly.rewards.rule import Reference
from rightly.training.common.recipe import check_recipe
from rightly.training.judge.data import judging_task
from rightly.training.judge.eval_callback import answer_pairs
from rightly.training.judge.recipe import GenrmRecipe
from rightly.training.judge.run import load_judge, train_judge
from rightly.types import PreferencePair

ARMS: Mapping[str, dict[str, Any]] = {
    "outcome": {"reward": {"compose": "outcome"}},
    "AP x outcome": {"reward": {"compose": "product", "agreement": "ap-hard"}},
    "F1 x outcome": {"reward": {"compose": "product", "agreement": "f1"}},
    "F1 x outcome, restyled": {
        "reward": {"compose": "product", "agreement": "f1"},
        "world": {"exchange_style": True},
    },
}
"""The usual reward, the paper's, one that charges for every unsupported reason, and that one on pairs of either style."""
SHOWN_POINTS = 4
"""Human points of the pair whose judgments are shown: the first hard one with so many."""
FACTS = (
    "A Llama of 130,000 parameters learned from a noisy annotator to list reasons and to give a verdict. GRPO then trains it "
    "in four ways, from the same start, on the same pairs, for the same number of steps. In the last, the styles of half the "
    "pairs are exchanged, so that style says nothing.",
    "In training the styled answer is the better one in three of four pairs; on the hard pairs it never is. Audits are greedy "
    "answers to pairs that no run is trained on; matching is exact.",
)


class _Judged(NamedTuple):
    """The shown pair, what a model lists of it and whether each is a human point, its verdict."""

    pair: PreferencePair
    reasons: list[tuple[str, bool]]
    verdict: str


def demo(out: Path, steps: int, seed: int) -> None:
    """Train all arms and write the page."""
    from transformers.utils import logging

    warnings.filterwarnings("ignore", category=FutureWarning)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    console = Console()
    runs: dict[str, Any] = {}
    judged: dict[str, _Judged] = {}
    with as_file(files("rightly.synthetic") / "start") as start:
        for name, tables in ARMS.items():
            console.print(f"{name}: {steps} steps of GRPO")
            folder = out / name.replace(" ", "_")
            recipe = check_recipe(GenrmRecipe, _table(folder, start, tables, steps, seed), "the demo")
            with contextlib.redirect_stdout(io.StringIO()):  # the trainer's log; its bar is on the other stream
                runs[name] = train_judge(recipe).dynamics
            judged[name] = _judge_one(recipe, folder)
    path = out / REPORT
    write_dynamics(path, "One judge, trained four ways", runs, FACTS, [_shown(judged)])
    print_dynamics(console, runs)
    console.print(f"page: {path}")


def _table(folder: Path, start: Path, tables: Mapping[str, Any], steps: int, seed: int) -> dict[str, Any]:
    return {
        "output": str(folder),
        "model": {"name": str(start), "dtype": "float32"},
        "world": {"pairs": steps * 16, "seed": 1000 + seed, **tables.get("world", {})},
        "reward": tables["reward"],
        "grpo": {
            "max_steps": steps,
            "per_device_train_batch_size": 128,
            "num_generations": 8,
            "max_completion_length": 40,
            "learning_rate": 1e-4,
            "lr_scheduler_type": "constant_with_warmup",
            "warmup_steps": 10,
            "use_cpu": True,
            "bf16": False,
            "gradient_checkpointing": False,
            "logging_strategy": "no",
            "save_strategy": "no",
            "disable_tqdm": False,
            "seed": seed,
        },
        "audit": {"limit": 200, "every": max(steps // 3, 1), "max_tokens": 40, "batch_size": 100},
    }


def _judge_one(recipe: GenrmRecipe, folder: Path) -> _Judged:
    task = judging_task(recipe)
    pair = next(pair for pair in task.audit["hard"] if len(pair.rationales) == SHOWN_POINTS)
    model, tokenizer = load_judge(recipe.model, str(folder))
    if recipe.audit is None:
        raise ValueError("the demo's recipe has no audit")
    answers = answer_pairs(TransformersEngine(model.eval(), tokenizer), task, [pair], recipe.audit)
    graded = task.reward.grade_now(answers, [Reference.of(pair)], match_all=True)[0]
    task.reward.close()
    found = graded.metrics.score_by_rank if graded.metrics is not None else [0.0] * len(graded.read.reasons)
    reasons = [(reason, score > 0) for reason, score in zip(graded.read.reasons, found, strict=True)]
    return _Judged(pair, reasons, f"[[{graded.read.verdict}]]" if graded.read.verdict else "no verdict")


def _shown(judged: Mapping[str, _Judged]) -> Shown:
    pair = next(iter(judged.values())).pair
    heading = f"The first hard pair of the audit with {SHOWN_POINTS} human points; {pair.label} is better: "
    return Shown(
        heading + " | ".join([pair.context[0].content, *pair.responses]),
        [rationale.text for rationale in pair.rationales],
        {name: (each.reasons, each.verdict) for name, each in judged.items()},
    )
