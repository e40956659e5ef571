"""The report of preference strength: distribution, deciles, conflicts, and suspected labels to review, in one HTML file."""

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rightly.preferences.effect import RepairEffect
from rightly.preferences.pair_classes import CLASSES, Diagnosis
from rightly.prompting import fill
from rightly.reports.markup import Html, join, tag
from rightly.reports.numbers import NONE, decimal, percent
from rightly.reports.page import asset, page
from rightly.reports.strength_words import ratio, strength_sentences
from rightly.reports.tables import Column, data_table, text
from rightly.types import PreferencePair
from rightly.version import __version__

MAX_SUSPECTS = 200
MAX_CONFLICTS = 100
_HISTOGRAM = 48
_SHARED = 0.3
"""Below this likeness nearly every word differs, and marks would say nothing."""


def write_strength_report(folder: Path, summary: dict[str, Any], load: Callable[[], Iterable[PreferencePair]]) -> None:
    """Write ``report.html`` beside the table.

    Args:
        folder: Holds ``strength.parquet``.
        summary: What ``strength.json`` holds.
        load: Gives the pairs; gives none where only scores were diagnosed, and then no texts are shown.
    """
    import pyarrow.parquet as pq

    found = Diagnosis.model_validate(summary["diagnosis"])
    table = folder / "strength.parquet"
    worst = _worst(table)
    body = fill(
        asset("strength.html"),
        {
            "header": _header(summary, found),
            "sections": join(
                _sections(summary, found, pq.read_table(table, columns=["strength"])["strength"].to_numpy())
            ),
            "note": _note(found, len(worst)),
            "suspects": join(_suspects(worst, load)),
            "version": __version__,
        },
    )
    title = f"Preference strength: {summary['config']['pairs'] or summary['config']['scores']}"
    report = page(title, body, styles=("report.css", "strength.css"), script="strength.js")
    (folder / "report.html").write_text(report, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")


def _worst(path: Path) -> dict[str, tuple[float, float, float]]:
    """Strength, standard deviation and probability of the suspects least likely to be labelled right, by id, worst first."""
    import pyarrow.parquet as pq

    kept: list[tuple[float, float, float, str]] = []
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["probability", "strength", "std", "id", "class"]):
            suspected = np.flatnonzero(np.array(batch.column(4).to_pylist()) == "suspect")
            probability = batch.column(0).to_numpy(zero_copy_only=False)
            few = suspected[np.argsort(probability[suspected], kind="stable")[:MAX_SUSPECTS]]
            rows = batch.select(range(4)).take(few)
            kept += zip(*(column.to_pylist() for column in rows.columns), strict=True)
            kept = sorted(kept)[:MAX_SUSPECTS]
    return {str(i): (s, d, q) for q, s, d, i in kept}


def _header(summary: dict[str, Any], found: Diagnosis) -> Html:
    config = summary["config"]
    said = strength_sentences(found)
    artefacts = found.artefacts
    if artefacts.longer_wins is not None:
        suspected = ""
        if artefacts.longer_wins_suspected is not None:
            suspected = f", and in {percent(artefacts.longer_wins_suspected)} of the suspects"
        said.append(
            f"The longer response is labelled better in {percent(artefacts.longer_wins)} of all pairs{suspected}; strength "
            f"correlates with the surplus in length by {decimal(artefacts.length_strength, 2)}."
        )
    if artefacts.first_wins is not None:
        said.append(f"The first response is labelled better in {percent(artefacts.first_wins)} of the pairs.")
    warning = None
    if summary["held_out"] is False:
        warning = tag(
            "aside",
            tag("strong", "Strength here is in-sample."),
            " The models were trained on these labels, so wrong ones look right; figures are too low.",
            class_="banner",
            role="note",
        )
    source = config["pairs"] or config["scores"]
    held = " No model scored a pair that it trained on." if summary["held_out"] else ""
    return join(
        [
            tag("p", "Rightly · preference strength", class_="eyebrow"),
            tag("h1", tag("bdi", str(source))),
            tag("p", f"{found.n:,} labelled pairs, {len(summary['models'])} reward models.{held}", class_="provenance"),
            warning,
            tag("h2", "What this says"),
            tag("ul", *(tag("li", each) for each in said), class_="findings"),
        ]
    )


def _sections(summary: dict[str, Any], found: Diagnosis, strength: np.ndarray) -> Iterable[Html]:
    rules = [[name, f"{found.counts[name]:,}", found.rule.sentences[name]] for name in CLASSES]
    yield tag(
        "section",
        tag("h2", "Distribution"),
        histogram(strength),
        tag("p", "Strength: the labelled response's reward minus the other's, in units of each model's typical "
                 f"difference, mean over {len(summary['models'])} models. {percent(found.negative)} lie below 0: there the "
                 "models contradict the label."),
        _table("Class", ("Pairs",), rules, said="Rule"),
        id="distribution",
    )  # fmt: skip
    yield tag("section", tag("h2", "By strength"), _curve(found), _deciles(found), _agreement(summary), id="deciles")
    yield tag("section", tag("h2", "What a repair would do"), *_presets(summary), id="repair")
    if summary["conflict_counts"]:
        yield tag("section", tag("h2", "Contradictions"), *_conflicts(summary), id="conflicts")


