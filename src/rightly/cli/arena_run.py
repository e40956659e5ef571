"""The work behind ``rightly arena``."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from rightly.benchmarks.arena_hard import (
    STYLES,
    ArenaAnswer,
    ArenaResult,
    arena_pairs,
    arena_score,
    battles_of,
    read_answers,
    read_judgments,
    style_features,
)
from rightly.cli.asking import Asking, ask_judges
from rightly.data.load import open_rows
from rightly.errors import InputError
from rightly.inference.book import LEDGER
from rightly.store.run_folder import RunFolder
from rightly.types import content_key


class ArenaConfig(Asking):
    """What ``rightly arena judge`` does."""

    answers: str
    baselines: tuple[str, ...]
    questions: str | None = None
    judges: tuple[str, ...]
    limit: int | None = None
    features: tuple[str, ...] = ()


def judge_arena(config: ArenaConfig) -> ArenaResult:
    """Judge what is missing, score; writes ``judgments.jsonl`` and ``arena.json``."""
    if len(config.judges) != 1:
        raise InputError(f"{len(config.judges)} judges, expected one", fix="name a panel as one: panel:SPEC+SPEC")
    model, baselines = read_answers(config.answers), [read_answers(name) for name in config.baselines]
    categories = {} if config.questions is None else _categories(config.questions)
    pairs = list(islice(arena_pairs(model, baselines, categories), config.limit))
    if not pairs:
        raise InputError("no question is answered by both", where=config.answers)
    identity = {
        "verb": "arena",
        "pairs": content_key([pair.content_key for pair in pairs]),
        "judge": config.judges[0],
        "seed": config.seed,
        "max_reasons": config.max_reasons,
    }
    folder = RunFolder(
        config.out,
        identity,
        owns=("judgments.jsonl", "arena.json"),
        ledger=LEDGER,
        inputs=(config.answers, *config.baselines, *filter(None, [config.questions]), config.cache),
        fresh=not config.resume,
    )
    said = ask_judges(config, pairs, config.judges, folder)[config.judges[0]]
    battles, left_out = battles_of(said, {pair.id: pair.domain or "all" for pair in pairs})
    names = ", ".join(next(iter(each.values())).model for each in baselines)
    rows = arena_score(
        battles,
        left_out,
        next(iter(model.values())).model,
        names,
        _styles(model, baselines),
        features=config.features or STYLES,
        seed=config.seed,
    )
    notes = [f"judged by {config.judges[0]} with Rightly's prompt, not upstream's: not an official Arena-Hard score"]
    result = ArenaResult(rows=tuple(rows), notes=(*notes, *_counted(model, baselines)))
    folder.write("arena.json", result)
    return result


def show_arena(
    judgments: str, answers: str | None, baselines: Sequence[str], features: Sequence[str], seed: int
) -> ArenaResult:
    """Score an upstream judgment file."""
    battles, left_out, model, baseline = read_judgments(judgments)
    if (answers is None) != (not baselines):
        raise InputError("style control needs --answers and --baseline, both or neither")
    styles, notes = None, []
    if answers is not None:
        own, others = read_answers(answers), [read_answers(name) for name in baselines]
        styles = _styles(own, others)
        missing = next((battle.uid for battle in battles if battle.uid not in styles), None)
        if missing is not None:
            raise InputError(f"question {missing!r} is judged, and not answered by both", where=answers)
        notes = _counted(own, others)
    rows = arena_score(battles, left_out, model, baseline, styles, features=features or STYLES, seed=seed)
    return ArenaResult(rows=tuple(rows), notes=tuple(notes))


def _styles(
    model: dict[str, ArenaAnswer], baselines: Sequence[dict[str, ArenaAnswer]]
) -> dict[str, NDArray[np.float64]]:
    others = {uid: answer for each in baselines for uid, answer in each.items()}
    return {uid: style_features(answer, others[uid]) for uid, answer in model.items() if uid in others}


def _counted(model: dict[str, ArenaAnswer], baselines: Sequence[dict[str, ArenaAnswer]]) -> list[str]:
    answers = [answer for each in (model, *baselines) for answer in each.values()]
    return [] if all(answer.counted for answer in answers) else ["words stand for tokens where a file has no counts"]


def _categories(source: str) -> dict[str, str]:
    try:
        return {str(row["uid"]): str(row.get("category") or "all") for row in open_rows(source)}
    except KeyError as error:
        raise InputError(f"a row has no {error.args[0]}", where=source, fix="give question.jsonl") from None
