"""The nouns: messages, preference pairs, votes, rationales, judgments.

Everything that crosses a file is one of these frozen models. A pair has two or more responses, named ``A``, ``B``,
``C``...; a label names the better one. A failed judgment is data: its verdict is ``None`` and it says why.
"""

import hashlib
import string
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rightly.references import Side, swap_references

Choice = str
"""``"A"``, ``"B"``, ... (the better response) or ``"tie"``."""

Order = Literal["AB", "BA"]
"""The order in which a judge was shown the two responses; ``"AB"`` is the pair as it is stored."""

FailureKind = Literal["unparsed", "refused", "truncated", "provider"]
"""Why a call gave no usable answer. The first three are the answering model's fault; ``provider`` is the line's."""

_LETTERS = string.ascii_uppercase
_OTHER = {"A": "B", "B": "A", "tie": "tie"}


class Frozen(BaseModel):
    """An immutable record; unknown fields are refused, so a misspelt one cannot be lost."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Record(Frozen):
    """A piece of finished work, as a line of a record file."""

    @property
    def key(self) -> str:
        """Identity of the work, from its content: equal keys need the work done once."""
        raise NotImplementedError

    @property
    def retry(self) -> bool:
        """Whether a resumed run should do the work again (the request failed, not the model)."""
        return False


class Message(Frozen):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str


class Usage(Frozen):
    """Tokens that a call was billed for."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens, output_tokens=self.output_tokens + other.output_tokens
        )


class Rationale(Frozen):
    """One reason for a preference, a human's or a judge's.

    Attributes:
        text: The reason; it may name the responses ("Response 1", "A").
        annotator: Who gave it, where several people did.
        importance: Weight, larger is more important; ``None`` where unknown.
        about: The response it speaks of.
        favors: The response it speaks for.
    """

    text: str
    annotator: str | None = None
    importance: float | None = None
    about: Side | None = None
    favors: Side | None = None

    def swap(self) -> "Rationale":
        """The same reason after the two responses have changed places."""
        return self.model_copy(
            update={
                "text": swap_references(self.text),
                "about": _other_side(self.about),
                "favors": _other_side(self.favors),
            }
        )


class Vote(Frozen):
    """One person's preference; ``degree`` is its strength where the data give one (larger is clearer)."""

    annotator: str
    choice: Choice
    degree: float | None = None


