"""The report of an audit: one HTML file that holds all it needs and asks for nothing from anywhere.

A content security policy in the page allows no request and only the page's own script, by its hash; whatever a model
or a person wrote is text in it. The page has no date: the same audit gives the same bytes.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rightly.auditing.result import AuditResult, Item, JudgeResult, LengthRow, RankPrecision
from rightly.reports.browser import embedded, sample_items
from rightly.reports.charts import rank_chart
from rightly.reports.findings import consistency_ranks, findings
from rightly.reports.numbers import known
from rightly.reports.page import write_page
from rightly.reports.scatter import scatter
from rightly.reports.tables import Column, TableSection


def write_audit_report(
    result: AuditResult, items: Iterable[Item], path: Path, extra_sections: Sequence[TableSection] = ()
) -> None:
    """Write the report.

    Args:
        result: The audit.
        items: Pairs of the audit, for the browser; more than `browser.MAX_ITEMS` are sampled, and the page says so.
        path: The ``.html`` file; overwritten.
        extra_sections: Tables to add before the browser.
    """
    write_page(path, "audit.html", **audit_fields(result, items, extra_sections))


def audit_fields(
    result: AuditResult, items: Iterable[Item], extra_sections: Sequence[TableSection] = ()
) -> dict[str, Any]:
    """What the template of an audit shows, see `write_audit_report`; pages that hold an audit add to it."""
    sample = sample_items(list(items), result.spurious_below)
    ranked = [judge for judge in result.judges if judge.precision_by_rank]
    ranks = range(1, max((judge.precision_by_rank[-1].rank for judge in ranked), default=0) + 1)
    return {
        "result": result,
        "version": result.version,
        "findings": findings(result),
        "ranks": consistency_ranks(result),
        "added": extra_sections,
        "sample": sample,
        "data": embedded(sample, result),
        "wide": scatter(result.judges, 760, 470),
        "narrow": scatter(result.judges, 360, 380),
        "lengths": [_by_length(judge) for judge in result.judges if any(row.n for row in judge.by_length)],
        "rank_charts": [
            (judge.judge, rank_chart(judge.precision_by_rank, judge.judge, len(ranks))) for judge in ranked
        ],
        "rank_columns": [Column("judge", numeric=False), *(Column(f"rank {rank}") for rank in ranks)],
        "rank_rows": [[judge.judge, *_at_ranks(judge, ranks)] for judge in ranked],
        "with_outcomes": [
            j for j in result.judges if known(j.consistency_right.value) or known(j.consistency_wrong.value)
        ],
        "domains": sorted({domain for judge in result.judges for domain in judge.by_domain}),
    }


def _at_ranks(judge: JudgeResult, ranks: Iterable[int]) -> list[RankPrecision | None]:
    by_rank = {each.rank: each for each in judge.precision_by_rank}
    return [by_rank.get(rank) for rank in ranks]


def _by_length(judge: JudgeResult) -> tuple[JudgeResult, LengthRow | None, LengthRow | None, float | None]:
    """The judge, its rows where the longer and the shorter response is better, and how often it chose the longer one."""
    chosen = [(row.n, row.chose_longer) for row in judge.by_length if row.n and known(row.chose_longer)]
    pairs = sum(n for n, _ in chosen)
    by = {row.longer_is_better: row for row in judge.by_length}
    return judge, by.get(True), by.get(False), sum(n * share for n, share in chosen) / pairs if pairs else None
