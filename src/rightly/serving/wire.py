"""Bodies of the protocols that trainers speak, as their clients send and read them."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rightly.types import Choice, Judgment, Message

MOST_RESPONSES = 1024


class Body(BaseModel):
    """A request; fields that a client sends and nobody reads are let pass."""

    model_config = ConfigDict(extra="ignore")


class Asked(BaseModel):
    """What was asked before the responses.

    Attributes:
        context: The conversation.
        prompt: Instead of it, what a user asked.
    """

    model_config = ConfigDict(extra="forbid")

    context: tuple[Message, ...] = ()
    prompt: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Asked":
        if self.context and self.prompt is not None:
            raise ValueError("give context or prompt, not both")
        return self

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation."""
        return self.context if self.prompt is None else (Message(role="user", content=self.prompt),)


class ScoreItem(Asked):
    """A conversation and the responses to it.

    Attributes:
        responses: What is scored.
    """

    responses: tuple[str, ...] = Field(min_length=1, max_length=MOST_RESPONSES)


class ScoreBody(BaseModel):
    """``/v1/score``, our own.

    Attributes:
        items: Conversations with their responses.
        model: One of the served models; all of them by default.
        std_penalty: Standard deviations over models that the penalised reward takes off.
    """

    model_config = ConfigDict(extra="forbid")

    items: tuple[ScoreItem, ...] = Field(min_length=1, max_length=MOST_RESPONSES)
    model: str | None = None
    std_penalty: float = Field(default=1.0, ge=0, allow_inf_nan=False)


class ScoredItem(BaseModel):
    """Rewards of one item's responses, in their order.

    Attributes:
        rewards: Mean over models.
        std: Standard deviation over models.
        penalised: Mean minus `std_penalty` standard deviations.
        by_model: Each model's.
    """

    rewards: list[float]
    std: list[float]
    penalised: list[float]
    by_model: dict[str, list[float]]


class ScoredBody(BaseModel):
    """What ``/v1/score`` answers.

    Attributes:
        items: As many as were asked for, in their order.
    """

    items: list[ScoredItem]


class OpenRlhfBody(Body):
    """OpenRLHF's ``/get_reward``: rendered prompt and response as one text, special tokens kept."""

    query: tuple[str, ...] = Field(min_length=1, max_length=MOST_RESPONSES)
    prompts: tuple[str, ...] = ()
    labels: tuple[Any, ...] = ()

    @model_validator(mode="after")
    def _as_many(self) -> "OpenRlhfBody":
        if self.prompts and len(self.prompts) != len(self.query):
            raise ValueError(f"{len(self.query)} queries, but {len(self.prompts)} prompts")
        return self


class SlimeBody(Body):
    """slime's remote reward: the answer is the number itself."""

    prompt: str | tuple[Message, ...]
    response: str
    label: Any = None


TokenIds = tuple[int, ...]


class InputBody(Body):
    """vLLM's ``/classify`` and ``/pooling`` and SGLang's ``/v1/embeddings``: rendered texts, token ids, or messages.

    Attributes:
        model: A served model's name, or any other for all.
        input: One or several texts, or one or several lists of token ids.
        messages: Instead of it, a conversation that ends with the response.
        use_activation: vLLM squashes by default; a reward is never squashed here.
    """

    model: str | None = None
    input: str | TokenIds | tuple[str, ...] | tuple[TokenIds, ...] | None = None
    messages: tuple[Message, ...] | None = Field(default=None, min_length=1)
    use_activation: bool | None = None

    @model_validator(mode="after")
    def _has_something(self) -> "InputBody":
        if (self.input is None) == (self.messages is None):
            raise ValueError("give input or messages")
        if self.input is not None and not len(self.input):
            raise ValueError("input is empty")
        return self


class JudgeBody(Asked):
    """``/v1/judge``: which of two responses is better, and why.

    Attributes:
        responses: The two.
        orders: ``both`` asks twice, with the responses exchanged, where the judge wants both.
    """

    responses: tuple[str, str]
    orders: Literal["AB", "both"] = "both"


class Compared(BaseModel):
    """What a judge said, in the names of the responses as they were sent.

    Attributes:
        verdict: The better one over all orders; ``None`` where no order has a verdict.
        score: The first one's share: 1, 0, or between.
        judgments: One an order: verdict or failure, reasons.
    """

    verdict: Choice | None
    score: float | None
    judgments: list[dict[str, Any]]

    @classmethod
    def of(cls, judgments: Sequence[Judgment]) -> "Compared":
        """The judgments of all orders together; a failure counts for nobody."""
        worth = {"A": 1.0, "B": 0.0, "tie": 0.5}
        known = [worth[judgment.verdict] for judgment in judgments if judgment.verdict is not None]
        score = sum(known) / len(known) if known else None
        verdict: Choice | None = None
        if score is not None:
            verdict = "A" if score > 0.5 else "B" if score < 0.5 else "tie"
        shown = {"order", "verdict", "failure", "detail", "rationales"}
        return cls(verdict=verdict, score=score, judgments=[j.model_dump(include=shown) for j in judgments])
