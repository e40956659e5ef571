"""What a run costs: tokens and money for each model, and the stop before a budget is passed."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rightly.errors import BudgetExceededError, InputError
from rightly.inference.generator import Completion, Generator, Request
from rightly.types import Usage

CHARACTERS_PER_TOKEN = 4.0
"""For estimates only: English prose with current tokenizers; other languages and code need more tokens."""


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens."""

    input: float
    output: float

    def of(self, usage: Usage) -> float:
        """Dollars for this usage."""
        return (usage.input_tokens * self.input + usage.output_tokens * self.output) / 1e6


@dataclass(slots=True)
class ModelAccount:
    """What one model was asked and what it was paid; ``retries`` are attempts beyond the first of each call."""

    calls: int = 0
    retries: int = 0
    failed: int = 0
    usage: Usage = field(default_factory=Usage)


class Account:
    """Counts what is billed in this process; answers from the cache cost nothing.

    Args:
        prices: By model name (as in ``openai:NAME``).
        budget: Dollars; the run starts no call once so much is spent, so it is passed by the calls then in flight at
            most. Needs the price of every model that is asked.
    """

    def __init__(self, prices: Mapping[str, Price] | None = None, budget: float | None = None) -> None:
        self.models: dict[str, ModelAccount] = {}
        self.prices, self.budget = dict(prices or {}), budget

    @property
    def spent(self) -> float:
        """Dollars spent on the models whose price is known."""
        return sum(self.prices[name].of(one.usage) for name, one in self.models.items() if name in self.prices)

    def check(self, model: str) -> None:
        """Whether another call may be made.

        Raises:
            InputError: There is a budget, and no price for this model.
            BudgetExceededError: The budget is spent.
        """
        if self.budget is None:
            return
        if model not in self.prices:
            raise InputError(f"--budget needs the price of {model!r}", fix=f"add --price {model}=IN,OUT")
        if self.spent >= self.budget:
            raise BudgetExceededError(
                f"${self.spent:.4f} of the budget of ${self.budget:g} is spent; what was answered is kept: "
                "raise --budget and run the same command again to go on"
            )

    def enter(self, model: str, completion: Completion) -> None:
        """Book one call."""
        one = self.models.setdefault(model, ModelAccount())
        one.calls += 1
        one.retries += completion.attempts - 1
        one.failed += completion.failure is not None
        one.usage += completion.usage

    def summary(self) -> str:
        """One line for a progress display: money where prices are known, tokens where not."""
        unpriced = [one.usage for name, one in self.models.items() if name not in self.prices]
        tokens = sum(usage.input_tokens + usage.output_tokens for usage in unpriced)
        money = [f"${self.spent:.3f}"] if len(unpriced) < len(self.models) else []
        return " + ".join(money + ([f"{tokens:,} tokens"] if unpriced else []))


class AccountedGenerator:
    """Books every call, and makes none once the budget is spent.

    Args:
        inner: Who is asked.
        account: The book.
        model: The model's name in prices.
    """

    def __init__(self, inner: Generator, account: Account, model: str) -> None:
        self.name, self.fingerprint, self.concurrency = inner.name, inner.fingerprint, inner.concurrency
        self._inner, self._account, self._model = inner, account, model

    async def generate(self, request: Request) -> Completion:
        """Ask and book.

        Raises:
            BudgetExceededError: The budget is spent; nothing was asked.
        """
        self._account.check(self._model)
        completion = await self._inner.generate(request)
        self._account.enter(self._model, completion)
        return completion

    async def aclose(self) -> None:
        """Close the inner generator."""
        await self._inner.aclose()


def estimate_usage(requests: Iterable[Request], *, output_tokens: int) -> Usage:
    """Tokens that these requests will take, roughly: `CHARACTERS_PER_TOKEN`, and a guess at the answers.

    Args:
        requests: All calls of the run.
        output_tokens: Tokens guessed for one answer; a request's ``max_tokens`` caps it.
    """
    total = Usage()
    for request in requests:
        characters = sum(len(message.content) for message in request.messages)
        answer = min(output_tokens, request.max_tokens or output_tokens)
        total += Usage(input_tokens=round(characters / CHARACTERS_PER_TOKEN), output_tokens=answer)
    return total


def parse_price(text: str) -> tuple[str, Price]:
    """``MODEL=IN,OUT`` in dollars per million tokens.

    Raises:
        InputError: The text is not of this form.
    """
    model, _, numbers = text.rpartition("=")
    try:
        into, out = (float(number) for number in numbers.split(","))
        usable = bool(model) and 0 <= into < math.inf and 0 <= out < math.inf
    except ValueError:
        usable = False
        into = out = 0.0
    if not usable:
        problem = f"--price {text!r} is not MODEL=IN,OUT (dollars per million tokens)"
        raise InputError(problem, fix="for example --price my-model=2.00,8.00")
    return model, Price(into, out)
