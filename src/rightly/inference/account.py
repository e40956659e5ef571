"""What a run costs: tokens and money for each model, and the stop before a budget is passed."""

from collections.abc import Mapping
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
    """What one model was asked and what it was paid."""

    calls: int = 0
    failed: int = 0
    usage: Usage = field(default_factory=Usage)


class Account:
    """Counts what is billed in this process; answers from the cache cost nothing.

    Args:
        prices: By model name (as in ``openai:NAME``).
        budget: Dollars; the run stops before a call once so much is spent. Needs the price of every model that is asked.
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
        one.failed += completion.failure is not None
        one.usage += completion.usage

    def summary(self) -> str:
        """One line for a progress display: money where prices are known, else tokens."""
        if not self.models:
            return ""
        if self.prices:
            return f"${self.spent:.3f}"
        tokens = sum(one.usage.input_tokens + one.usage.output_tokens for one in self.models.values())
        return f"{tokens:,} tokens"


class AccountedGenerator:
    """Books every call, and makes none once the budget is spent.

    Args:
        inner: Who is asked.
        account: The book.
        model: The model's name in prices.
    """

    def __init__(self, inner: Generator, account: Account, model: str) -> None:
        self.name, self.concurrency = inner.name, inner.concurrency
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


def parse_price(text: str) -> tuple[str, Price]:
    """``MODEL=IN,OUT`` in dollars per million tokens.

    Raises:
        InputError: The text is not of this form.
    """
    model, _, numbers = text.rpartition("=")
    try:
        into, out = (float(number) for number in numbers.split(","))
    except ValueError as error:
        raise InputError(
            f"--price {text!r} is not MODEL=IN,OUT", fix="for example --price gpt-4.1=2.00,8.00"
        ) from error
    if not model or into < 0 or out < 0:
        raise InputError(f"--price {text!r} is not MODEL=IN,OUT", fix="for example --price gpt-4.1=2.00,8.00")
    return model, Price(into, out)
