"""Results of the jobs in Python, with the pages that the command line writes of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rightly.auditing.result import JudgeResult
from rightly.benchmarks.result import ModelResult
from rightly.jobs import audit as audit_job
from rightly.jobs import bench as bench_job
from rightly.jobs import strength as strength_job

if TYPE_CHECKING:
    pass


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
