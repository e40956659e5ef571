"""What a generative reward model learns from: pairs as prompts, people's judgments of them, and a reward."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.judges.generative import pairwise_messages, write_answer
from rightly.matchers.base import Matcher
from rightly.prompting import load_prompt
from rightly.rewards.grader import JudgmentReward
from rightly.rewards.integrations import reward_columns
from rightly.store.records import RecordFile
from rightly.synthetic.annotator import annotate
from rightly.synthetic.exact_matcher import ReviewsMatcher
from rightly.synthetic.reviews import CORRELATIONS, draw_pairs, exchange_style, read_stance
from rightly.synthetic.tiny_model import PROMPT
from rightly.training.judge.recipe import GenrmRecipe, JudgingData
from rightly.types import Choice, Frozen, Judgment, Message, PreferencePair, Rationale, content_key

AUDIT_SEED = 1_000_003
"""Of a world's audit pairs; a recipe's own seed is another."""


class Demonstration(NamedTuple):
    """A judgment to imitate, in the names of the pair as it is shown."""

    pair: PreferencePair
    reasons: tuple[Rationale, ...]
    verdict: Choice


class PairCounts(Frozen):
    """What became of the pairs; nothing is left out in silence.

    Attributes:
        read: Pairs in the sources.
        used: Pairs that are trained on.
        unlabelled: Left out: no label, or a tie.
        without_reasons: Left out: no human reason.
        held_out: Left out: in a held-out set.
    """

    read: int = 0
    used: int = 0
    unlabelled: int = 0
    without_reasons: int = 0
    held_out: int = 0


@dataclass(frozen=True)
class JudgingTask:
    """A task in the form that both stages and the audit take.

    Attributes:
        train: Pairs as they are shown: A and B drawn by a hash of the pair, reasons renamed with them.
        counts: What became of the sources' pairs.
        audit: Sets of pairs that are watched, as they are shown.
        restyled: Those of them, by id, of which there is a version in another style.
        demonstrations: What the warm-up imitates.
        messages: The prompt of a pair.
        write: The form of an answer.
        reward: The reward.
    """

    train: list[PreferencePair]
    counts: PairCounts
    audit: dict[str, list[PreferencePair]]
    restyled: dict[str, PreferencePair]
    demonstrations: Callable[[], Iterator[Demonstration]]
    messages: Callable[[PreferencePair], tuple[Message, ...]]
    write: Callable[[Sequence[Rationale], Choice], str]
    reward: JudgmentReward

    def prompts(self) -> list[dict[str, Any]]:
        """Rows for a trainer by reinforcement: prompt, id, and what the reward needs."""
        return [
            {"prompt": [m.model_dump() for m in self.messages(pair)], "pair_id": pair.id, **reward_columns(pair)}
            for pair in self.train
        ]

    def imitations(self) -> list[dict[str, Any]]:
        """Rows for a supervised trainer: prompt and completion.

        Raises:
            InputError: There is no judgment to imitate.
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
    """The task of a recipe.

    Args:
        recipe: With ``[data]`` or ``[world]``.
        cache: File of the answer cache of the matcher.

    Raises:
        InputError: A source is unusable, or no pair is left.
    """
    return _real_task(recipe, recipe.data, cache) if recipe.data is not None else _world_task(recipe)


def shown(pair: PreferencePair) -> PreferencePair:
    """The pair in the order drawn by a hash of its id: half of all pairs are swapped, reasons and label with them."""
    return pair.in_order("AB" if int(content_key(["shown", pair.id])[:8], 16) % 2 == 0 else "BA")


def _real_task(recipe: GenrmRecipe, data: JudgingData, cache: Path | None) -> JudgingTask:
    held = {pair.content_key for source in data.held_out for pair in load_pairs(source)}
    audit = _audit_pairs(recipe, data)
    held |= {key for pair in audit for key in (pair.content_key, pair.swap().content_key)}
    sources = (pair for source in data.train for pair in load_pairs(source, columns=data.columns, limit=data.limit))
    train, counts = usable_pairs(sources, held)
    restyled = recipe.audit.restyled if recipe.audit is not None else None
    prompt = _read_prompt(data.prompt)
    matcher = recipe.matcher
    judgments = recipe.warmup.judgments if recipe.warmup is not None else ()
    return JudgingTask(
        train=train,
        counts=counts,
        audit={"audit": audit} if audit else {},
        restyled={pair.id: shown(pair) for pair in load_pairs(restyled, columns=data.columns)} if restyled else {},
        demonstrations=lambda: _right_judgments(judgments, train) if judgments else _human_judgments(train),
        messages=lambda pair: pairwise_messages(pair, prompt, data.max_reasons),
        write=write_answer,
        reward=JudgmentReward(
            recipe.reward,
            matcher.spec if matcher is not None else _no_matcher,
            timeout=matcher.timeout if matcher is not None else 300.0,
            cache=cache,
        ),
    )


def _no_matcher() -> Matcher:
    raise InputError("there is no matcher to compare reasons with", where="[matcher]")


def usable_pairs(pairs: Iterable[PreferencePair], held: set[str]) -> tuple[list[PreferencePair], PairCounts]:
    """Pairs with a better response and a human reason, as they are shown, without those whose content is held out.

    Raises:
        InputError: None is left, or a pair has more than two responses.
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


def _read_prompt(path: str | None) -> str:
    if path is None:
        return load_prompt("rightly.judges", "pairwise")
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the prompt cannot be read ({error})", where=path) from None


def _human_judgments(train: Sequence[PreferencePair]) -> Iterator[Demonstration]:
    for pair in train:
        yield Demonstration(pair, pair.rationales, pair.label or "tie")


def _right_judgments(files: Sequence[str], train: Sequence[PreferencePair]) -> Iterator[Demonstration]:
    """A stronger judge's judgments of training pairs whose verdict is the label, as the pair is shown in training."""
    known = {pair.content_key: pair for pair in train}
    known |= {pair.swap().content_key: pair for pair in train}
    for file in files:
        if not Path(file).exists():
            raise InputError("there is no such file", where=file)
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
        raise InputError("there is no [world]")
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
        # Style says nothing in the warm-up: whatever a model makes of it, it learns by reinforcement.
        for pair in draw_pairs(world.pairs, seed=world.seed, correlation=0.5):
            yield Demonstration(pair, *annotate(pair, chance, sees=world.sees))

    return JudgingTask(
        train=train,
        counts=counts,
        audit=watched if n else {},
        restyled={pair.id: exchange_style(pair) for pairs in watched.values() for pair in pairs},
        demonstrations=demonstrations,
        messages=lambda pair: pairwise_messages(pair, PROMPT, 0),
        write=lambda reasons, verdict: "\n".join([*(f"- {r.text}" for r in reasons), f"[[{verdict}]]"]),
        reward=JudgmentReward(recipe.reward, ReviewsMatcher, stance=read_stance),
    )
