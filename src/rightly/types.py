"""The data model: messages, preference pairs, votes, rationales, judgments.

Everything that is written to a file is one of these frozen models. A pair has two or more responses, named ``A``, ``B``,
``C``...; a label names the better one. A failed judgment is data: its verdict is ``None``, and it states the failure.
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
"""The order in which a judge was shown the two responses; ``"AB"`` is the stored order."""

FailureKind = Literal["unparsed", "refused", "truncated", "provider"]
"""Kind of failure of a call. The first three are the model's own failures; ``provider`` is a failed request."""

RationaleVerdict = Literal["correct", "incorrect", "failed"]
"""What another judge said of the reasons behind a right verdict; ``failed`` if it gave no usable answer."""

_LETTERS = string.ascii_uppercase
_OTHER = {"A": "B", "B": "A", "tie": "tie"}


class Frozen(BaseModel):
    """An immutable record; unknown fields are rejected, so that misspelt ones are noticed."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Record(Frozen):
    """A piece of finished work, stored as a line of a record file."""

    @property
    def key(self) -> str:
        """Identity of the work, from its content; work with equal keys is done once."""
        raise NotImplementedError

    @property
    def retry(self) -> bool:
        """Whether a resumed run should repeat the work (the request failed, not the model)."""
        return False


class Turn(Frozen):
    """One message of a prompt, in any role that the template of the model knows."""

    role: str
    content: str


class Message(Turn):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]  # pyright: ignore[reportIncompatibleVariableOverride]


class Usage(Frozen):
    """Billed tokens of a call."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens, output_tokens=self.output_tokens + other.output_tokens
        )


class Rationale(Frozen):
    """One reason for a preference, from a human or a judge.

    Attributes:
        text: Text of the reason; it may name the responses ("Response 1", "A").
        annotator: Annotator who gave the reason, if there are several.
        importance: Weight of the reason, larger is more important; ``None`` if unknown.
        about: Response that the reason is about.
        favors: Response that the reason supports.
    """

    text: str
    annotator: str | None = None
    importance: float | None = None
    about: Side | None = None
    favors: Side | None = None

    def swap(self) -> "Rationale":
        """The same reason after the two responses are swapped."""
        return self.model_copy(
            update={
                "text": swap_references(self.text),
                "about": _other_side(self.about),
                "favors": _other_side(self.favors),
            }
        )


class Vote(Frozen):
    """One person's preference; ``degree`` is its strength, if the data give one (larger is clearer)."""

    annotator: str
    choice: Choice
    degree: float | None = None


class PreferencePair(Frozen):
    """A context, two or more responses, and human preferences between them.

    Attributes:
        id: Identifier, unique within its file.
        context: Conversation that the responses answer, oldest message first.
        responses: Two or more responses, named ``A``, ``B``, ... in this order.
        label: The better response, ``"tie"``, or ``None`` if there is no label.
        degree: Strength of the label in the units of its source (HelpSteer3: 1-3), never negative.
        target: Probability that the label is right, for a soft loss; ``None`` for a certain label.
        margin: Least difference between the reward of the labelled response and that of the other one, for a margin loss.
        weight: Weight of the pair in a loss.
        ranks: Ranks of the responses, 1 is best, equal ranks are ties.
        margins: Score differences (label's response minus the best other's), one per reward model.
        votes: Individual preferences behind the label.
        rationales: Human reasons.
        domain: Subset or topic, for rows of a table.
        source: Origin of the pair (a hub id, a corpus).
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
        return (*map(letter_of, range(len(self.responses))), "tie")

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
        """The pair without this annotator's votes and reasons; the label is unchanged."""
        return self.model_copy(
            update={
                "votes": tuple(v for v in self.votes if v.annotator != annotator),
                "rationales": tuple(r for r in self.rationales if r.annotator != annotator),
            }
        )

    def in_order(self, order: Order) -> "PreferencePair":
        """The pair in the given order, as a judge sees it."""
        return self if order == "AB" else self.swap()

    @property
    def content_key(self) -> str:
        """A hash of the content that a judge sees: an edited pair is new work, even with the same id."""
        return content_key([f"{m.role}\x1f{m.content}" for m in self.context] + ["\x1e", *self.responses])

    @property
    def human_key(self) -> str:
        """A hash of the human data of the pair: label, votes, reasons. Judges do not see them."""
        votes = [f"{vote.annotator}\x1f{vote.choice}" for vote in self.votes]
        return content_key([str(self.label), *votes, "\x1e", *(f"{r.annotator}\x1f{r.text}" for r in self.rationales)])

    @property
    def context_key(self) -> str:
        """A short hash of the context: pairs with the same context are not independent (bootstrap clusters)."""
        return content_key([f"{m.role}\x1f{m.content}" for m in self.context])


