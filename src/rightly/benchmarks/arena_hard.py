"""Arena-Hard (Li et al., 2024; v2.0, 2025): a model's answers against a baseline's, two games a question, style controlled.

In game 0 the baseline is A, in game 1 the model. A strong verdict (``A>>B``) counts three times, a tie one half. A question of
which either game has no verdict is left out, as upstream. Upstream takes the copies and the two games of a question for
independent in its bootstrap; here the question is the unit (`rightly.metrics.clustered`), and upstream's interval stands
beside it under its name.

Style control: a logistic (Bradley-Terry) fit with features of style, scaled: ``(m - b) / (m + b)`` of the tokens, and for
headers, lists and bold text, as densities per token ``d``, ``(d_m - d_b) / (d_m + d_b + 1)``; the win rate is where all are 0.
Upstream also centres them on the mean over all models that it ranks, so that its win rate is at that mean's style, not at
equal style; with one model, centring would control nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rightly.data.fields import Row, number, text
from rightly.data.load import Rows, open_rows
from rightly.errors import InputError
from rightly.metrics.bradley_terry import bradley_terry
from rightly.metrics.clustered import clustered_mean
from rightly.types import Frozen, Judgment, Message, PreferencePair

BASELINES = {
    "hard_prompt": "o3-mini-2025-01-31",
    "creative_writing": "gemini-2.0-flash-001",
    "arena-hard-v0.1": "gpt-4-0314",
}
"""Category to the baseline that upstream compares with."""

STYLES = ("tokens", "headers", "lists", "bold")
STRONG = 3
DRAWS = 1000

_FENCED = re.compile(r"```[^`]*```", re.DOTALL)
_LABELS = {"A>>B": (1.0, STRONG), "A>B": (1.0, 1), "A=B": (0.5, 1), "B=A": (0.5, 1), "B>A": (0.0, 1), "B>>A": (0.0, STRONG),
           "A<<B": (0.0, STRONG), "A<B": (0.0, 1), "B<A": (1.0, 1), "B<<A": (1.0, STRONG)}  # fmt: skip


class ArenaAnswer(Frozen):
    """One answer.

    Attributes:
        uid: The question.
        model: Name of the answering model.
        prompt: The question's text.
        answer: The answer's text.
        style: Counts of `STYLES`.
        counted: Whether tokens are upstream's count; otherwise words stand for them.
    """

    uid: str
    model: str
    prompt: str
    answer: str
    style: tuple[float, float, float, float]
    counted: bool


class Battle(Frozen):
    """One verdict from the model's side.

    Attributes:
        uid: The question.
        category: Category of the question.
        value: 1 where the model won, 0.5 for a tie, 0 where the baseline did.
        copies: Number of times that it counts.
    """

    uid: str
    category: str
    value: float
    copies: int = 1


class ArenaRow(Frozen):
    """The score of one category.

    Attributes:
        category: Name of the category; ``all`` for all of them.
        model: Name of the judged model.
        baseline: Against whom.
        n: Questions with both games.
        n_left_out: Questions that lack a verdict.
        score: Share of won battles, ties half.
        low: Lower end of its 95% interval over questions; ``None`` for one question.
        high: Upper end.
        upstream_low: Lower end of upstream's 90% interval, which takes the copies and games of a question for independent.
        upstream_high: Upper end.
        controlled: Win rate with style controlled; ``None`` where it has no finite fit.
        controlled_low: Lower end of its 95% interval, clustered by question.
        controlled_high: Upper end.
        coefficients: Coefficients of the style features, by name.
    """

    category: str
    model: str
    baseline: str
    n: int
    n_left_out: int
    score: float
    low: float | None
    high: float | None
    upstream_low: float
    upstream_high: float
    controlled: float | None = None
    controlled_low: float | None = None
    controlled_high: float | None = None
    coefficients: dict[str, float]


class ArenaResult(Frozen):
    """Scores by category, then of all questions."""

    rows: tuple[ArenaRow, ...]
    notes: tuple[str, ...] = ()


def read_answers(source: str) -> dict[str, ArenaAnswer]:
    """The answers of one model, by question.

    Raises:
        InputError: A row is no answer, or a question is answered twice; names file and row.
    """
    found: dict[str, ArenaAnswer] = {}

    def answers(rows: Rows) -> Iterator[ArenaAnswer]:
        for row in rows:
            answer = _answer(row)
            if answer.uid in found:
                raise InputError(f"question {answer.uid!r} is answered twice")
            yield answer

    for answer in open_rows(source).converted(answers):
        found[answer.uid] = answer
    if len({answer.model for answer in found.values()}) != 1:
        names = ", ".join(sorted({answer.model for answer in found.values()})[:5]) or "none"
        raise InputError(f"holds answers of {names}, expected one model", where=source)
    return found


def _answer(row: Row) -> ArenaAnswer:
    messages = row.get("messages")
    if not isinstance(messages, list) or len(messages) < 2:
        raise InputError("messages are no question and answer", fix="give a model_answer file of Arena-Hard")
    content = messages[-1].get("content")
    said = content.get("answer") if isinstance(content, Mapping) else content
    if not isinstance(said, str):
        raise InputError(f"the answer is {said!r}, expected text")
    counts = row.get("metadata")
    style = _stored_style(counts) if isinstance(counts, Mapping) else style_counts(said)
    prompt = messages[0].get("content")
    return ArenaAnswer(
        uid=text(row, "uid"),
        model=text(row, "model"),
        prompt=prompt if isinstance(prompt, str) else str(prompt),
        answer=said,
        style=style,
        counted=isinstance(counts, Mapping),
    )


def _stored_style(counts: Mapping[str, Any]) -> tuple[float, float, float, float]:
    groups = [counts.get(name) or {} for name in ("header_count", "list_count", "bold_count")]
    headers, lists, bold = (float(sum(group.values())) for group in groups)
    return float(counts["token_len"]), headers, lists, bold


def style_counts(answer: str) -> tuple[float, float, float, float]:
    """Words (for tokens), headers, list items and bold spans, fenced code left out, as upstream counts Markdown."""
    plain = _FENCED.sub("", answer)
    headers = len(re.findall(r"^#{1,6}\s", plain, re.MULTILINE))
    lists = len(re.findall(r"^\s*\d+\.\s", plain, re.MULTILINE)) + len(re.findall(r"^\s*[-*+]\s", plain, re.MULTILINE))
    bold = len(re.findall(r"\*\*[^*\n]+\*\*", plain)) + len(re.findall(r"__[^_\n]+__", plain))
    return float(len(answer.split())), float(headers), float(lists), float(bold)


def arena_pairs(
    answers: Mapping[str, ArenaAnswer], baselines: Sequence[Mapping[str, ArenaAnswer]], categories: Mapping[str, str]
) -> list[PreferencePair]:
    """Baseline (A) and model (B) for every question that both answer; shown in both orders these are games 0 and 1.

    Args:
        answers: Answers of the model.
        baselines: Answers of the baselines; of several, the one that upstream uses for the question's category.
        categories: Category of each question.
    """
    by_name = {next(iter(each.values())).model: each for each in baselines if each}
    pairs = []
    for uid, answer in answers.items():
        category = categories.get(uid, "all")
        named = by_name.get(BASELINES.get(category, ""))
        found = named if named is not None else next(iter(by_name.values())) if len(by_name) == 1 else None
        if found is None:
            raise InputError(
                f"no baseline for category {category!r}", fix=f"add the answers of {BASELINES.get(category)}"
            )
        if uid in found:
            message = Message(role="user", content=answer.prompt)
            responses = (found[uid].answer, answer.answer)
            pairs.append(PreferencePair(id=uid, context=(message,), responses=responses, domain=category))
    return pairs


def battles_of(judgments: Iterable[Judgment], categories: Mapping[str, str]) -> tuple[list[Battle], int]:
    """Battles from verdicts on `arena_pairs`, never strong ones, and how many questions are left out for want of one.

    Where no judgment is in the swapped order, order plays no part for the judge, and its verdict stands for both games.
    """
    games: dict[str, dict[str, float | None]] = {}
    values = {"A": 0.0, "tie": 0.5, "B": 1.0, None: None}
    for judgment in judgments:
        games.setdefault(judgment.pair_id, {})[judgment.order] = values[judgment.verdict]
    second = "BA" if any("BA" in found for found in games.values()) else "AB"
    battles: list[Battle] = []
    for uid, found in games.items():
        both = [value for value in (found.get("AB"), found.get(second)) if value is not None]
        if len(both) == 2:
            battles += [Battle(uid=uid, category=categories.get(uid, "all"), value=value) for value in both]
    return battles, len(games) - len({battle.uid for battle in battles})


def read_judgments(source: str) -> tuple[list[Battle], int, str, str]:
    """An upstream judgment file: battles, questions left out, model, baselines.

    Of a question that is there several times the last row with both games counts. Annotations of AlpacaEval are read too:
    ``preference`` from 1 (``generator_1``, the baseline) to 2 (``generator_2``), 0 (as it once was) and 1.5 for a tie.

    Raises:
        InputError: A row is no judgment; names file and row.
    """
    rows: dict[str, tuple[str, list[Battle]]] = {}
    models: set[str] = set()
    baselines: dict[str, None] = {}

    def read(found: Rows) -> Iterator[None]:
        for row in found:
            annotated = "preference" in row
            uid = text(row, "instruction" if annotated else "uid")
            category = str(row.get("category") or "all")
            models.add(text(row, "generator_2" if annotated else "model"))
            baseline = row.get("generator_1" if annotated else "baseline")
            baselines[str(baseline or BASELINES.get(category, "baseline"))] = None
            battles = _annotation(row, uid, category) if annotated else _games(row, uid, category)
            if battles or uid not in rows:
                rows[uid] = (category, battles)
            yield

    for _ in open_rows(source).converted(read):
        pass
    if len(models) != 1:
        raise InputError(f"holds judgments of {len(models)} models, expected one", where=source)
    battles = [battle for _, own in rows.values() for battle in own]
    return battles, sum(not own for _, own in rows.values()), models.pop(), ", ".join(baselines)


def _annotation(row: Row, uid: str, category: str) -> list[Battle]:
    preference = number(row, "preference", 0, 2)
    if preference is None:
        return []
    if 0 < preference < 1:
        raise InputError(f"preference is {preference:g}, expected 0 or 1 to 2")
    return [Battle(uid=uid, category=category, value=0.5 if preference == 0 else preference - 1)]


def _games(row: Row, uid: str, category: str) -> list[Battle]:
    games = row.get("games")
    if not isinstance(games, list) or len(games) != 2:
        raise InputError("games are no list of two", fix="give a model_judgment file of Arena-Hard")
    found = []
    for place, game in enumerate(games):
        label = None if game is None else game.get("score")
        if label is None:
            return []
        if label not in _LABELS:
            raise InputError(f"score {label!r} of game {place}, expected one of {', '.join(_LABELS)}")
        value, copies = _LABELS[label]
        found.append(Battle(uid=uid, category=category, value=1 - value if place == 0 else value, copies=copies))
    return found


def arena_score(
    battles: Sequence[Battle],
    n_left_out: int,
    model: str,
    baseline: str,
    styles: Mapping[str, NDArray[np.float64]] | None = None,
    *,
    features: Sequence[str] = STYLES,
    seed: int = 0,
) -> list[ArenaRow]:
    """Scores by category, then of all.

    Args:
        battles: Battles from the model's side.
        n_left_out: Questions without both verdicts.
        model: Name of the model.
        baseline: The name (or names) of what it is compared with.
        styles: Features of each question (`style_features`); ``None`` controls nothing.
        features: Style features to control for.
        seed: Seed for upstream's interval.
    """
    if not battles:
        raise InputError("no question has both verdicts", fix="a judge must be asked in both orders (orders=both)")
    categories = list(dict.fromkeys(battle.category for battle in battles))
    sets = [(name, [b for b in battles if b.category == name]) for name in categories]
    if len(categories) > 1:
        sets.append(("all", list(battles)))
    return [
        _row(
            name,
            own,
            n_left_out if len(categories) == 1 or name == "all" else 0,
            model,
            baseline,
            styles,
            features,
            seed,
        )
        for name, own in sets
    ]


def _row(
    category: str,
    battles: Sequence[Battle],
    n_left_out: int,
    model: str,
    baseline: str,
    styles: Mapping[str, NDArray[np.float64]] | None,
    features: Sequence[str],
    seed: int,
) -> ArenaRow:
    values = np.array([battle.value for battle in battles])
    copies = np.array([battle.copies for battle in battles], dtype=float)
    uids = [battle.uid for battle in battles]
    exploded, questions = (np.repeat(each, copies.astype(int)) for each in (values, uids))
    spread = clustered_mean(exploded, questions.tolist())
    # Where all battles are alike, a question counts once: its copies are not evidence of their own.
    low, high = replace(spread, n=spread.n_clusters).share_ends()
    random = np.random.default_rng(seed)
    # Upstream's own bootstrap, kept for its interval: copies and games are drawn as if they were independent.
    careless = np.quantile(exploded[random.integers(0, len(exploded), (DRAWS, len(exploded)))].mean(1), [0.05, 0.95])
    row = ArenaRow(
        category=category,
        model=model,
        baseline=baseline,
        n=spread.n_clusters,
        n_left_out=n_left_out,
        score=spread.value,
        low=None if np.isnan(low) else low,
        high=None if np.isnan(high) else high,
        upstream_low=float(careless[0]),
        upstream_high=float(careless[1]),
        coefficients={},
    )
    return row if styles is None else _controlled(row, values, copies, uids, styles, features)


def _controlled(
    row: ArenaRow,
    values: NDArray[np.float64],
    copies: NDArray[np.float64],
    uids: Sequence[str],
    styles: Mapping[str, NDArray[np.float64]],
    features: Sequence[str],
) -> ArenaRow:
    chosen = [STYLES.index(name) for name in features]
    x = np.array([styles[uid][chosen] for uid in uids])
    size = np.sqrt(np.average(x**2, axis=0, weights=copies))
    kept = size > 0
    x = x[:, kept] / size[kept]
    try:
        fit = bradley_terry(
            ["model"] * len(values), ["baseline"] * len(values), values, features=x, weights=copies, clusters=uids
        )
    except ValueError:
        return row
    rate, low, high = fit.win_rate("model", "baseline")
    names = [name for name, keep in zip(features, kept, strict=True) if keep]
    coefficients = dict(zip(names, fit.coefficients.tolist(), strict=True))
    return row.model_copy(
        update={"controlled": rate, "coefficients": coefficients}
        | ({} if np.isnan(low) else {"controlled_low": low, "controlled_high": high})
    )


def style_features(model: ArenaAnswer, baseline: ArenaAnswer) -> NDArray[np.float64]:
    """``(4,)`` in the order of `STYLES`, from the model's side, not yet normalised."""
    m, b = np.array(model.style), np.array(baseline.style)
    tokens = (m[0] - b[0]) / (m[0] + b[0]) if m[0] + b[0] else 0.0
    dense_m, dense_b = m[1:] / (m[0] + 1), b[1:] / (b[0] + 1)
    return np.array([tokens, *((dense_m - dense_b) / (dense_m + dense_b + 1))])
