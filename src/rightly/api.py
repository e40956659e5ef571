"""The jobs as Python functions, on files, hub ids or objects in memory, for scripts, notebooks and async code (``a...``).

Each function takes its main inputs by name. Every further option is a field of the job's configuration (``rightly.jobs``),
with the command line's defaults. Errors that a user can fix are `rightly.errors.RightlyError` with a one-line message.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rightly.auditing.compare import Comparison
from rightly.auditing.result import JudgeResult
from rightly.benchmarks.result import ModelResult
from rightly.data.load import load_pairs as stream_pairs
from rightly.errors import InputError, needs_extra
from rightly.inference.run_now import run_now
from rightly.jobs import audit as audit_job
from rightly.jobs import bench as bench_job
from rightly.jobs import judge as judge_job
from rightly.jobs import score as score_job
from rightly.jobs import serve as serve_job
from rightly.jobs import strength as strength_job
from rightly.jobs.audit import AuditConfig
from rightly.jobs.bench import BenchConfig
from rightly.jobs.compare import compare_audits
from rightly.jobs.config import configured, default_cache
from rightly.jobs.events import SILENT, Events
from rightly.jobs.judge import JudgeConfig, Judged
from rightly.jobs.repair import plan_repair
from rightly.jobs.score import ScoreConfig, Scores
from rightly.jobs.serve import ServeConfig
from rightly.jobs.strength import StrengthConfig
from rightly.judges.base import Judge
from rightly.matchers.base import Matcher
from rightly.preferences.adjust import AdjustRule
from rightly.preferences.repair import Change, repaired
from rightly.training.common.recipe import check_recipe, read_table
from rightly.types import PreferencePair

if TYPE_CHECKING:
    from rightly.rewards.grader import JudgmentReward
    from rightly.rewards.rule import RewardRule
    from rightly.training.judge.run import TrainedJudge
    from rightly.training.reward_model.result import TrainedRewardModel

Pairs = str | Path | Iterable[PreferencePair | Mapping[str, Any]]
"""A file, a hub id or ``sample:NAME``; or pairs, or rows with the columns of a family, in memory (a ``datasets.Dataset``)."""


@dataclass(frozen=True)
class Audit(audit_job.Audit):
    """Result of an audit; ``result`` is the complete table, ``items`` the pairs with their judgments and matches."""

    @property
    def judges(self) -> tuple[JudgeResult, ...]:
        """One row per judge: accuracy, consistency, effects of position and length, failures."""
        return self.result.judges

    def to_html(self, path: str | Path) -> None:
        """Write the page that ``rightly audit`` writes."""
        from rightly.reports.audit_html import write_audit_report

        write_audit_report(self.result, self.items, Path(path))


@dataclass(frozen=True)
class Strength(strength_job.Strength):
    """Result of a preference strength measurement; ``summary`` has the figures, ``table`` one row per pair."""

    def to_html(self, folder: str | Path) -> None:
        """Write the page that ``rightly strength`` writes, as ``report.html`` in a folder."""
        from rightly.reports.strength_html import write_strength_report

        write_strength_report(Path(folder), self.summary.model_dump(mode="json"), self.config.load)


@dataclass(frozen=True)
class Bench(bench_job.Bench):
    """Result of a benchmark run; ``result`` has the tables and the paired tests."""

    @property
    def models(self) -> tuple[ModelResult, ...]:
        """One row per model, including the trivial rules; ``headline`` is the official number."""
        return self.result.models

    def to_html(self, folder: str | Path) -> None:
        """Write the page that ``rightly bench`` writes, as ``report.html`` in a folder."""
        from rightly.reports.bench import write_bench_report

        write_bench_report(Path(folder), [self.result])


def load_pairs(source: Pairs, *, columns: str | None = None, limit: int | None = None) -> list[PreferencePair]:
    """Load the pairs of a source as a list; `iter_pairs` streams them.

    Args:
        source: Source of the pairs, see `Pairs`.
        columns: Column family, if the columns fit several.
        limit: Maximum number of pairs.

    Raises:
        InputError: The source, an option or a row is unusable; the error names file and row.
    """
    return list(iter_pairs(source, columns=columns, limit=limit))


def iter_pairs(source: Pairs, *, columns: str | None = None, limit: int | None = None) -> Iterator[PreferencePair]:
    """Load the pairs of a source one by one, for sources larger than memory; see `load_pairs`."""
    return stream_pairs(source, columns=columns, limit=limit)


def audit(
    pairs: Pairs,
    *,
    judges: Sequence[str | Judge],
    matcher: str | Matcher,
    out: str | Path,
    events: Events = SILENT,
    **options: Any,
) -> Audit:
    """Measure judges: outcome accuracy and rationale consistency, side by side.

    Args:
        pairs: Pairs of two responses with human rationales.
        judges: Specs (``openai:gpt-4.1``, ``hf:PATH``, ``longer``, ...), or your own judges.
        matcher: Spec of the matcher that links the judges' reasons with the human ones, or your own matcher.
        out: Run folder: the records are kept there, and an interrupted audit is resumed from them.
        events: Listener for estimates and progress.
        options: Further fields of `AuditConfig`: ``atomiser``, ``max_reasons``, ``budget``, ``prices``, ``limit``, ``seed``...

    Raises:
        RightlyError: See `rightly.jobs.audit.arun`.
    """
    return run_now(aaudit(pairs, judges=judges, matcher=matcher, out=out, events=events, **options))


async def aaudit(
    pairs: Pairs,
    *,
    judges: Sequence[str | Judge],
    matcher: str | Matcher,
    out: str | Path,
    events: Events = SILENT,
    **options: Any,
) -> Audit:
    """Asynchronous version of `audit`."""
    given = {"pairs": pairs, "judges": tuple(judges), "matcher": matcher, "out": out, **options}
    found = await audit_job.arun(configured(AuditConfig, given), events)
    return Audit(found.folder, found.result, found.items)


def judge(
    pairs: Pairs, *, judges: Sequence[str | Judge], out: str | Path, events: Events = SILENT, **options: Any
) -> Judged:
    """Judge pairs and store every judgment.

    Args:
        pairs: Pairs to judge.
        judges: Specs, or your own judges.
        out: Run folder.
        events: Listener for estimates and progress.
        options: Further fields of `JudgeConfig`.

    Returns:
        The judgments (iterate), and their counts and accuracy (``tallies``).

    Raises:
        RightlyError: See `rightly.jobs.judge.arun`.
    """
    return run_now(ajudge(pairs, judges=judges, out=out, events=events, **options))


async def ajudge(
    pairs: Pairs, *, judges: Sequence[str | Judge], out: str | Path, events: Events = SILENT, **options: Any
) -> Judged:
    """Asynchronous version of `judge`."""
    given = {"pairs": pairs, "judges": tuple(judges), "out": out, **options}
    return await judge_job.arun(configured(JudgeConfig, given), events)


def compare(*audits: Audit | str | Path) -> Comparison:
    """Test every two judges of audits against each other, on their shared pairs.

    Args:
        audits: Audits, or their run folders.

    Raises:
        InputError: A folder holds no audit, or the audits have no comparable numbers.
    """
    return compare_audits([each.folder if isinstance(each, Audit) else Path(each) for each in audits])


def bench(
    name: str,
    *,
    models: "Sequence[str | Judge | TrainedRewardModel]",
    out: str | Path,
    data: Pairs | None = None,
    events: Events = SILENT,
    **options: Any,
) -> Bench:
    """Run a benchmark: the official number, and the figures behind it.

    Args:
        name: Benchmark: ``rm-bench``, ``judgebench-gpt``, ``rewardbench2``, ...; ``pairs`` for your own labelled pairs.
        models: Reward models (``rm:NAME``, or a result of `train_reward_model`), judges, published runs (``stored:FILE``).
        out: Run folder.
        data: Data of the benchmark; by default the official data on the hub.
        events: Listener for estimates and progress.
        options: Further fields of `BenchConfig`.

    Raises:
        RightlyError: See `rightly.jobs.bench.arun`.
    """
    return run_now(abench(name, models=models, out=out, data=data, events=events, **options))


async def abench(
    name: str,
    *,
    models: "Sequence[str | Judge | TrainedRewardModel]",
    out: str | Path,
    data: Pairs | None = None,
    events: Events = SILENT,
    **options: Any,
) -> Bench:
    """Asynchronous version of `bench`."""
    specs = tuple(each if isinstance(each, str | Judge) else f"rm:{each.folder}" for each in models)
    given = {"name": name, "models": specs, "out": out, "data": data, **options}
    found = await bench_job.arun(configured(BenchConfig, given), events)
    return Bench(found.folder, found.result)


def score(
    pairs: Pairs, *, models: Sequence[str | Path], out: str | Path, events: Events = SILENT, **options: Any
) -> Scores:
    """Score pairs with reward models; for single prompts see `RewardModel.rewards`.

    Args:
        pairs: Pairs to score.
        models: Folders or hub ids of reward models.
        out: Run folder; ``out/margins.parquet`` is the table.
        events: Listener for progress.
        options: Further fields of `ScoreConfig`.

    Raises:
        InputError: A model cannot be loaded, or a pair cannot be scored; the error names the pair's row.
    """
    given = {"pairs": pairs, "models": tuple(map(str, models)), "out": out, **options}
    return score_job.run(configured(ScoreConfig, given), events)


def measure_strength(pairs: Pairs, *, out: str | Path, events: Events = SILENT, **options: Any) -> Strength:
    """Measure the preference strength of pairs: which labels are noisy, which pairs ambiguous, which clear.

    Args:
        pairs: Labelled pairs.
        out: Run folder; ``out/strength.parquet`` is the table.
        events: Listener for progress.
        options: Further fields of `StrengthConfig`. One of ``members`` (train an ensemble), ``models`` and ``scores`` selects
            the models that score the pairs, unless the pairs carry margins.

    Raises:
        InputError: Options or data are unusable.
    """
    found = strength_job.run(configured(StrengthConfig, {"pairs": pairs, "out": out, **options}), events)
    return Strength(found.config, found.summary)


def repair(
    pairs: Pairs, strength: strength_job.Strength | str | Path, *, force_flip: bool = False, **rule: Any
) -> tuple[list[PreferencePair], list[Change]]:
    """Repair pairs by their strength; ``rightly repair`` writes files instead.

    Args:
        pairs: Pairs whose strength was measured.
        strength: Result of `measure_strength`, or its ``strength.parquet``.
        force_flip: Whether to flip labels even if that may add wrong ones.
        rule: Fields of `rightly.preferences.adjust.AdjustRule`; the default ``preset`` is ``drop``.

    Returns:
        The repaired pairs, and every change with its reason.

    Raises:
        InputError: The strength belongs to other pairs, or flips may add wrong labels.
    """
    table = strength.table if isinstance(strength, strength_job.Strength) else Path(strength)
    given = load_pairs(pairs)
    plan = plan_repair(table, AdjustRule(**{"preset": "drop", **rule}), given, "the pairs")
    if not force_flip:
        plan.require_harmless()
    found = list(repaired(given, plan.repairs))
    return [pair for pair, _ in found if pair is not None], [change for _, change in found if change is not None]


def train_reward_model(
    *,
    base: str,
    train: Pairs | Sequence[str],
    output: str | Path,
    eval: Mapping[str, Pairs] | None = None,
    recipe: str | Path | None = None,
    **tables: Any,
) -> "TrainedRewardModel":
    """Train a scalar reward model; an interrupted run resumes from its last complete checkpoint.

    Args:
        base: Folder or hub id of the model to train.
        train: Labelled pairs, or several sources of them.
        output: Folder for the checkpoints, the model and its card.
        eval: Named evaluation sets; the first is the main one.
        recipe: A recipe (TOML) that provides all other tables.
        tables: Tables of a recipe: ``trainer={"learning_rate": 1e-5}``, ``loss={...}``, ``adjust={...}``...

    Returns:
        The model's metrics (``results``), and the model itself: ``rewards(prompt, responses)``.

    Raises:
        InputError: Data, model or a table are unusable, or the output holds a run of another recipe.
    """
    with needs_extra("training", "train"):
        from rightly.training.reward_model.recipe import RewardRecipe
        from rightly.training.reward_model.run import train_reward_model as run
    data: dict[str, Any] = {"train": _sources(train)}
    if eval is not None:
        data["eval"] = dict(eval)
    given = {"output": str(output), "model": {"name": str(base)}, "data": data}
    return run(check_recipe(RewardRecipe, _merged(_table(recipe), given, tables), str(recipe or "train_reward_model")))


def train_judge(
    *,
    base: str,
    train: Pairs | Sequence[str],
    output: str | Path,
    matcher: str | None = None,
    reward: "RewardRule | JudgmentReward | None" = None,
    recipe: str | Path | None = None,
    **tables: Any,
) -> "TrainedJudge":
    """Train a judge (generative reward model) with GRPO, for a right verdict and reasons that match the human ones.

    Args:
        base: Folder or hub id of a causal language model with a chat template.
        train: Labelled pairs with human reasons, or several sources of them.
        output: Folder for the checkpoints, the judge and the records of its training.
        matcher: Spec of the matcher, such as ``local:FOLDER`` of a trained matcher.
        reward: Rule that combines verdict and matches to a reward; by default average precision x outcome.
        recipe: A recipe (TOML) that provides all other tables.
        tables: Tables of a recipe: ``grpo={"max_steps": 200}``, ``warmup={...}``, ``audit={...}``...

    Raises:
        InputError: Data, model, matcher or a table are unusable, or the output holds a run of another recipe.
    """
    with needs_extra("training", "genrm"):
        from rightly.rewards.rule import RewardRule
        from rightly.training.judge.recipe import GenrmRecipe
        from rightly.training.judge.run import train_judge as run
    given: dict[str, Any] = {
        "output": str(output),
        "model": {"name": str(base)},
        "data": {"train": _sources(train)},
        "grpo": {},
    }
    if reward is not None:
        rule = reward if isinstance(reward, RewardRule) else reward.rule
        given["reward"] = rule.model_dump()
        spec = None if isinstance(reward, RewardRule) else reward.matcher
        if spec is not None and not isinstance(spec, str):
            raise InputError(
                "a judge is trained in several processes, and each builds its own matcher", fix="give a matcher spec"
            )
        matcher = matcher or spec
    if matcher is not None:
        given["matcher"] = {"spec": matcher}
    merged = _merged(_table(recipe), given, tables)
    return run(check_recipe(GenrmRecipe, merged, str(recipe or "train_judge")), default_cache())


def serve(
    *, models: Sequence[str | Path] = (), judge: str | Judge | None = None, events: Events = SILENT, **options: Any
) -> None:
    """Serve reward models and a pairwise judge over HTTP, until interrupted.

    Args:
        models: Folders or hub ids of reward models; several form an ensemble.
        judge: Judge for ``/v1/judge``.
        events: Listener that is notified when the server is ready.
        options: Further fields of `ServeConfig`: ``host``, ``port``, ``std_penalty``...

    Raises:
        InputError: No model and no judge is given, or a model cannot be loaded.
    """
    given = {"models": tuple(map(str, models)), "judge": judge, **options}
    serve_job.run(configured(ServeConfig, given), events)


def _sources(train: Pairs | Sequence[str]) -> tuple[Any, ...]:
    """One source, or several files."""
    if isinstance(train, str | Path):
        return (str(train),)
    given = list(train)
    return tuple(given) if given and all(isinstance(each, str) for each in given) else (given,)


def _table(recipe: str | Path | None) -> dict[str, Any]:
    return {} if recipe is None else read_table(recipe)


def _merged(*tables: Mapping[str, Any]) -> dict[str, Any]:
    """Merge tables; later ones take precedence, and nested tables are merged, not replaced."""
    whole: dict[str, Any] = {}
    for table in tables:
        for name, value in table.items():
            known = whole.get(name)
            whole[name] = _merged(known, value) if isinstance(known, dict) and isinstance(value, Mapping) else value
    return whole
