"""A language model as a judge, asked and read in a declared format."""

import json
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from rightly.errors import InputError
from rightly.inference.dispatch import all_ended
from rightly.inference.generator import Completion, Generator, Request
from rightly.inference.specs import Sampling
from rightly.judges.base import JudgeIdentity
from rightly.judges.declared import read_answer
from rightly.judges.format import DEFAULT, Format, load_format
from rightly.judges.votes import Sample, combined, each_alone, in_stored_order
from rightly.references import subject_side
from rightly.store.fingerprint import fingerprint
from rightly.types import Choice, Frozen, Judgment, Order, PreferencePair, Rationale, Turn, content_key


class JudgeSettings(Frozen):
    """Everything about a generative judge but its model and its decoding options.

    Attributes:
        form: Format of question and answer.
        orders: ``both`` shows every pair in both orders; ``single`` shows one, drawn by a hash of seed and pair. A format that
            shows single responses, or all of more than two, is asked once, the latter in a drawn order.
        max_reasons: Number of reasons that the prompt allows.
        votes: Number of samples for each question; the majority is the verdict.
        logprobs: Whether the preference is computed from the log-probabilities of the verdict.
        structured: Whether the endpoint must enforce the JSON schema of the answer.
        system: System message before the prompt; empty for none.
        seed: Seed for the draws of orders.
    """

    form: Format = Field(default_factory=lambda: load_format(DEFAULT))
    orders: Literal["both", "single"] = "both"
    max_reasons: int = Field(default=5, ge=0)
    votes: int = Field(default=1, ge=1)
    logprobs: bool = False
    structured: bool = False
    system: str = ""
    seed: int = 0

    def identity(self, name: str, generator: str, sampling: Sampling) -> JudgeIdentity:
        """Identity of a judge with these settings.

        Args:
            name: Name in tables, without the format's own remark.
            generator: Fingerprint of the model.
            sampling: Decoding options of every call.
        """
        draws = self.orders == "single" or self.form.compares == "all"
        made_of = fingerprint(
            "judge",
            generator=generator,
            sampling=sampling.model_dump(),
            form=self.form.fingerprint,
            settings=self.model_dump(include={"orders", "max_reasons", "votes", "logprobs", "structured", "system"}),
            seed=self.seed if draws else None,
        )
        several = self.form.compares != "pair"
        return JudgeIdentity(
            name=name + self.form.label,
            fingerprint=made_of,
            compares_all=several,
            rates=several and self.form.verdict.read in ("score", "scores"),
        )


