"""The report of an audit: one HTML file that holds all it needs and asks for nothing from anywhere.

A content security policy in the page allows no request and only the page's own script, by its hash; whatever a model
or a person wrote is text in it. The page has no date: the same audit gives the same bytes.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rightly.auditing.result import AuditResult, Item
from rightly.prompting import fill
from rightly.reports.browser import Sample, embedded, sample_items
from rightly.reports.findings import consistency_ranks, findings
from rightly.reports.judge_table import judge_table
from rightly.reports.markup import Child, Html, join, tag
from rightly.reports.numbers import plural
from rightly.reports.page import asset, page
from rightly.reports.sections import (
    domains_section,
    failures_section,
    length_section,
    outcome_section,
    position_section,
    ranks_section,
    scatter_section,
    tests_section,
    variants_section,
)
from rightly.reports.tables import TableSection, added_table

SECTIONS = (
    ("scatter", "Accuracy against consistency", scatter_section),
    ("failures", "Failures", failures_section),
    ("position", "Order of presentation", position_section),
    ("length", "Length", length_section),
    ("ranks", "Precision by rank", ranks_section),
    ("variants", "How much one-to-one and ranks matter", variants_section),
    ("outcomes", "Consistency when right and when wrong", outcome_section),
    ("domains", "By domain", domains_section),
    ("tests", "Judges against each other", tests_section),
)
"""Anchor, heading and maker of each part after the table of judges; a part without anything to show is left out."""


def write_audit_report(
    result: AuditResult, items: Iterable[Item], path: Path, extra_sections: Sequence[TableSection] = ()
) -> None:
    """Write the report.

    Args:
        result: The audit.
        items: Its pairs, for the browser; more than `browser.MAX_ITEMS` are sampled, and the page says so.
        path: The ``.html`` file; overwritten.
        extra_sections: Tables to add before the browser.
    """
    page = audit_page(result, sample_items(list(items), result.spurious_below), extra_sections)
    # Lone surrogates have no UTF-8; as character references they are shown as the replacement character.
    path.write_text(page, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")


def audit_page(result: AuditResult, sample: Sample, extra_sections: Sequence[TableSection] = ()) -> str:
    """The report as text."""
    made = [(anchor, title, make(result)) for anchor, title, make in SECTIONS]
    parts = [(anchor, title, body) for anchor, title, body in made if body]
    parts += [(f"added-{i}", section.title, added_table(section)) for i, section in enumerate(extra_sections, start=1)]
    anchors = [("judges", "Judges"), *((anchor, title) for anchor, title, _ in parts)]
    anchors += [("items", "Items")] if sample.items else []
    body = fill(
        asset("audit.html"),
        {
            "header": _header(result),
            "contents": tag(
                "ul", *(tag("li", tag("a", title, href=f"#{a}")) for a, title in [*anchors, ("methods", "Methods")])
            ),
            "judges": judge_table(result),
            "sections": join(_section(*part) for part in parts),
            "browser": _browser(sample),
            "methods": _methods(result),
            "version": join([result.version]),
            "items": embedded(sample, result) if sample.items else "null",
        },
    )
    return page(f"Audit of judges: {result.source}", body, styles=("report.css",), script="report.js")


def _header(result: AuditResult) -> Html:
    said = tag("ul", *(tag("li", sentence) for sentence in findings(result)), class_="findings")
    ranks = consistency_ranks(result)
    beside = join(
        [
            _reliability(result) if ranks else None,
            tag("ul", *(tag("li", note) for note in result.notes), class_="notes") if result.notes else None,
        ]
    )
    return join(
        [
            tag("p", "Rightly · audit of judges", class_="eyebrow"),
            tag("h1", tag("bdi", result.source)),
            _provenance(result),
            None if ranks else _banner(result),
            tag("h2", "What this says", id="findings"),
            tag("div", said, tag("aside", beside) if beside else None, class_="summary"),
        ]
    )


def _provenance(result: AuditResult) -> Html:
    facts = [
        plural(result.n_pairs, "pair"),
        f"{result.n_labelled:,} labelled",
        f"{result.n_with_rationales:,} with human reasons",
        plural(result.n_points, "human point"),
    ]
    given = "human points as given" if result.atomiser == "given" else f"human reasons split by {result.atomiser}"
    return tag(
        "p",
        f"{', '.join(facts)}. {given[0].upper()}{given[1:]}. Reasons matched by {result.matcher}. Rightly {result.version}.",
        class_="provenance",
    )


def _banner(result: AuditResult) -> Html:
    """What readers must know before they see a figure of consistency."""
    head, told = (
        (
            "The matcher here is for smoke runs.",
            f" {result.matcher} cannot judge whether two reasons say the same; consistency on this page shows only that "
            "the pipeline runs.",
        )
        if result.matcher_smoke_only
        else (
            "The matcher here carries no ranking.",
            f" {result.matcher} agrees too little with people on which reasons say the same; consistency on this page "
            "does not tell better judges from worse.",
        )
    )
    return tag(
        "aside",
        tag("strong", head),
        told,
        *(tag("p", line) for line in result.reliability),
        class_="banner",
        role="note",
    )


def _reliability(result: AuditResult) -> Html:
    lines: Sequence[Child] = result.reliability or ("Not measured; run rightly matcher-check.",)
    return tag(
        "div",
        tag("h3", f"How reliable the matcher is ({result.matcher})"),
        *(tag("p", line) for line in lines),
        class_="reliability",
    )


def _section(anchor: str, title: str, body: Html) -> Html:
    return tag("section", tag("h2", title), body, id=anchor)


def _browser(sample: Sample) -> str:
    if not sample.items:
        return tag("section", tag("h2", "Items"), tag("p", "No item was recorded.", class_="empty"), id="items")
    kept = len(sample.items)
    note = (
        f"All {sample.total:,} pairs."
        if kept == sample.total
        else f"{kept:,} of {sample.total:,} pairs: those that some judge has right below the threshold first, then the "
        "other kinds in turn, drawn at random with a fixed seed. All pairs are in items.jsonl."
    )
    return fill(asset("browser.html"), {"note": join([note])})


def _methods(result: AuditResult) -> str:
    fields = {"spurious_below": f"{result.spurious_below:g}", "max_reasons": str(result.max_reasons)}
    return fill(asset("methods.html"), {name: join([value]) for name, value in fields.items()})