def _table(kind: str, figures: Sequence[str], rows: Sequence[Sequence[str]], said: str | None = None) -> Html:
    """Rows by ``kind``, then figures, then what is said in words."""
    columns = [Column(kind, numeric=False), *map(Column, figures), *([Column(said, numeric=False)] if said else [])]
    return data_table(columns, [[text(cell) for cell in row] for row in rows])


def _deciles(found: Diagnosis) -> Html:
    rows = [
        (
            f"{place} ({each.weakest:+.2f} to {each.strongest:+.2f})",
            f"{each.n:,}",
            NONE if each.people is None else ratio(each.people.right, each.people.low, each.people.high),
            NONE if each.people is None else f"{each.people.n:,}",
            ratio(*each.right),
            decimal(each.std, 2),
        )
        for place, each in enumerate(found.deciles, start=1)
    ]
    heads = ("Pairs", "Right, by people", "Known", "Right, estimated", "Spread")
    said = ["Intervals are 95%."]
    if found.quality.basis != "people":
        said.append(
            "The interval of the estimate holds without its assumptions; by margins alone any label may be right."
        )
    if found.votes_correlation is not None:
        said.append(f"Strength correlates with what people said by {decimal(found.votes_correlation, 2)} (Spearman).")
    return join([_table("Strength", heads, rows), tag("p", " ".join(said))])


def _agreement(summary: dict[str, Any]) -> Html | None:
    values = summary["agreement"]
    if len(values) < 2:
        return None
    said = ", ".join(f"{n} {decimal(value, 2)}" for n, value in enumerate(values[:-1], start=1))
    return tag("p", f"Smaller ensembles against all {len(values)} models (Spearman): {said}.")


def _presets(summary: dict[str, Any]) -> Iterable[Html]:
    """Each preset's effect."""
    rows = []
    for preset, effect in summary["effects"].items():
        found = RepairEffect.model_validate(effect)
        rows.append(
            (
                preset,
                f"{found.flipped.n:,}",
                f"{found.dropped.n:,}",
                str(found.flipped if found.flipped.n else found.dropped)
                if found.flipped.n or found.dropped.n
                else NONE,
                found.change_text if found.flipped.n or found.dropped.n else "0",
                "--force-flip" if found.flips_may_harm else "",
            )
        )
    heads = ("Flipped", "Left out", "Wrong among these", "Wrong labels, after minus before")
    yield _table("Preset", heads, rows, said="Needs")
    yield tag(
        "p",
        "Numbers of labels, with 95% intervals. rightly repair --by PRESET does it, with an audit and a way back; its default "
        "is drop. It refuses to flip where the interval allows that flips add wrong labels. smooth, margin and weight "
        "change no label.",
    )


def _conflicts(summary: dict[str, Any]) -> Iterable[Html]:
    counts = summary["conflict_counts"]
    yield tag("p", ", ".join(f"{n:,} {kind}" for kind, n in sorted(counts.items())) + ".")
    shown = summary["conflicts"][:MAX_CONFLICTS]
    rows = [(each["kind"], ", ".join(each["ids"][:12])) for each in shown]
    total = sum(counts.values())
    yield tag("details", tag("summary", f"{len(shown):,} of {total:,}"), _table("Kind", (), rows, said="Pairs"))


def histogram(strength: np.ndarray) -> Html:
    """How many pairs have which strength; what lies beyond the outer 0.5% is counted in the last bar."""
    low, high = np.quantile(strength, [0.005, 0.995])
    edge = max(abs(low), abs(high)) or 1.0
    edges = np.linspace(-edge, edge, _HISTOGRAM + 1)
    counts, _ = np.histogram(np.clip(strength, -edge, edge), edges)
    width, height, bottom = 860, 210, 26
    step, tallest = width / _HISTOGRAM, max(int(counts.max()), 1)
    bars = [
        tag("rect", tag("title", f"{edges[i]:+.2f} to {edges[i + 1]:+.2f}: {count:,} pairs"),
            x=round(i * step + 0.5, 1), y=round((height - bottom) * (1 - count / tallest), 1),
            width=round(step - 1, 1), height=round((height - bottom) * count / tallest, 1),
            class_="wrong" if edges[i + 1] <= 1e-12 else "right")
        for i, count in enumerate(counts.tolist())
    ]  # fmt: skip
    marks = [
        tag("text", f"{value:+.1f}" if value else "0", x=round(width * (value / edge + 1) / 2, 1), y=height - 8,
            text_anchor="middle")
        for value in (-0.8 * edge, -0.4 * edge, 0.0, 0.4 * edge, 0.8 * edge)
    ]  # fmt: skip
    zero = tag("line", x1=width / 2, x2=width / 2, y1=0, y2=height - bottom, class_="zero")
    said = f"Histogram of strength; {float((strength < 0).mean()):.1%} of the pairs are below 0"
    return tag(
        "svg", *bars, zero, *marks, viewBox=f"0 0 {width} {height}", class_="histogram", role="img", aria_label=said
    )