class GenerativeJudge:
    """Asks a language model which response is better, and why.

    Args:
        name: Name in tables.
        generator: The model to ask.
        sampling: Decoding options of every call.
        settings: Format, orders, samples.

    Raises:
        InputError: The settings ask for something that the format or the decoding options cannot give.
    """

    def __init__(
        self, name: str, generator: Generator, sampling: Sampling, settings: JudgeSettings | None = None
    ) -> None:
        self.settings = settings or JudgeSettings()
        self.identity = self.settings.identity(name, generator.fingerprint, sampling)
        self.name, self.concurrency = self.identity.name, generator.concurrency
        self._generator, self._sampling, self._form = generator, sampling, self.settings.form
        if self.settings.votes > 1 and not sampling.temperature:
            raise InputError(
                f"{name!r}: votes={self.settings.votes} needs samples that can differ", fix="add &temperature=0.7"
            )
        if self.settings.structured and self._form.answer_schema is None:
            raise InputError(f"{name!r}: format {self._form.name!r} has no JSON schema", fix="leave structured= out")

    def orders(self, pair: PreferencePair) -> tuple[Order, ...]:
        """Both orders, or the one drawn for this pair; one for a format in which order plays no part or is drawn inside."""
        if self._form.compares == "each" or len(pair.responses) > 2:
            return ("AB",)
        if self.settings.orders == "both":
            return ("AB", "BA")
        return ("AB",) if (self._draw(pair) >> 96) % 2 == 0 else ("BA",)

    def requests(self, pair: PreferencePair) -> list[Request]:
        """The requests of all orders, responses and samples."""
        return [
            request
            for order in self.orders(pair)
            for asked in self._asked(pair, order)
            for request in self._samples(asked)
        ]

    async def judge(self, pair: PreferencePair, order: Order) -> Judgment:
        """Ask; a failed call or an unusable answer gives a judgment with a failure.

        Raises:
            InputError: The format compares two responses, and the pair has more.
        """
        if not self._form.takes(pair):
            raise InputError(
                f"pair {pair.id!r} has {len(pair.responses)} responses; format {self._form.name!r} compares two",
                fix="use a format for several (format=rewardbench2, format=pointwise), or split it into pairs",
            )
        asked = self._asked(pair, order)
        requests = [self._samples(each) for each in asked]
        answers = await all_ended(self._generator.generate(one) for own in requests for one in own)
        n = self.settings.votes
        told = [list(answers[i * n : (i + 1) * n]) for i in range(len(asked))]
        if self._form.compares == "each":
            samples = [each_alone([self._read(own[i], 1) for own in told]) for i in range(n)]
        else:
            samples = [self._read(answer, len(pair.responses)) for answer in told[0]]
        shown = self._shown(pair, order)
        samples = [in_stored_order(sample, shown) for sample in samples]
        return combined(samples, pair, self.identity, order, voted=n > 1)

    def _read(self, completion: Completion, responses: int) -> Sample:
        return Sample.of(completion, read_answer(completion.text, self._form, responses), self._form)

    def _shown(self, pair: PreferencePair, order: Order) -> tuple[int, ...]:
        """Places of the responses in the order shown; for more than two a permutation drawn by a hash of seed and pair."""
        if self._form.compares == "each":
            return tuple(range(len(pair.responses)))
        if len(pair.responses) == 2:
            return (0, 1) if order == "AB" else (1, 0)
        places = list(range(len(pair.responses)))
        draw = self._draw(pair)
        for last in range(len(places) - 1, 0, -1):
            draw, other = divmod(draw, last + 1)
            places[last], places[other] = places[other], places[last]
        return tuple(places)

    def _draw(self, pair: PreferencePair) -> int:
        """128 bits, drawn by a hash of seed and pair."""
        return int(content_key([str(self.settings.seed), pair.id]), 16)

    def _asked(self, pair: PreferencePair, order: Order) -> list[tuple[Turn, ...]]:
        """The prompts about a pair: one, or one for each response."""
        shown = [pair.responses[place] for place in self._shown(pair, order)]
        if self._form.compares == "each":
            return [self.prompt(pair.model_copy(update={"responses": (response,)})) for response in shown]
        return [self.prompt(pair.model_copy(update={"responses": tuple(shown)}))]

    def prompt(self, shown: PreferencePair) -> tuple[Turn, ...]:
        """The messages that ask for a judgment of the pair as it is shown."""
        prompt, system = self._form.prompt(shown, self.settings.max_reasons), self.settings.system
        if system and prompt[0].role == "system":
            # Most chat templates take one system message.
            return (Turn(role="system", content=f"{system}\n\n{prompt[0].content}"), *prompt[1:])
        return (Turn(role="system", content=system), *prompt) if system else prompt

    def _samples(self, prompt: tuple[Turn, ...]) -> list[Request]:
        schema = self._form.answer_schema if self.settings.structured else None
        named = {"name": "judgment", "strict": True, "schema": schema}
        return [
            self._sampling.request(
                prompt,
                sample=i,
                response_format=None if schema is None else json.dumps({"type": "json_schema", "json_schema": named}),
                logprobs_of=self._form.single_tokens if self.settings.logprobs else (),
            )
            for i in range(self.settings.votes)
        ]

    async def aclose(self) -> None:
        """Close the generator."""
        await self._generator.aclose()


def write_answer(reasons: Sequence[Rationale], verdict: Choice) -> str:
    """Write an answer in the default format, as a training target for a judge."""
    listed = [{"point": r.text, "about": r.about or subject_side(r.text), "favors": r.favors} for r in reasons]
    known = [{name: value for name, value in each.items() if value is not None} for each in listed]
    return json.dumps({"reasons": known, "verdict": verdict}, ensure_ascii=False)
