"""Test judges, or models on a benchmark, against each other on what they share, from the records alone."""

from collections.abc import Sequence
from pathlib import Path

from rightly.auditing.comparability import AuditRun, comparable
from rightly.auditing.compare import Comparison, paired_tests
from rightly.auditing.judge_summary import JudgmentsByPair
from rightly.benchmarks.result import BenchResult
from rightly.jobs.audit import stored_audit
from rightly.jobs.bench import holds_bench, merged_benches
from rightly.jobs.config import Config


class CompareConfig(Config):
    """Which runs are compared."""

    folders: tuple[Path, ...]
    """Run folders of audits, or of benchmarks."""


def run(config: CompareConfig) -> Comparison | list[BenchResult]:
    """Paired tests between all judges of audits, or the tables of benchmarks with such tests between all their models.

    Raises:
        InputError: A folder holds neither, or nothing in them can be compared.
    """
    if config.folders and all(map(holds_bench, config.folders)):
        return merged_benches(config.folders)
    return compare_audits(config.folders)


def compare_audits(folders: Sequence[Path]) -> Comparison:
    """Test every two judges of audits, paired by pair; the notes say what cannot be compared, and why."""
    stored = [stored_audit(folder) for folder in folders]
    names = [str(folder) if len(folders) > 1 else "" for folder in folders]
    runs, notes = comparable(
        [
            AuditRun(name, each.cast, each.config.max_reasons, each.scored())
            for name, each in zip(names, stored, strict=True)
        ]
    )
    judgments = [
        JudgmentsByPair(f"{run.name}/{judge}" if run.name else judge, scored)
        for run in runs
        for judge, scored in run.scored.items()
    ]
    return Comparison(tests=paired_tests(judgments), notes=notes)
