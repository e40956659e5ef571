"""What a run costs: every call reserved before it is sent and settled after it, so that a budget holds to one call."""

import asyncio
import math
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rightly.errors import BudgetExceededError, InputError
from rightly.inference.book import Entry, Price, SpendingBook
from rightly.inference.bounds import worst_usage
from rightly.inference.generator import Completion, Generator, Request
from rightly.store.locks import LOCKS
from rightly.types import Usage

BATCH_SHARE = 0.5
"""Part of the price that is billed for a call in a batch."""
POLL_S = 0.2
"""Poll interval while a process waits for another one's reservations."""


@dataclass(slots=True)
class ModelAccount:
    """The requests that this process sent to one model.

    Attributes:
        calls: Requests that ended, with an answer or a failure.
        retries: Attempts beyond the first one of each request.
        failed: Requests that got no answer (``provider`` failures).
        last_error: Reason of the latest failure.
        usage: Billed tokens.
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
    """Reserves, settles and counts calls. Answers from the cache are free and are not counted here.

    Args:
        prices: Prices by model name (as in ``openai:NAME``).
        budget: Dollars for the run folder, over all its processes. A call is sent only when its worst case fits into the money
            that is neither spent nor reserved. It waits while calls in flight may still free money.

    Attributes:
        models: This process's requests, by role and model.
        book: Spending of the run folder.
        on_retry: Callback that gets `trouble` after every failed attempt.
        overrun: Dollars billed above the reservation: the endpoint did not respect ``max_tokens``.
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
        self._batches: dict[str, tuple[int, int]] = {}

    @contextmanager
    def kept_in(self, folder: Path) -> Iterator[None]:
        """Keep the book in a run folder: spending of earlier processes counts, and later processes see this one's.

        Raises:
            InputError: There is a budget and the book holds calls of a model without a price, or the book cannot be read.
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
        """Dollars spent or reserved in the run folder, over the models whose price is known."""
        return self.book.spent(self.prices)

    def require(self, model: str, max_tokens: int | None) -> None:
        """Check that a budget can be enforced for a model, before any request is sent.

        Raises:
            InputError: There is a budget, but no price for the model or no limit on its answer length.
        """
        if self.budget is None:
            return
        self._priced(model)
        if max_tokens is None:
            problem = f"--budget needs a token limit for the answers of {model!r}; without one the cost of a call is unbounded"
            raise InputError(problem, fix=f"write openai:{model}?max_tokens=4096 (thinking tokens count)")

    def before_first_call(self, check: Callable[[], None]) -> None:
        """Register a check that runs once, before the first call of any model of this account. It raises on a problem."""
        self._gates.append(check)

    def start(self) -> None:
        """Run the checks registered for the first call."""
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
        """Note a failed attempt that will be retried."""
        self._problem = problem
        self._retries += 1
        self.on_retry(self.trouble)

    def waits_for_batch(self, name: str, done: int, total: int) -> None:
        """Note that the provider works on a batch, and how many of its requests are answered."""
        self._batches[name] = (done, total)
        self._problem, self._retries = "", 0
        self.on_retry(self.trouble)

    def batch_ended(self, name: str) -> None:
        """Note that a batch is no longer waited for."""
        self._batches.pop(name, None)

    @property
    def trouble(self) -> str:
        """Why nothing arrives: the last problem and its retries since the last answer, or the batches that are waited for."""
        waiting = list(self._batches.values())
        if waiting and not self._problem:
            done, total = (sum(counts) for counts in zip(*waiting, strict=True))
            what = "a batch" if len(waiting) == 1 else f"{len(waiting)} batches"
            return f"waiting for {what} of {total:,} requests at the provider, {done:,} answered; it may take up to 24 hours"
        if self._queued:
            return "waiting for budget that another run in this folder has reserved"
        plural = "retry" if self._retries == 1 else "retries"
        return f"retrying: {self._problem}, {self._retries:,} {plural}" if self._problem else ""

    def summary(self) -> str:
        """One line for a progress display: money where prices are known, tokens where not."""
        # Copies, here and in the book: a display reads from its own thread.
        models = list(self.models.items())
        unpriced = [one.usage for (_, model), one in models if model not in self.prices]
        tokens = sum(usage.input_tokens + usage.output_tokens for usage in unpriced)
        of = "" if self.budget is None else f" of ${self.budget:g}"
        money = [f"${self.spent:.3f}{of}"] if len(unpriced) < len(models) else []
        return " + ".join(money + ([f"{tokens:,} tokens"] if unpriced else []))

    @asynccontextmanager
    async def attempt(self, role: str, model: str, request: Request) -> AsyncIterator[Callable[[Usage], None]]:
        """Surround one attempt at a call with its reservation and its bill.

        Yields:
            The function to call with the billed tokens. If it is not called, the attempt may have been billed, and its
            reservation stays spent.

        Raises:
            BudgetExceededError: The worst case does not fit, and no call in flight can free money.
        """
        entry = self.call(role, model, request)
        if self.budget is None:
            self._in_flight += 1
        else:
            await self.reserve([entry])
        billed: list[Usage] = []
        try:
            yield billed.append
        finally:
            try:
                if billed:
                    self._settle(entry, billed[0])
            finally:
                self.ended()

    def _settle(self, entry: Entry, billed: Usage) -> None:
        if self.budget is None and billed == Usage():
            return
        self.book.settle(self.bill(entry, billed))

    def bill(self, entry: Entry, billed: Usage, share: float = 1.0) -> Entry:
        """The settlement of a call.

        Args:
            entry: The call.
            billed: Billed tokens.
            share: Part of the price that is billed.
        """
        price = self.prices.get(entry.model)
        dollars = None if price is None else price.of(billed) * share
        if self.budget is not None and dollars is not None and entry.dollars is not None:
            self.overrun += max(0.0, dollars - entry.dollars)
        return entry.model_copy(update={"event": "settle", "usage": billed, "dollars": dollars})

    def resumed(self, n: int) -> None:
        """Note that calls of an earlier process are in flight again."""
        self._in_flight += n
        self.book.begin()

    def ended(self, n: int = 1) -> None:
        """Note that calls are no longer in flight."""
        self._in_flight -= n
        if not self._in_flight:
            self.book.rest()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    def call(self, role: str, model: str, request: Request, share: float = 1.0) -> Entry:
        """The reservation of a call, not yet written: of its worst case if there is a budget, else of nothing.

        Args:
            role: Role of the model.
            model: Name of the model in the price list.
            request: The request.
            share: Part of the price that is billed.

        Raises:
            InputError: There is a budget and the request has no limit.
        """
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
            return entry
        worst = worst_usage(request)
        if worst is None:
            raise InputError(f"a request to {model!r} has no max_tokens, which --budget needs")
        return entry.model_copy(update={"usage": worst, "dollars": self._priced(model).of(worst) * share})

    async def reserve(self, entries: Sequence[Entry]) -> int:
        """Wait until the first reservation fits into the budget, then write as many as fit; returns their number.

        The caller settles them or not, and says `ended` for each one.

        Raises:
            BudgetExceededError: The first does not fit, and no call in flight can free money.
        """
        idle = self._queued = False
        first = entries[0].dollars or 0.0
        while not (n := self.book.reserve(entries, self.budget, self.prices, first=not self._in_flight)):
            if self._in_flight:
                idle = False
                await self._settlement(first)
            elif self.book.others_in_flight():
                idle, self._queued = False, True
                await asyncio.sleep(POLL_S)
            elif not idle:
                # Check once more: another process may have settled its last call between the two checks.
                idle = True
            else:
                raise BudgetExceededError(self._no_room(first))
        self._in_flight += n
        self._queued = False
        return n

    async def _settlement(self, dollars: float) -> None:
        """Wait until a call of this process has ended and the sum fits, or no call is in flight."""
        while self._in_flight and self.budget is not None and not self.book.fits(dollars, self.budget, self.prices):
            ended = asyncio.get_running_loop().create_future()
            self._waiting.append(ended)
            await ended

    def _no_room(self, dollars: float) -> str:
        reserved = self.book.reserved()
        lost = f", ${reserved:.4f} of it reserved for calls whose bill never arrived" if reserved else ""
        return (
            f"the budget of ${self.budget:g} does not cover the next call, which may cost ${dollars:.4f}: ${self.spent:.4f} is "
            f"spent{lost}. All answers are kept; to resume, run the same command with a higher --budget"
        )

    def _priced(self, model: str) -> Price:
        if model not in self.prices:
            raise InputError(f"--budget needs the price of {model!r}", fix=f"add --price {model}=IN,OUT")
        return self.prices[model]


@dataclass(frozen=True, slots=True)
class AccountMeter:
    """View of the account for one model in one role."""

    account: Account
    role: str
    model: str

    def attempt(self, request: Request) -> AbstractAsyncContextManager[Callable[[Usage], None]]:
        """One attempt at a call; see `Account.attempt`."""
        return self.account.attempt(self.role, self.model, request)

    def retrying(self, problem: str) -> None:
        """Note a failed attempt that will be retried."""
        self.account.retrying(problem)

    def before_first_call(self, check: Callable[[], None]) -> None:
        """Run a check once, before the first call of any model of the account."""
        self.account.before_first_call(check)


class AccountedGenerator:
    """Counts every request, after the checks registered for the first one.

    Args:
        inner: Generator that answers the requests.
        account: Account that counts and pays for the requests.
        role: Role of the model: ``judge``, ``atomiser``, ``matcher``.
        model: Name of the model in the price list.
    """

    def __init__(self, inner: Generator, account: Account, role: str, model: str) -> None:
        self.name, self.fingerprint, self.concurrency = inner.name, inner.fingerprint, inner.concurrency
        self._inner, self._account, self._role, self._model = inner, account, role, model

    async def generate(self, request: Request) -> Completion:
        """Send the request and count it.

        Raises:
            InputError: A check before the first call failed; no request was sent.
            BudgetExceededError: The worst case does not fit the budget; no request was sent.
        """
        self._account.start()
        completion = await self._inner.generate(request)
        self._account.enter(self._role, self._model, completion)
        return completion

    async def aclose(self) -> None:
        """Close the inner generator."""
        await self._inner.aclose()


def parse_price(text: str) -> tuple[str, Price]:
    """Parse ``MODEL=IN,OUT``, in dollars per million tokens.

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
