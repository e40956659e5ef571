"""The demo of training: one start model, four ways of training it, and what each makes of its reasons."""

import contextlib
import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from rightly.errors import needs_extra
from rightly.jobs.config import Config, Flag
from rightly.jobs.events import SILENT, Events
from rightly.rewards.rule import Reference
from rightly.training.common.recipe import check_recipe
from rightly.training.judge.recipe import GenrmRecipe
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


class DemoJudgeConfig(Config):
    """How long the judges of the demo are trained."""

    out: Annotated[Path, Flag(metavar="DIR")] = Path("demo-genrm")
    """Run folder; made when missing."""
    steps: Annotated[int, Field(ge=1), Flag(metavar="N")] = 60
    """Steps of GRPO for each of the four rewards."""
    seed: int = 0
    """Seed for the pairs and for sampling."""


class JudgedPair(NamedTuple):
    """One judgment of the shown pair.

    Attributes:
        reasons: The reasons that were listed, and whether each is a human point.
        verdict: As the judge writes it.
    """

    reasons: list[tuple[str, bool]]
    verdict: str


@dataclass(frozen=True)
class DemoJudge:
    """What became of the judges.

    Attributes:
        dynamics: Audits by step and set, for each reward.
        pair: The first hard pair with `SHOWN_POINTS` human points.
        judged: What each trained judge says of it.
    """

    dynamics: dict[str, list[dict[str, Any]]]
    pair: PreferencePair
    judged: dict[str, JudgedPair]


def run(config: DemoJudgeConfig, events: Events = SILENT) -> DemoJudge:
    """Train a tiny judge on each reward, from the same start, on the same pairs."""
    with needs_extra("training", "genrm"):
        from transformers.utils import logging

        from rightly.training.judge.run import train_judge
    warnings.filterwarnings("ignore", category=FutureWarning)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    dynamics: dict[str, list[dict[str, Any]]] = {}
    judged: dict[str, JudgedPair] = {}
    pair: PreferencePair | None = None
    with as_file(files("rightly.synthetic") / "start") as start:
        for name, tables in ARMS.items():
            events.say(f"{name}: {config.steps} steps of GRPO")
            folder = config.out / name.replace(" ", "_")
            table = _table(folder, start, tables, config.steps, config.seed)
            recipe = check_recipe(GenrmRecipe, table, "the demo")
            with contextlib.redirect_stdout(io.StringIO()):  # the trainer's log; its bar is on the other stream
                dynamics[name] = train_judge(recipe).dynamics
            shown, judged[name] = _judge_one(recipe, folder)
            pair = pair or shown
    if pair is None:
        raise ValueError("the demo trains nothing")
    return DemoJudge(dynamics, pair, judged)


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


def _judge_one(recipe: GenrmRecipe, folder: Path) -> tuple[PreferencePair, JudgedPair]:
    from rightly.inference.transformers_engine import TransformersEngine
    from rightly.training.judge.data import judging_task
    from rightly.training.judge.eval_callback import answer_pairs
    from rightly.training.judge.run import load_judge

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
    return pair, JudgedPair(reasons, f"[[{graded.read.verdict}]]" if graded.read.verdict else "no verdict")
