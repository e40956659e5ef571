"""Jobs that measure: load pairs; audit, judge, compare, bench; strength, repair, score."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rightly.auditing.compare import Comparison
from rightly.data.load import load_pairs as stream_pairs
from rightly.inference.run_now import in_one_go
from rightly.jobs import audit as audit_job
from rightly.jobs import bench as bench_job
from rightly.jobs import judge as judge_job
from rightly.jobs import score as score_job
from rightly.jobs import strength as strength_job
from rightly.jobs.audit import AuditConfig
from rightly.jobs.bench import BenchConfig
from rightly.jobs.compare import compare_audits
from rightly.jobs.config import configured
from rightly.jobs.events import SILENT, Events
from rightly.jobs.judge import JudgeConfig, Judged
from rightly.jobs.repair import plan_repair
from rightly.jobs.score import ScoreConfig, Scores
from rightly.jobs.strength import StrengthConfig
from rightly.judges.base import Judge
from rightly.matchers.base import Matcher
from rightly.preferences.adjust import AdjustRule
from rightly.preferences.repair import Change, repaired
from rightly.types import PreferencePair

if TYPE_CHECKING:
    from rightly.training.reward_model.result import TrainedRewardModel

from rightly.api.results import Audit, Bench, Strength

Pairs = str | Path | Iterable[PreferencePair | Mapping[str, Any]]
"""A file, a hub id or ``sample:NAME``; or pairs, or rows with the columns of a family, in memory (a ``datasets.Dataset``)."""


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


async def aaudit(
    pairs: Pairs,
    *,
    judges: str | Judge | Sequence[str | Judge],
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
    given = {"pairs": pairs, "judges": several(judges), "matcher": matcher, "out": out, **options}
    found = await audit_job.arun(configured(AuditConfig, given), events)
    return Audit(found.folder, found.result, found.items)


audit = in_one_go(aaudit)


async def ajudge(
    pairs: Pairs,
    *,
    judges: str | Judge | Sequence[str | Judge],
    out: str | Path,
    events: Events = SILENT,
    **options: Any,
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
    given = {"pairs": pairs, "judges": several(judges), "out": out, **options}
    return await judge_job.arun(configured(JudgeConfig, given), events)


judge = in_one_go(ajudge)


def compare(*audits: Audit | str | Path) -> Comparison:
    """Test every two judges of audits against each other, on their shared pairs.

    Args:
        audits: Audits, or their run folders.

    Raises:
        InputError: A folder holds no audit, or the audits have no comparable numbers.
    """
    return compare_audits([each.folder if isinstance(each, Audit) else Path(each) for each in audits])


async def abench(
    name: str,
    *,
    models: "str | Judge | TrainedRewardModel | Sequence[str | Judge | TrainedRewardModel]",
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
    specs = tuple(each if isinstance(each, str | Judge) else f"rm:{each.folder}" for each in several(models))
    given = {"name": name, "models": specs, "out": out, "data": data, **options}
    found = await bench_job.arun(configured(BenchConfig, given), events)
    return Bench(found.folder, found.result)


bench = in_one_go(abench)


def score(
    pairs: Pairs, *, models: str | Path | Sequence[str | Path], out: str | Path, events: Events = SILENT, **options: Any
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
    given = {"pairs": pairs, "models": tuple(map(str, several(models))), "out": out, **options}
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


def several(given: Any) -> tuple[Any, ...]:
    """One judge or model, or a list of them, as a tuple: a single spec is not read letter by letter."""
    return tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
