"""Arena-Hard: compare a model's answers with a baseline's, judged here or elsewhere."""

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

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
from rightly.data.load import open_rows
from rightly.errors import InputError
from rightly.inference.book import LEDGER
from rightly.inference.run_now import in_one_go
from rightly.jobs.asking import ask_judges
from rightly.jobs.config import AnyJudge, AskingConfig, Config, Flag
from rightly.jobs.events import SILENT, Events
from rightly.store.run_folder import RunFolder
from rightly.types import content_key

Style = Literal["tokens", "headers", "lists", "bold"]


class ArenaConfig(AskingConfig):
    """Configuration of an Arena-Hard run: answers, baselines and judge."""

    answers: Annotated[str, Flag(metavar="FILE")]
    """File with the model's answers (model_answer/*.jsonl)."""
    baselines: Annotated[tuple[str, ...], Flag("--baseline", metavar="FILE")]
    """File with a baseline's answers; repeat if categories have different baselines."""
    questions: Annotated[str | None, Flag(metavar="FILE")] = None
    """File question.jsonl, for the categories."""
    judges: Annotated[tuple[AnyJudge, ...], Flag("--judge", metavar="SPEC")]
    """Spec of the judge; for several, use a panel: panel:SPEC+SPEC."""
    limit: Annotated[int | None, Field(ge=1), Flag(metavar="N")] = None
    """Judge only the first N questions."""
    features: Annotated[tuple[Style, ...], Flag("--control")] = ()
    """Style feature to control for; repeat for several. Default: all four."""


class StoredArenaConfig(Config):
    """Configuration for scoring stored Arena-Hard judgments."""

    judgments: Annotated[str, Flag(positional=True)]
    """Upstream judgment file (model_judgment/JUDGE/MODEL.jsonl)."""
    answers: Annotated[str | None, Flag(metavar="FILE")] = None
    """File with the model's answers, for style control."""
    baselines: Annotated[tuple[str, ...], Flag("--baseline", metavar="FILE")] = ()
    """File with a baseline's answers, for style control; repeat for several."""
    features: Annotated[tuple[Style, ...], Flag("--control")] = ()
    """Style feature to control for; repeat for several. Default: all four."""
    seed: int = 0
    """Seed for upstream's bootstrap interval."""


async def arun(config: ArenaConfig, events: Events = SILENT) -> ArenaResult:
    """Make the missing judgments and score all of them; writes ``judgments.jsonl`` and ``arena.json``.

    Raises:
        InputError: Files or specs are not usable, or no question is answered by both.
        BudgetExceededError: The next call does not fit the budget; finished work is kept.
        EndpointError: No request of the judge was answered.
    """
    if len(config.judges) != 1:
        raise InputError(f"{len(config.judges)} judges, expected one", fix="use a panel: panel:SPEC+SPEC")
    model, baselines = read_answers(config.answers), [read_answers(name) for name in config.baselines]
    categories = {} if config.questions is None else _categories(config.questions)
    pairs = list(islice(arena_pairs(model, baselines, categories), config.limit))
    if not pairs:
        raise InputError("no question is answered by both", where=config.answers)
    judge = config.judges[0] if isinstance(config.judges[0], str) else config.judges[0].name
    identity = {
        "verb": "arena",
        "pairs": content_key([pair.content_key for pair in pairs]),
        "judge": judge,
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
    (said,) = await ask_judges(config, [(each, pairs) for each in config.judges], folder, events)
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
    notes = [f"judged by {judge} with Rightly's prompt, not upstream's: not an official Arena-Hard score"]
    result = ArenaResult(rows=tuple(rows), notes=(*notes, *_counted(model, baselines)))
    folder.write("arena.json", result)
    return result


run = in_one_go(arun)


def run_stored(config: StoredArenaConfig) -> ArenaResult:
    """Score an upstream judgment file.

    Raises:
        InputError: A file is not usable, or a file for style control is missing.
    """
    judgments, answers, baselines = config.judgments, config.answers, config.baselines
    battles, left_out, model, baseline = read_judgments(judgments)
    if (answers is None) != (not baselines):
        raise InputError("style control needs both --answers and --baseline")
    styles, notes = None, []
    if answers is not None:
        own, others = read_answers(answers), [read_answers(name) for name in baselines]
        styles = _styles(own, others)
        missing = next((battle.uid for battle in battles if battle.uid not in styles), None)
        if missing is not None:
            raise InputError(f"question {missing!r} has a judgment, but not both answers", where=answers)
        notes = _counted(own, others)
    rows = arena_score(battles, left_out, model, baseline, styles, features=config.features or STYLES, seed=config.seed)
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
