"""The report of an audit: one self-contained HTML file."""

import random
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from rightly.rationale.result import AuditResult, Item
from rightly.reports.figures import rank_chart, scatter
from rightly.reports.findings import findings
from rightly.reports.markup import TableSection, embedded_json, notes, section, text
from rightly.reports.tables import (
    conventions_table,
    domain_table,
    judges_table,
    length_table,
    position_table,
    tests_table,
)

MOST_ITEMS = 2000
"""More pairs than this make a page that browsers open slowly."""

_METHODS = (
    "Rationale consistency (RC): a matcher links human points R with the judge's reasons S by scores s between 0 and 1; "
    "RC = max over one-to-one matchings of the sum of s, divided by |R|, averaged over pairs and orders. "
    "Outcome Accuracy is Not Enough: Aligning the Reasoning Process of Reward Models (2026).",
    "Precision divides the same sum by |S|. AP = sum over matched ranks k of (matched among the first k) / k, divided by |R|.",
    "Consistency measures agreement with what these people wrote down: a correct reason that nobody wrote counts as a miss.",
    "A pair counts as right if its two orders together speak for the label (right +1, wrong -1, else 0).",
)


def write_audit_report(
    result: AuditResult, items: Sequence[Item], path: Path, extra_sections: Sequence[TableSection] = ()
) -> None:
    """Write the page.

    Args:
        result: The numbers.
        items: The pairs for the browser of items; of more than `MOST_ITEMS` a sample is shown.
        path: The file.
        extra_sections: Further tables, after those on judges.
    """
    body = "".join(
        [
            _head(result),
            _says(result),
            section("Judges", judges_table(result), anchor="judges"),
            *(extra.html() for extra in extra_sections),
            section(
                "Right, and for which reasons",
                scatter(result.judges),
                intro="Up: how often the verdict is right. Right: how many of the human reasons the judge gives. Crosses are "
                "95% intervals.",
            ),
            section("The same records by other conventions", conventions_table(result.judges)),
            section("Place in the list", rank_chart(result.judges), intro=_RANKS),
            section("Position", position_table(result.judges)),
            section("Length", length_table(result.judges)),
            _domains(result),
            section("Judge against judge", tests_table(result)),
            _browser(result, items),
            section("Methods", notes([*_METHODS, *result.notes])),
        ]
    )
    page = _asset("audit.html")
    for field, value in (
        ("title", text(f"Audit of {result.source}")),
        ("css", _asset("report.css")),
        ("js", _asset("report.js")),
    ):
        page = page.replace(f"<!--{field}-->", value)
    # The body comes last and is not read again: what judges wrote cannot fill a field.
    before, after = page.split("<!--body-->")
    path.write_text(before + body + after, encoding="utf-8")


_RANKS = (
    "Mean matched score of the reason at each place: a judge that puts its best reasons first falls from left to right."
)


def _head(result: AuditResult) -> str:
    facts = [
        f"{result.n_pairs:,} pairs",
        f"{result.n_labelled:,} with a side for a label",
        f"{result.n_with_rationales:,} with human reasons",
        f"{result.n_points:,} human points ({'as given' if result.atomiser == 'given' else 'split by ' + result.atomiser})",
        f"lists cut to {result.max_reasons}",
        f"matcher {result.matcher}",
    ]
    if result.human_agreement is not None:
        facts.append(f"people agree with alpha {result.human_agreement:.2f}")
    if result.agreement is not None:
        facts.append(f"judges with alpha {result.agreement:.2f}")
    listed = "".join(f"<li>{text(fact)}</li>" for fact in facts)
    return (
        f"<header><p class='kicker'>Rightly {text(result.version)} · audit of judges</p>"
        f"<h1>{text(result.source)}</h1><ul class='facts'>{listed}</ul></header>"
    )


def _says(result: AuditResult) -> str:
    said = "".join(f"<li>{text(sentence)}</li>" for sentence in findings(result))
    reliability = ""
    if result.reliability or result.matcher_smoke_only:
        css = "reliability warn" if result.matcher_smoke_only else "reliability"
        title = (
            "Smoke matcher: these consistency figures measure nothing"
            if result.matcher_smoke_only
            else "How far to trust the matcher"
        )
        reliability = f"<aside class='{css}'><h3>{text(title)}</h3>{notes(result.reliability)}</aside>"
    return f"<section class='says'><h2>What this says</h2><ul>{said}</ul>{reliability}</section>"


def _domains(result: AuditResult) -> str:
    shown = domain_table(result.judges)
    return section("Domains", shown) if shown else ""


def _browser(result: AuditResult, items: Sequence[Item]) -> str:
    shown = _sample(items, result.spurious_below)
    cut = (
        f" Shown: {len(shown):,} of {len(items):,}, right for the wrong reasons first."
        if len(shown) < len(items)
        else ""
    )
    intro = f"Every pair with both responses, what people wrote, what the judge wrote, and the links between them.{cut}"
    frame = _asset("browser.html")
    data = f'<script type="application/json" id="items">{embedded_json(shown)}</script>'
    settings = f'<div id="settings" data-spurious-below="{result.spurious_below}"></div>'
    return section("Pair by pair", frame + settings + data, intro=intro, anchor="items-section")


def _sample(items: Sequence[Item], spurious_below: float) -> list[Item]:
    """All items, or the spurious ones and a seeded draw of the others, in their order."""
    if len(items) <= MOST_ITEMS:
        return list(items)
    order = list(range(len(items)))
    random.Random(0).shuffle(order)
    order.sort(key=lambda i: not _is_spurious(items[i], spurious_below))
    return [items[i] for i in sorted(order[:MOST_ITEMS])]


def _is_spurious(item: Item, spurious_below: float) -> bool:
    values = ((judgment.right, judgment.metrics.get("consistency")) for judgment in item.judgments)
    return any(right and value is not None and value < spurious_below for right, value in values)


def _asset(name: str) -> str:
    return resources.files("rightly.reports").joinpath("assets", name).read_text(encoding="utf-8")
