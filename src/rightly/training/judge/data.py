"""Training data of a generative reward model: pairs as prompts, human judgments of them, and a reward."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.judges.format import DEFAULT, Format, format_with_prompt, load_format
from rightly.judges.generative import write_answer
from rightly.matchers.base import Matcher
from rightly.rewards.grader import JudgmentReward
from rightly.rewards.integrations import reward_columns
from rightly.store.records import RecordFile
from rightly.synthetic.annotator import annotate
from rightly.synthetic.exact_matcher import ReviewsMatcher
from rightly.synthetic.reviews import CORRELATIONS, draw_pairs, exchange_style, read_stance
from rightly.synthetic.tiny_model import PROMPT
from rightly.training.judge.recipe import GenrmRecipe, JudgingData
from rightly.types import Choice, Frozen, Judgment, PreferencePair, Rationale, Turn, content_key

AUDIT_SEED = 1_000_003
"""Seed for a world's audit pairs, different from a recipe's own seed."""


class Demonstration(NamedTuple):
    """A judgment to imitate, in the names of the pair as shown."""

    pair: PreferencePair
    reasons: tuple[Rationale, ...]
    verdict: Choice


class PairCounts(Frozen):
    """Counts of used and excluded pairs, so that no exclusion is silent.

    Attributes:
        read: Number of pairs in the sources.
        used: Number of training pairs.
        unlabelled: Number of pairs excluded because they have no label, or a tie.
        without_reasons: Number of pairs excluded because they have no human reason.
        held_out: Number of pairs excluded because they are in a held-out set.
    """

    read: int = 0
    used: int = 0
    unlabelled: int = 0
    without_reasons: int = 0
    held_out: int = 0


@dataclass(frozen=True)
class JudgingTask:
    """A judging task, as used by both training stages and the audit.

    Attributes:
        train: Training pairs as shown: a hash of the pair decides which response is A, and reasons are renamed accordingly.
        counts: Counts of used and excluded pairs.
        audit: Named sets of pairs for the audit, as shown.
        restyled: Audit pairs in another style, by id.
        demonstrations: Judgments that the warm-up imitates.
        messages: Function that makes the prompt of a pair.
        write: Function that writes an answer.
        reward: Reward of an answer.
    """

    train: list[PreferencePair]
    counts: PairCounts
    audit: dict[str, list[PreferencePair]]
    restyled: dict[str, PreferencePair]
    demonstrations: Callable[[], Iterator[Demonstration]]
    messages: Callable[[PreferencePair], tuple[Turn, ...]]
    write: Callable[[Sequence[Rationale], Choice], str]
    reward: JudgmentReward

    def prompts(self) -> list[dict[str, Any]]:
        """Rows for a reinforcement learning trainer: prompt, id, and the columns of the reward."""
        return [
            {"prompt": [m.model_dump() for m in self.messages(pair)], "pair_id": pair.id, **reward_columns(pair)}
            for pair in self.train
        ]

    def imitations(self) -> list[dict[str, Any]]:
        """Rows for a supervised trainer: prompt and completion.

        Raises:
            InputError: No judgment to imitate is given.
        """
        rows = [
            {
                "prompt": [m.model_dump() for m in self.messages(shown.pair)],
                "completion": [{"role": "assistant", "content": self.write(shown.reasons, shown.verdict)}],
            }
            for shown in self.demonstrations()
        ]
        if not rows:
            raise InputError(
                "no judgment to imitate", where="[warmup]", fix="give pairs with reasons, or right judgments"
            )
        return rows


def judging_task(recipe: GenrmRecipe, cache: Path | None = None) -> JudgingTask:
    """Build the task of a recipe.

    Args:
        recipe: Recipe with ``[data]`` or ``[world]``.
        cache: File of the matcher's answer cache.

    Raises:
        InputError: A source is unusable, or no pair remains.
    """
    return _real_task(recipe, recipe.data, cache) if recipe.data is not None else _world_task(recipe)


def shown(pair: PreferencePair) -> PreferencePair:
    """The pair in an order drawn by a hash of its id: half of all pairs are swapped, with their reasons and labels."""
    return pair.in_order("AB" if int(content_key(["shown", pair.id])[:8], 16) % 2 == 0 else "BA")


def _real_task(recipe: GenrmRecipe, data: JudgingData, cache: Path | None) -> JudgingTask:
    held = {pair.content_key for source in data.held_out for pair in load_pairs(source)}
    audit = _audit_pairs(recipe, data)
    held |= {key for pair in audit for key in (pair.content_key, pair.swap().content_key)}
    sources = (pair for source in data.train for pair in load_pairs(source, columns=data.columns, limit=data.limit))
    train, counts = usable_pairs(sources, held)
    restyled = recipe.audit.restyled if recipe.audit is not None else None
    form = _form(data.prompt)
    matcher = recipe.matcher
    judgments = recipe.warmup.judgments if recipe.warmup is not None else ()
    return JudgingTask(
        train=train,
        counts=counts,
        audit={"audit": audit} if audit else {},
        restyled={pair.id: shown(pair) for pair in load_pairs(restyled, columns=data.columns)} if restyled else {},
        demonstrations=lambda: _right_judgments(judgments, train) if judgments else _human_judgments(train),
        messages=lambda pair: form.prompt(pair, data.max_reasons),
        write=write_answer,
        reward=JudgmentReward(
            recipe.reward,
            matcher.spec if matcher is not None else _no_matcher,
            timeout=matcher.timeout if matcher is not None else 300.0,
            cache=cache,
        ),
    )


def _no_matcher() -> Matcher:
    raise InputError("no matcher is given to compare reasons", where="[matcher]")


def usable_pairs(pairs: Iterable[PreferencePair], held: set[str]) -> tuple[list[PreferencePair], PairCounts]:
    """Pairs with a better response and a human reason, as shown, without pairs whose content is held out.

    Raises:
        InputError: No pair remains, or a pair has more than two responses.
    """
    found: list[PreferencePair] = []
    counts = dict.fromkeys(PairCounts.model_fields, 0)
    for pair in pairs:
        counts["read"] += 1
        if len(pair.responses) != 2:
            raise InputError(f"pair {pair.id!r} has {len(pair.responses)} responses; a judge compares two")
        if pair.label in (None, "tie"):
            counts["unlabelled"] += 1
        elif not pair.rationales:
            counts["without_reasons"] += 1
        elif held and (pair.content_key in held or pair.swap().content_key in held):
            counts["held_out"] += 1
        else:
            counts["used"] += 1
            found.append(shown(pair))
    if not found:
        raise InputError(f"no pair with a label and reasons among {counts['read']}", where="[data]")
    return found, PairCounts(**counts)


def _audit_pairs(recipe: GenrmRecipe, data: JudgingData) -> list[PreferencePair]:
    if recipe.audit is None or recipe.audit.pairs is None:
        return []
    pairs = load_pairs(recipe.audit.pairs, columns=data.columns)
    return usable_pairs(pairs, set())[0][: recipe.audit.limit]


def _form(path: str | None) -> Format:
    if path is None:
        return load_format(DEFAULT)
    try:
        return format_with_prompt(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the prompt cannot be read ({error})", where=path) from None


def _human_judgments(train: Sequence[PreferencePair]) -> Iterator[Demonstration]:
    for pair in train:
        yield Demonstration(pair, pair.rationales, pair.label or "tie")


def _right_judgments(files: Sequence[str], train: Sequence[PreferencePair]) -> Iterator[Demonstration]:
    """A stronger judge's judgments of training pairs with the right verdict, as the pair is shown in training."""
    known = {pair.content_key: pair for pair in train}
    known |= {pair.swap().content_key: pair for pair in train}
    for file in files:
        if not Path(file).exists():
            raise InputError("no such file", where=file)
        for judgment in RecordFile(Path(file), Judgment):
            pair = known.get(judgment.pair_key)
            if pair is None or judgment.verdict is None:
                continue
            stored = pair.content_key == judgment.pair_key
            verdict = judgment.verdict if stored else {"A": "B", "B": "A"}.get(judgment.verdict, judgment.verdict)
            if verdict == pair.label and judgment.rationales:
                yield Demonstration(pair, tuple(r if stored else r.swap() for r in judgment.rationales), verdict)