class Judgment(Record):
    """One judge's judgment of one pair in one order, in the names of the stored pair.

    Attributes:
        pair_id: Id of the pair.
        pair_key: Content key of the judged pair.
        judge: Name of the judge, for display.
        made_by: Fingerprint of the judge: model, endpoint, prompt, decoding, reader.
        order: Order shown; verdict and rationales are already mapped back to the stored order.
        verdict: Verdict, ``"A"``, ``"B"`` or ``"tie"``; ``None`` after a failure.
        failure: Kind of failure; ``None`` if and only if there is a verdict.
        detail: One line about the failure.
        rationales: Reasons, most important first.
        unread: Why the reasons could not be read; empty if they were, even if there are none.
        prose: Text with the reasons in the names shown, from a judge that does not list them.
        scores: Score of every response, from a judge that scores them; ``None`` where it is unusable, which fails the judgment.
        votes: Verdict of every sample, ``None`` for an unusable one; empty for a judge that is asked once.
        preference: Probability that the judge prefers response A in [0, 1], ties half: the share of its votes, or from the
            log-probabilities of its verdict; ``None`` if unknown.
        repaired: Whether the JSON of the answer had to be repaired.
        raw: Unparsed answer.
        usage: Billed tokens.
        rationale_verdict: Verdict of another judge on the reasons, if it was published with the judgment (R-Align's MetaRM).
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
    unread: str = ""
    prose: str = ""
    scores: tuple[float | None, ...] = ()
    votes: tuple[Choice | None, ...] = ()
    preference: float | None = Field(default=None, ge=0, le=1)
    repaired: bool = False
    raw: str = ""
    usage: Usage = Usage()
    rationale_verdict: RationaleVerdict | None = None

    @model_validator(mode="after")
    def _verdict_or_failure(self) -> "Judgment":
        if (self.verdict is None) == (self.failure is None):
            raise ValueError("a judgment has either a verdict or a failure")
        return self

    @property
    def key(self) -> str:
        """Identity of the judgment: pair, judge and order."""
        return judgment_key(self.pair_id, self.pair_key, self.made_by, self.order)

    @property
    def retry(self) -> bool:
        """Whether the request failed."""
        return self.failure == "provider"


def judgment_key(pair_id: str, pair_key: str, made_by: str, order: Order) -> str:
    """The key of a judge's judgment of a pair in this order.

    Args:
        pair_id: Id of the pair.
        pair_key: Content key of the pair.
        made_by: Fingerprint of the judge.
        order: Order shown.
    """
    return content_key([pair_id, pair_key, made_by, order])


def letter_of(place: int) -> Choice:
    """Name of the response at a place: ``A`` to ``Z``, then ``AA``, ``AB``, ..."""
    more, last = divmod(place, len(_LETTERS))
    return (letter_of(more - 1) if more else "") + _LETTERS[last]


def content_key(parts: Sequence[str]) -> str:
    """A 128-bit hash of strings, in hexadecimal; the key for resuming and caching."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for lone surrogates, which JSON may carry and UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _other_side(side: Side | None) -> Side | None:
    return None if side is None else ("B" if side == "A" else "A")
