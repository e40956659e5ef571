"""What the jobs give back in Python: their results, with the pages that the command line writes of them."""

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
    """What an audit found; ``result`` is the whole table, ``items`` the pairs with their judgments and matches."""

    @property
    def judges(self) -> tuple[JudgeResult, ...]:
        """A row a judge: accuracy, consistency, what position and length do, failures."""
        return self.result.judges

    def to_html(self, path: str | Path) -> None:
        """Write the page that ``rightly audit`` writes."""
        from rightly.reports.audit_html import write_audit_report

        write_audit_report(self.result, self.items, Path(path))


@dataclass(frozen=True)
class Strength(strength_job.Strength):
    """What a measurement of preference strength found; ``summary`` has the figures, ``table`` is a row a pair."""

    def to_html(self, folder: str | Path) -> None:
        """Write the page that ``rightly strength`` writes, as ``report.html`` of a folder."""
        from rightly.reports.strength_html import write_strength_report

        write_strength_report(Path(folder), self.summary.model_dump(mode="json"), self.config.load)


@dataclass(frozen=True)
class Bench(bench_job.Bench):
    """What a run of a benchmark found; ``result`` has the tables and the paired tests."""

    @property
    def models(self) -> tuple[ModelResult, ...]:
        """A row a model, the trivial rules among them; ``headline`` is the official number."""
        return self.result.models

    def to_html(self, folder: str | Path) -> None:
        """Write the page that ``rightly bench`` writes, as ``report.html`` of a folder."""
        from rightly.reports.bench import write_bench_report

        write_bench_report(Path(folder), [self.result])