class PreferencePair(Frozen):
    """A context, two or more responses, and what people said of them.

    Attributes:
        id: Unique within its file.
        context: The conversation that the responses answer, oldest first.
        responses: Two or more; named ``A``, ``B``, ... in this order.
        label: The better response, ``"tie"``, or ``None`` where nobody said.
        degree: Strength of the label in the units of its source (HelpSteer3: 1-3), never negative.
        target: Probability that the label is right, for a soft loss; ``None`` for certain.
        margin: What the labelled response's reward should exceed the other's by.
        weight: Of the pair in a loss.
        ranks: Places of the responses, 1 is best, equal places are ties.
        margins: Differences of score (label's response minus the best other's) that reward models gave, one a model.
        votes: Single preferences behind the label.
        rationales: The human reasons.
        domain: Subset or topic, for rows of a table.
        source: Where the pair came from (a hub id, a corpus).
    """

    id: str
    context: tuple[Message, ...] = ()
    responses: tuple[str, ...] = Field(min_length=2)
    label: Choice | None = None
    degree: float | None = Field(default=None, ge=0)
    target: float | None = Field(default=None, ge=0, le=1)
    margin: float | None = Field(default=None, allow_inf_nan=False)
    weight: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    ranks: tuple[int, ...] | None = None
    margins: tuple[float, ...] = ()
    votes: tuple[Vote, ...] = ()
    rationales: tuple[Rationale, ...] = ()
    domain: str | None = None
    source: str | None = None

    @model_validator(mode="after")
    def _labels_exist(self) -> "PreferencePair":
        offered = self.choices
        for choice in (self.label, *(vote.choice for vote in self.votes)):
            if choice is not None and choice not in offered:
                raise ValueError(f"label {choice!r} is none of {', '.join(offered)}")
        if self.ranks is not None and len(self.ranks) != len(self.responses):
            raise ValueError(f"{len(self.ranks)} ranks for {len(self.responses)} responses")
        return self

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The verdicts that this pair allows."""
        return (*_LETTERS[: len(self.responses)], "tie")

    def swap(self) -> "PreferencePair":
        """The same pair with A and B exchanged: responses, label, votes, and the names inside the rationales.

        Raises:
            ValueError: The pair has more than two responses.
        """
        if len(self.responses) != 2:
            raise ValueError(f"pair {self.id!r} has {len(self.responses)} responses; only two can be swapped")
        return self.model_copy(
            update={
                "responses": self.responses[::-1],
                "label": None if self.label is None else _OTHER[self.label],
                "ranks": None if self.ranks is None else self.ranks[::-1],
                "votes": tuple(v.model_copy(update={"choice": _OTHER[v.choice]}) for v in self.votes),
                "rationales": tuple(r.swap() for r in self.rationales),
            }
        )

    def without_annotator(self, annotator: str) -> "PreferencePair":
        """The pair as the other annotators left it; the label stays what it was."""
        return self.model_copy(
            update={
                "votes": tuple(v for v in self.votes if v.annotator != annotator),
                "rationales": tuple(r for r in self.rationales if r.annotator != annotator),
            }
        )

    def in_order(self, order: Order) -> "PreferencePair":
        """The pair as a judge sees it in that order."""
        return self if order == "AB" else self.swap()

    @property
    def content_key(self) -> str:
        """A hash of what a judge sees: a pair whose text was edited is another piece of work, whatever its id."""
        return content_key([f"{m.role}\x1f{m.content}" for m in self.context] + ["\x1e", *self.responses])

    @property
    def human_key(self) -> str:
        """A hash of what people said of the pair: label, votes, reasons. No judge that is asked sees it."""
        votes = [f"{vote.annotator}\x1f{vote.choice}" for vote in self.votes]
        return content_key([str(self.label), *votes, "\x1e", *(f"{r.annotator}\x1f{r.text}" for r in self.rationales)])

    @property
    def context_key(self) -> str:
        """A short hash of the context: pairs that share it are not independent (bootstrap clusters)."""
        return content_key([f"{m.role}\x1f{m.content}" for m in self.context])


class Judgment(Record):
    """What one judge said of one pair in one order, in the names of the stored pair.

    Attributes:
        pair_id: The pair.
        pair_key: Content key of the pair as it was judged.
        judge: Name of the judge, for people.
        made_by: Fingerprint of the judge: model, endpoint, prompt, decoding, reader.
        order: The order shown; verdict and rationales are already mapped back to the stored order.
        verdict: ``"A"``, ``"B"``, ``"tie"``; ``None`` when the call failed.
        failure: Why there is no verdict; ``None`` exactly when there is one.
        detail: One line on the failure.
        rationales: The reasons, most important first.
        raw: The answer as it came.
        usage: Tokens billed.
    """

    pair_id: str
    pair_key: str
    judge: str
    made_by: str
    order: Order = "AB"
    verdict: Choice | None = None
    failure: FailureKind | None = None
    detail: str = ""
    rationales: tuple[Rationale, ...] = ()
    raw: str = ""
    usage: Usage = Usage()

    @model_validator(mode="after")
    def _verdict_or_failure(self) -> "Judgment":
        if (self.verdict is None) == (self.failure is None):
            raise ValueError("a judgment has either a verdict or a failure")
        return self

    @property
    def key(self) -> str:
        """The same pair, judge and order."""
        return judgment_key(self.pair_id, self.pair_key, self.made_by, self.order)

    @property
    def retry(self) -> bool:
        """Whether the request failed."""
        return self.failure == "provider"


def judgment_key(pair_id: str, pair_key: str, made_by: str, order: Order) -> str:
    """The key of the judgment that a judge makes of a pair in this order.

    Args:
        pair_id: The pair.
        pair_key: Its content key.
        made_by: Fingerprint of the judge.
        order: The order shown.
    """
    return content_key([pair_id, pair_key, made_by, order])


def content_key(parts: Sequence[str]) -> str:
    """A 128-bit hash of strings, hex; the unit of resuming and caching."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def _other_side(side: Side | None) -> Side | None:
    return None if side is None else ("B" if side == "A" else "A")
