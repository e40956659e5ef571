"""What a run costs: every call reserved before it is sent and settled after it, so that a budget holds to one call."""

import asyncio
import math
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rightly.errors import BudgetExceededError, InputError
from rightly.inference.book import LOCKS, Entry, Price, SpendingBook
from rightly.inference.bounds import worst_usage
from rightly.inference.generator import Completion, Generator, Request
from rightly.types import Usage

POLL_S = 0.2
"""How often a process that waits for the reservations of another one looks again."""


@dataclass(slots=True)
class ModelAccount:
    """What one model was asked by this process.

    Attributes:
        calls: Requests that ended, with an answer or a failure.
        retries: Attempts beyond the first of each.
        failed: Requests that got no answer (``provider`` failures).
        last_error: Why the last of these failed.
        usage: Tokens billed.
    """

    calls: int = 0
    retries: int = 0
    failed: int = 0
    last_error: str = ""
    usage: Usage = field(default_factory=Usage)

    @property
    def silent(self) -> bool:
        """Whether the model was asked, and never answered."""
        return self.calls == self.failed > 0


class Account:
    """Reserves, settles and counts calls; answers from the cache cost nothing and never come here.

    Args:
        prices: By model name (as in ``openai:NAME``).
        budget: Dollars for the run folder, over all its processes. A call is sent only when its worst case fits into what is
            neither spent nor reserved; it waits while calls in flight may still free money.

    Attributes:
        models: What this process asked, by role and model.
        book: What the run folder spent.
        on_retry: Called with `trouble` after every attempt that failed.
        overrun: Dollars that were billed above what was reserved: the endpoint did not keep to ``max_tokens``.
    """

    def __init__(self, prices: Mapping[str, Price] | None = None, budget: float | None = None) -> None:
        self.models: dict[tuple[str, str], ModelAccount] = {}
        self.prices, self.budget, self.book = dict(prices or {}), budget, SpendingBook()
        self.on_retry: Callable[[str], None] = lambda _: None
        self.overrun = 0.0
        self._gates: list[Callable[[], None]] = []
        self._name, self._calls = secrets.token_hex(6), 0
        self._in_flight = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._problem, self._retries = "", 0
        self._queued = False

    @contextmanager
    def kept_in(self, folder: Path) -> Iterator[None]:
        """Keep the book in a run folder: what its earlier processes spent counts, and later ones see what this one does.

        Raises:
            InputError: There is a budget, and the book holds calls of a model without a price; or it cannot be read.
        """
        if self.budget is not None and not LOCKS:
            raise InputError(
                "--budget needs file locks, which this system lacks", fix="run without it, or on Linux or macOS"
            )
        self.book = SpendingBook(folder)
        try:
            for (_, model), one in self.book.settled.items():
                if self.budget is not None and one.unpriced != Usage():
                    self._priced(model)
            yield
        finally:
            self.book.close()

    @property
    def spent(self) -> float:
        """Dollars spent or reserved in the run folder, of the models whose price is known."""
        return self.book.spent(self.prices)

    def require(self, model: str, max_tokens: int | None) -> None:
        """Check that a budget can be held for a model, before anything is asked.

        Raises:
            InputError: There is a budget, and no price for the model or no limit to its answers.
        """
        if self.budget is None:
            return
        self._priced(model)
        if max_tokens is None:
            problem = f"--budget needs a limit to the answers of {model!r}, or one call may cost anything"
            raise InputError(problem, fix=f"write openai:{model}?max_tokens=4096, thinking included")

    def before_first_call(self, check: Callable[[], None]) -> None:
        """Run a check once, before the first call of any model of this account; it raises what is wrong."""
        self._gates.append(check)

    def start(self) -> None:
        """Run the checks that stand before the first call."""
        for check in self._gates:
            check()
        self._gates.clear()

    def enter(self, role: str, model: str, completion: Completion) -> None:
        """Count a request that ended."""
        one = self.models.setdefault((role, model), ModelAccount())
        one.calls += 1
        one.retries += completion.attempts - 1
        one.usage += completion.usage
        if completion.failure == "provider":
            one.failed += 1
            one.last_error = completion.detail
        else:
            self._problem, self._retries = "", 0

    def retrying(self, problem: str) -> None:
        """Note an attempt that failed and is made again."""
        self._problem = problem
        self._retries += 1
        self.on_retry(self.trouble)

    @property
    def trouble(self) -> str:
        """The last problem and how many attempts failed since the last answer; empty while answers come."""
        if self._queued:
            return "waiting for money that another run in this folder has reserved"
        plural = "retry" if self._retries == 1 else "retries"
        return f"retrying: {self._problem}, {self._retries:,} {plural}" if self._problem else ""

    def summary(self) -> str:
        """One line for a progress display: money where prices are known, tokens where not."""
        # Copies, here and in the book: a display asks from a thread of its own.
        models = list(self.models.items())
        unpriced = [one.usage for (_, model), one in models if model not in self.prices]
        tokens = sum(usage.input_tokens + usage.output_tokens for usage in unpriced)
        of = "" if self.budget is None else f" of ${self.budget:g}"
        money = [f"${self.spent:.3f}{of}"] if len(unpriced) < len(models) else []
        return " + ".join(money + ([f"{tokens:,} tokens"] if unpriced else []))

    @asynccontextmanager
    async def attempt(self, role: str, model: str, request: Request) -> AsyncIterator[Callable[[Usage], None]]:
        """One attempt at a call, between its reservation and its bill.

        Yields:
            The function to call with the tokens billed. Where it is not called, the attempt may have been billed, and what
            was reserved for it stays spent.

        Raises:
            BudgetExceededError: The worst case does not fit, and no call in flight can free money.
        """
        entry = await self._reserve(role, model, request)
        billed: list[Usage] = []
        try:
            yield billed.append
        finally:
            try:
                if billed:
                    self._settle(entry, billed[0])
            finally:
                self._ended()

    def _settle(self, entry: Entry, billed: Usage) -> None:
        if self.budget is None and billed == Usage():
            return
        price = self.prices.get(entry.model)
        dollars = None if price is None else price.of(billed)
        if self.budget is not None and dollars is not None and entry.dollars is not None:
            self.overrun += max(0.0, dollars - entry.dollars)
        self.book.settle(entry.model_copy(update={"event": "settle", "usage": billed, "dollars": dollars}))

    def _ended(self) -> None:
        self._in_flight -= 1
        if not self._in_flight:
            self.book.rest()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def _reserve(self, role: str, model: str, request: Request) -> Entry:
        self._calls += 1
        entry = Entry(
            event="reserve",
            call=f"{self._name}-{self._calls}",
            request=request.key,
            role=role,
            model=model,
            usage=Usage(),
            dollars=0.0,
        )
        if self.budget is None:
            self._in_flight += 1
            return entry
        worst = worst_usage(request)
        if worst is None:
            raise InputError(f"a request to {model!r} has no max_tokens, which --budget needs")
        entry = entry.model_copy(update={"usage": worst, "dollars": self._priced(model).of(worst)})
        await self._fit(entry, self.budget)
        return entry

    async def _fit(self, entry: Entry, budget: float) -> None:
        """Wait until the reservation fits, and write it."""
        idle = self._queued = False
        while not self.book.reserve(entry, budget, self.prices, first=not self._in_flight):
            if self._in_flight:
                idle = False
                await self._settlement(entry.dollars or 0.0, budget)
            elif self.book.others_in_flight():
                idle, self._queued = False, True
                await asyncio.sleep(POLL_S)
            elif not idle:
                # Look once more: another process may have settled its last call between the two looks.
                idle = True
            else:
                raise BudgetExceededError(self._no_room(entry.dollars or 0.0, budget))
        self._in_flight += 1
        self._queued = False

    async def _settlement(self, dollars: float, budget: float) -> None:
        """Wait until a call of this process has ended and the sum fits, or none is in flight."""
        while self._in_flight and not self.book.fits(dollars, budget, self.prices):
            ended = asyncio.get_running_loop().create_future()
            self._waiting.append(ended)
            await ended

    def _no_room(self, dollars: float, budget: float) -> str:
        reserved = self.book.reserved()
        lost = f", ${reserved:.4f} of it reserved for calls whose bill never came" if reserved else ""
        return (
            f"the budget of ${budget:g} has no room for the next call, which may cost ${dollars:.4f}: ${self.spent:.4f} is "
            f"spent{lost}; everything answered is kept, run the same command with a higher --budget to resume"
        )

    def _priced(self, model: str) -> Price:
        if model not in self.prices:
            raise InputError(f"--budget needs the price of {model!r}", fix=f"add --price {model}=IN,OUT")
        return self.prices[model]