def _world_task(recipe: GenrmRecipe) -> JudgingTask:
    world = recipe.world
    if world is None:
        raise InputError("[world] is missing")
    form = format_with_prompt(PROMPT)
    n = recipe.audit.limit if recipe.audit is not None else 0
    watched = {
        "as trained": list(draw_pairs(n, seed=AUDIT_SEED, correlation=world.correlation)),
        "hard": list(draw_pairs(n, seed=AUDIT_SEED + 1, correlation=CORRELATIONS["hard"])),
    }
    held = {pair.content_key for pairs in watched.values() for pair in pairs}
    drawn = draw_pairs(world.pairs, seed=world.seed, correlation=world.correlation)
    if world.exchange_style:
        chance = random.Random(f"style {world.seed}")
        drawn = (exchange_style(pair) if chance.random() < 0.5 else pair for pair in drawn)
    train, counts = usable_pairs(drawn, held)

    def demonstrations() -> Iterator[Demonstration]:
        chance = random.Random(f"warmup {world.seed}")
        # Style is uninformative in the warm-up: any use of style is learned by reinforcement.
        for pair in draw_pairs(world.pairs, seed=world.seed, correlation=0.5):
            yield Demonstration(pair, *annotate(pair, chance, sees=world.sees))

    return JudgingTask(
        train=train,
        counts=counts,
        audit=watched if n else {},
        restyled={pair.id: exchange_style(pair) for pairs in watched.values() for pair in pairs},
        demonstrations=demonstrations,
        messages=lambda pair: form.prompt(pair, 0),
        write=lambda reasons, verdict: "\n".join([*(f"- {r.text}" for r in reasons), f"[[{verdict}]]"]),
        reward=JudgmentReward(recipe.reward, ReviewsMatcher, stance=read_stance),
    )
