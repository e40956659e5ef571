"""A language model as a judge: reasons first, ordered by weight, then the verdict."""

import json
from collections.abc import Sequence

from rightly.errors import InputError
from rightly.inference.generator import Completion, Generator, Request
from rightly.inference.specs import Sampling
from rightly.judges.base import JudgeIdentity
from rightly.judges.parsing import READER_VERSION, Parsed, parse_answer
from rightly.prompting import fill, load_prompt
from rightly.references import subject_side
from rightly.store.fingerprint import fingerprint
from rightly.types import Choice, Judgment, Message, Order, PreferencePair, Rationale, content_key


class GenerativeJudge:
    """Asks a language model which of two responses is better, and why.

    Args:
        name: Name in tables.
        generator: The model to ask.
        sampling: Decoding options of every call.
        orders: ``"both"`` shows every pair in both orders; ``"single"`` shows one, drawn by a hash of seed and pair.
        max_reasons: Number of reasons that the prompt allows.
        prompt: Text of the prompt; `pairwise_messages` lists its fields.
        seed: Seed for the order draw of each pair.
    """

    def __init__(
        self,
        name: str,
        generator: Generator,
        sampling: Sampling,
        *,
        orders: str = "both",
        max_reasons: int = 5,
        prompt: str | None = None,
        seed: int = 0,
    ) -> None:
        self.name, self.concurrency = name, generator.concurrency
        self._generator, self._sampling, self._seed = generator, sampling, seed
        self._orders, self._max_reasons = orders, max_reasons
        self._prompt = prompt or shipped_prompt()
        self.identity = generative_identity(
            name,
            generator.fingerprint,
            sampling,
            orders=orders,
            max_reasons=max_reasons,
            prompt=self._prompt,
            seed=seed,
        )

    def orders(self, pair: PreferencePair) -> tuple[Order, ...]:
        """Both orders, or the one drawn for this pair."""
        if self._orders == "both":
            return ("AB", "BA")
        return ("AB",) if int(content_key([str(self._seed), pair.id])[:8], 16) % 2 == 0 else ("BA",)

    def requests(self, pair: PreferencePair) -> list[Request]:
        """One request for each order."""
        return [self._request(pair, order) for order in self.orders(pair)]

    async def judge(self, pair: PreferencePair, order: Order) -> Judgment:
        """Ask once; a failed call or an unusable answer gives a judgment with a failure.

        Raises:
            InputError: The pair has more than two responses.
        """
        if len(pair.responses) != 2:
            raise InputError(
                f"pair {pair.id!r} has {len(pair.responses)} responses; this judge compares two",
                fix="split it into pairs first",
            )
        completion = await self._generator.generate(self._request(pair, order))
        return to_judgment(pair, self.identity, order, completion, parse_answer(completion.text))

    def _request(self, pair: PreferencePair, order: Order) -> Request:
        return self._sampling.request(self.messages(pair.in_order(order)))

    def messages(self, shown: PreferencePair) -> tuple[Message, ...]:
        """The chat that asks for a judgment of the pair as it is shown."""
        return pairwise_messages(shown, self._prompt, self._max_reasons)

    async def aclose(self) -> None:
        """Close the generator."""
        await self._generator.aclose()


def shipped_prompt() -> str:
    """The default prompt of generative judges."""
    return load_prompt("rightly.judges", "pairwise")


def generative_identity(
    name: str,
    generator: str,
    sampling: Sampling,
    *,
    orders: str = "both",
    max_reasons: int = 5,
    prompt: str | None = None,
    seed: int = 0,
) -> JudgeIdentity:
    """Identity of a `GenerativeJudge` with these arguments.

    Args:
        name: Name in tables.
        generator: Fingerprint of the model.
        sampling: Decoding options of every call.
        orders: ``"both"`` or ``"single"``; the seed is part of the identity only for ``"single"``.
        max_reasons: Number of reasons that the prompt allows.
        prompt: Text of the prompt; ``None`` for the default prompt.
        seed: Seed for the order draw of each pair.
    """
    made_of = fingerprint(
        "judge",
        generator=generator,
        sampling=sampling.model_dump(),
        orders=orders if orders == "both" else f"{orders} {seed}",
        max_reasons=max_reasons,
        prompt=prompt or shipped_prompt(),
        reader=READER_VERSION,
    )
    return JudgeIdentity(name=name, fingerprint=made_of)


def pairwise_messages(shown: PreferencePair, prompt: str, max_reasons: int) -> tuple[Message, ...]:
    """The chat that asks for a judgment of the pair as it is shown.

    Args:
        shown: The pair in the order shown.
        prompt: Prompt with the fields ``response_a`` and ``response_b``; optional: ``context``, ``fence``, ``max_reasons``.
        max_reasons: Number of reasons that the prompt allows.

    Raises:
        InputError: The prompt lacks a response field, or has an unknown field.
    """
    fields = {
        "context": "\n\n".join(f"{m.role}: {m.content}" for m in shown.context) or "(none)",
        "fence": content_key([*(m.content for m in shown.context), *shown.responses])[:8],
        "max_reasons": str(max_reasons),
    }
    asked = {name: value for name, value in fields.items() if f"{{{{{name}}}}}" in prompt}
    asked |= {"response_a": shown.responses[0], "response_b": shown.responses[1]}
    return (Message(role="user", content=fill(prompt, asked)),)


def write_answer(reasons: Sequence[Rationale], verdict: Choice) -> str:
    """Write an answer in the format of the default prompt, as a training target for a judge."""
    listed = [{"point": r.text, "about": r.about or subject_side(r.text), "favors": r.favors} for r in reasons]
    known = [{name: value for name, value in each.items() if value is not None} for each in listed]
    return json.dumps({"reasons": known, "verdict": verdict}, ensure_ascii=False)


def to_judgment(
    pair: PreferencePair, judge: JudgeIdentity, order: Order, completion: Completion, parsed: Parsed
) -> Judgment:
    """Convert an answer in the names of the order shown to a judgment in the names of the stored pair."""
    if completion.failure is not None:
        failure, detail, verdict = completion.failure, completion.detail, None
    elif parsed.verdict is None:
        failure, detail, verdict = "unparsed", parsed.problem, None
    else:
        failure, detail, verdict = None, "", parsed.verdict
    rationales = () if failure else parsed.rationales
    if order == "BA":
        rationales = tuple(r.swap() for r in rationales)
        verdict = {"A": "B", "B": "A", "tie": "tie", None: None}[verdict]
    return Judgment(
        pair_id=pair.id,
        pair_key=pair.content_key,
        judge=judge.name,
        made_by=judge.made_by(pair),
        order=order,
        verdict=verdict,
        failure=failure,
        detail=detail,
        rationales=rationales,
        raw=completion.text,
        usage=completion.usage,
    )