@dataclass(frozen=True, slots=True)
class AccountMeter:
    """The account, as one model in one role meets it."""

    account: Account
    role: str
    model: str

    def attempt(self, request: Request) -> AbstractAsyncContextManager[Callable[[Usage], None]]:
        """One attempt at a call; see `Account.attempt`."""
        return self.account.attempt(self.role, self.model, request)

    def retrying(self, problem: str) -> None:
        """Note an attempt that failed and is made again."""
        self.account.retrying(problem)

    def before_first_call(self, check: Callable[[], None]) -> None:
        """Run a check once, before the first call of any model of the account."""
        self.account.before_first_call(check)


class AccountedGenerator:
    """Counts every request, after the checks that stand before the first one.

    Args:
        inner: Who is asked.
        account: The book.
        role: What the model is asked as.
        model: The model's name in prices.
    """

    def __init__(self, inner: Generator, account: Account, role: str, model: str) -> None:
        self.name, self.fingerprint, self.concurrency = inner.name, inner.fingerprint, inner.concurrency
        self._inner, self._account, self._role, self._model = inner, account, role, model

    async def generate(self, request: Request) -> Completion:
        """Ask and count.

        Raises:
            InputError: A check before the first call failed; nothing was asked.
            BudgetExceededError: The worst case does not fit the budget; nothing was asked.
        """
        self._account.start()
        completion = await self._inner.generate(request)
        self._account.enter(self._role, self._model, completion)
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
        usable = bool(model) and 0 <= into < math.inf and 0 <= out < math.inf
    except ValueError:
        usable = False
        into = out = 0.0
    if not usable:
        problem = f"--price {text!r} is not MODEL=IN,OUT (dollars per million tokens)"
        raise InputError(problem, fix="for example --price my-model=2.00,8.00")
    return model, Price(into, out)