def _curve(found: Diagnosis) -> Html:
    width, height, left, bottom = 640, 200, 34, 10

    def spot(place: int, value: float) -> str:
        x = left + 10 + place * (width - left - 20) / max(len(found.deciles) - 1, 1)
        return f"{x:.1f},{8 + (1 - value) * (height - bottom - 8):.1f}"

    grid = []
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = float(spot(0, value).partition(",")[2])
        grid.append(tag("line", x1=left, x2=width, y1=y, y2=y, class_="grid"))
        grid.append(tag("text", f"{value:g}", x=left - 6, y=y + 4, text_anchor="end"))
    ends = [(n, *each.right) for n, each in enumerate(found.deciles)]
    band = [spot(n, low) for n, _, low, _ in ends] + [spot(n, high) for n, _, _, high in reversed(ends)]
    lines = [tag("polygon", points=" ".join(band), class_="band")]
    lines.append(tag("polyline", points=" ".join(spot(n, value) for n, value, _, _ in ends), class_="model"))
    people = " ".join(spot(n, each.people.right) for n, each in enumerate(found.deciles) if each.people is not None)
    if people:
        lines.append(tag("polyline", points=people, class_="people"))
    told = "line: by what people said; " if people else ""
    told += "dashed: estimated share of right labels, with its 95% interval"
    drawn = tag("svg", *grid, *lines, viewBox=f"0 0 {width} {height}", class_="curve", role="img", aria_label=told)
    return tag("figure", drawn, tag("figcaption", f"By strength, weakest first ({told})."))


def _note(found: Diagnosis, shown: int) -> Html:
    if not shown:
        return tag("p", "No label is suspected.", class_="empty")
    suspects = found.counts["suspect"]
    which = (
        f"All {shown:,} suspects"
        if shown == suspects
        else f"The {shown:,} of {suspects:,} suspects least likely to be right"
    )
    return tag(
        "p",
        f"{which}, worst first. Where the two texts are alike, the words that differ are marked. Decide, export, and hand the "
        "file to rightly repair --decisions, or to rightly strength --trusted to narrow the intervals.",
    )


def _suspects(
    worst: dict[str, tuple[float, float, float]], load: Callable[[], Iterable[PreferencePair]]
) -> Iterable[Html]:
    if not worst:
        return
    pairs = {pair.id: pair for pair in load() if pair.id in worst}
    for name, (strength, std, probability) in worst.items():
        pair = pairs.get(name)
        if pair is not None and pair.label is not None:
            yield _suspect(pair, strength, std, probability)


def _suspect(pair: PreferencePair, strength: float, std: float, probability: float) -> Html:
    best = pair.choices.index(str(pair.label))
    other = 1 if best == 0 else 0
    labelled, rejected = marked(pair.responses[best], pair.responses[other])
    context = "\n\n".join(f"{message.role}: {message.content}" for message in pair.context)
    figures = f"strength {strength:+.2f} ± {std:.2f}, right with an estimated probability of {probability:.2f}"
    choices = [
        tag("label", tag("input", type="radio", name=pair.id, value=value, data_key=pair.content_key), f" {said}")
        for value, said in (
            (pair.choices[best], "label is right"),
            (pair.choices[other], "the other is better"),
            ("tie", "neither"),
        )
    ]
    return tag(
        "article",
        tag("h3", tag("bdi", pair.id), f": {figures}"),
        tag("p", context, class_="context", tabindex="0") if context else None,
        tag(
            "div",
            tag("div", tag("h4", f"{pair.choices[best]}: labelled better"), tag("p", labelled), class_="labelled"),
            tag("div", tag("h4", pair.choices[other]), tag("p", rejected), class_="other"),
            class_="sides",
        ),
        tag("fieldset", tag("legend", "Decision"), *choices, class_="choices"),
        class_="suspect",
    )


def marked(first: str, second: str) -> tuple[Html, Html]:
    """Both texts with the words marked that the other does not have at that place; unmarked where they share little."""
    one, two = re.findall(r"\S+\s*|\s+", first), re.findall(r"\S+\s*|\s+", second)
    matcher = difflib.SequenceMatcher(None, [w.strip() for w in one], [w.strip() for w in two], autojunk=False)
    if matcher.ratio() < _SHARED:
        return join([first]), join([second])
    left: list[Html | str] = []
    right: list[Html | str] = []
    for operation, a, b, c, d in matcher.get_opcodes():
        same = operation == "equal"
        for out, words in ((left, one[a:b]), (right, two[c:d])):
            if words:
                out.append("".join(words) if same else tag("mark", "".join(words)))
    return join(left), join(right)
