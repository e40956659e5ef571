"""Any endpoint with OpenAI's Batch API as a generator: half the price, answers within 24 hours.

Concurrent calls are gathered until no new one arrives, and sent as one batch. Every step is on disk before the next one begins
(`BatchJournal`), and the calls are in the book before anything is sent. A process that is killed loses nothing: the next one
that shares the cache finds the batch, by its id or among the provider's batches, and collects it. A call is sent again only
if no batch was created for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rightly.errors import EndpointError
from rightly.inference.answer_cache import AnswerCache, answer_key
from rightly.inference.batch_endpoint import BatchEndpoint
from rightly.inference.batch_journal import BatchJournal, Call, Progress, batches_under_way, custom_id
from rightly.inference.batch_money import BatchMoney
from rightly.inference.batch_results import Result, input_line, results
from rightly.inference.chat_request import NOTHING_LEARNED, ChatRequest, Learned
from rightly.inference.endpoint import DEFAULT_BASE_URL, Endpoint, endpoint_fingerprint
from rightly.inference.generator import Completion, Request
from rightly.types import Usage

MOST_REQUESTS = 50_000
MOST_BYTES = 100_000_000
"""Limits of one batch."""
GATHER_S = 1.0
"""Seconds without a new call after which the gathered ones are sent."""
LONGEST_LOOK_S = 600.0
"""Longest interval between two looks at a batch, unless ``poll_s`` is longer."""
_ENDED = ("completed", "failed", "expired", "cancelled")


@dataclass
class _Batch:
    """A batch that this process works on.

    Attributes:
        journal: The batch on disk.
        waiting: Requests of this process that it answers, by their keys, and where their answers are awaited.
        sent: What was known of the model's fields when its input was written.
        in_flight: Number of its calls that this run's book counts as in flight.
    """

    journal: BatchJournal
    waiting: dict[str, tuple[Request, asyncio.Future[Completion]]] = field(default_factory=dict)
    sent: Learned = NOTHING_LEARNED
    in_flight: int = 0


class BatchGenerator:
    """Answers requests by ``POST {base_url}/batches``; it is the same model as without batches, with the same fingerprint.

    Args:
        model: Name of the model at the endpoint.
        cache: Store for the answers; the batches under way are beside it.
        money: Pays for the calls.
        base_url: Base URL of the endpoint, as for `OpenAIGenerator`; so are the next six.
        api_key: Key of the endpoint.
        key_env: Environment variable that holds the key.
        reasoning_effort: The field of this name in every call.
        chat_template_kwargs: The field of this name in every call.
        extra_body: Further fields of every call.
        timeout_s: Seconds without a byte after which a call of the Batch API has failed.
        max_attempts: Attempts of an upload or a creation before the run ends.
        poll_s: Seconds before the second look at a batch; later intervals are longer, up to ten minutes.
        gather_s: Seconds without a new call after which the gathered ones are sent.
        sleep: Coroutine function that waits between looks and attempts.

    Raises:
        InputError: ``base_url`` is not a valid address, or ``extra_body`` holds a field that Rightly sets.
    """

    # The calls of a whole run must be able to gather, and those of the next batch while one is answered.
    concurrency = 2 * MOST_REQUESTS

    def __init__(
        self,
        model: str,
        *,
        cache: AnswerCache,
        money: BatchMoney,
        base_url: str | None = None,
        api_key: str | None = None,
        key_env: str | None = None,
        reasoning_effort: str | None = None,
        chat_template_kwargs: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout_s: float = 300.0,
        max_attempts: int = 8,
        poll_s: float = 30.0,
        gather_s: float = GATHER_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._endpoint = Endpoint(model, base_url, api_key, key_env, timeout_s)
        self._chat = ChatRequest(model, reasoning_effort, chat_template_kwargs, extra_body)
        self.name, self.fingerprint = self._endpoint.name, endpoint_fingerprint(model, base_url, **self._chat.sent)
        if self._endpoint.base == DEFAULT_BASE_URL:
            # All its models take the newer name; to learn it from a refusal would cost a whole batch's time.
            self._chat.learned = NOTHING_LEARNED._replace(renamed={"max_tokens": "max_completion_tokens"})
        self._cache, self._money = cache, money
        self._api = BatchEndpoint(self._endpoint, max_attempts, sleep, money.retrying)
        self._poll_s, self._gather_s, self._sleep = poll_s, gather_s, sleep
        self._pending: dict[str, tuple[Request, asyncio.Future[Completion]]] = {}
        self._earlier: dict[str, _Batch] | None = None
        self._gathering: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        money.before_first_call(self._endpoint.require_key)

    async def generate(self, request: Request) -> Completion:
        """Wait for the batch that answers the request: one under way since an earlier process, or the next one.

        Raises:
            EndpointError: The endpoint refuses the batch, or has no Batch API.
            BudgetExceededError: The worst case of the call does not fit the budget.
        """
        if self._earlier is None:
            self._earlier = self._resume()
        batch = self._earlier.get(request.key)
        waiting = self._pending if batch is None else batch.waiting
        _, answer = waiting.setdefault(request.key, (request, asyncio.get_running_loop().create_future()))
        if batch is None:
            self._gather()
        return await asyncio.shield(answer)

    async def aclose(self) -> None:
        """Stop waiting; batches under way stay on disk and at the provider, for the next run."""
        tasks = [*self._tasks, *([self._gathering] if self._gathering else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._endpoint.aclose()

    def _resume(self) -> dict[str, _Batch]:
        """Continue the batches that earlier processes sent."""
        found: dict[str, _Batch] = {}
        for journal in batches_under_way(self._cache.path, self.fingerprint):
            batch = _Batch(journal)
            for call in journal.calls:
                found.setdefault(call.request.key, batch)
            self._start(batch, self._continue(batch))
        return found

    def _start(self, batch: _Batch, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(self._guarded(batch, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, batch: _Batch, work: Coroutine[Any, Any, None]) -> None:
        """Work on a batch. However it ends, nobody waits for it any longer and another process may continue it."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the callers that wait
            _fail(batch.waiting, error)
        finally:
            batch.journal.release()
            self._money.account.batch_ended(batch.journal.name)
            self._money.ended(batch.in_flight)
            self._forget(batch)

    def _forget(self, batch: _Batch) -> None:
        for key in [key for key, earlier in (self._earlier or {}).items() if earlier is batch]:
            del (self._earlier or {})[key]

    def _gather(self) -> None:
        if self._gathering is None or self._gathering.done():
            self._gathering = asyncio.ensure_future(self._send_pending())

    async def _send_pending(self) -> None:
        """Send batches until no call is pending."""
        try:
            while self._pending:
                n = 0
                while n < len(self._pending) < MOST_REQUESTS:
                    n = len(self._pending)
                    await asyncio.sleep(self._gather_s)
                await self._send()
        except Exception as error:  # noqa: BLE001 - no budget, no disk: it belongs to the callers that wait
            _fail(self._pending, error)

    async def _send(self) -> None:
        """Send one batch of pending calls: as many as fit into it and into the budget."""
        sent, requests, lines, size = self._chat.learned, [], [], 0
        for request, _ in self._pending.values():
            line = input_line(custom_id(request), self._chat.fields(request))
            size += len(line)
            if lines and (size > MOST_BYTES or len(lines) == MOST_REQUESTS):
                break
            requests.append(request)
            lines.append(line)
        entries = self._money.reservations(requests)
        calls = [Call(request=request, entry=entry) for request, entry in zip(requests, entries, strict=True)]
        progress = Progress(model=self.fingerprint, run=self._money.run)
        journal = BatchJournal.begin(self._cache.path, calls, progress)
        try:
            n = await self._money.reserve(entries)
        except BaseException:
            journal.end()
            raise
        batch = _Batch(journal, {r.key: self._pending.pop(r.key) for r in requests[:n]}, sent, in_flight=n)
        self._start(batch, self._submit(batch, lines[:n]))

    async def _submit(self, batch: _Batch, lines: Sequence[bytes]) -> None:
        journal = batch.journal
        self._money.account.waits_for_batch(journal.name, 0, len(lines))
        try:
            if len(lines) < len(journal.calls):
                journal.keep(journal.calls[: len(lines)])
            file = await self._api.upload(journal.name, b"".join(lines))
        except Exception:
            self._dismantle(batch)
            raise
        journal.note(file=file)
        journal.note(batch=await self._api.create(journal.name, file))
        await self._collect(batch)

    async def _continue(self, batch: _Batch) -> None:
        """Collect a batch of another process, once that process is dead or has collected it."""
        journal, looks = batch.journal, 0
        while not journal.take():
            self._money.account.waits_for_batch(journal.name, 0, len(journal.calls))
            await self._wait(looks)
            looks += 1
        if not journal.read():
            return self._answer_stored(batch)
        progress = journal.progress
        entries = [call.entry for call in journal.calls]
        batch.in_flight = self._money.resumed(progress.run, entries)
        if progress.batch is None and progress.file is not None:
            found = await self._api.find(journal.name, progress.file)
            if found is None:
                # Its creation may still be under way at the provider.
                await self._wait(0)
                found = await self._api.find(journal.name, progress.file)
            if found is not None:
                journal.note(batch=found)
        if journal.progress.batch is not None:
            return await self._collect(batch)
        self._dismantle(batch)
        return self._ask_again(batch, batch.waiting)

    def _dismantle(self, batch: _Batch) -> None:
        """Give up a batch that was never created: nothing is billed."""
        journal = batch.journal
        self._money.settle(journal.progress.run, [(call.entry, Usage()) for call in journal.calls])
        journal.end()

    def _answer_stored(self, batch: _Batch) -> None:
        """Give the answers that another process has collected; what it did not get is asked again."""
        missing = {}
        for key, (request, answer) in batch.waiting.items():
            found = self._cache.get(answer_key(self.fingerprint, request))
            if found is None:
                missing[key] = (request, answer)
            else:
                _give(answer, found)
        self._ask_again(batch, missing)

    def _ask_again(self, batch: _Batch, waiting: Mapping[str, tuple[Request, asyncio.Future[Completion]]]) -> None:
        self._forget(batch)
        if waiting:
            self._pending.update(waiting)
            self._gather()

    async def _collect(self, batch: _Batch) -> None:
        """Wait until the batch has ended; then settle its bills, store its answers, and give them to the callers."""
        journal = batch.journal
        try:
            found = await self._ended(journal)
            names = [found.get(name) for name in ("output_file_id", "error_file_id")]
            files = [await self._api.content(str(name)) for name in names if name]
        except EndpointError as error:
            kept = f"batch {journal.progress.batch} is kept in {journal.where}; rerun with the key that sent it to collect it"
            raise EndpointError(f"{error}; {kept}") from error
        read = results(journal.calls, files, _status(found), _problem(found))
        told = zip(journal.calls, read, strict=True)
        # The bill before the answer: a stored answer is not asked again, so nothing would bring its bill again.
        self._money.settle(journal.progress.run, [(c.entry, r.billed) for c, r in told if r.billed is not None])
        for call, result in zip(journal.calls, read, strict=True):
            if result.completion.failure != "provider":
                self._cache.put(answer_key(self.fingerprint, call.request), call.request, result.completion)
        journal.end()
        self._give_all(batch, read)

    def _give_all(self, batch: _Batch, read: Sequence[Result]) -> None:
        told = {call.request.key: result for call, result in zip(batch.journal.calls, read, strict=True)}
        again = {}
        for key, (request, answer) in batch.waiting.items():
            result = told.get(key)
            if result is None or (result.refusal and self._chat.learn(result.refusal, request, batch.sent)):
                again[key] = (request, answer)
            else:
                _give(answer, result.completion)
        self._ask_again(batch, again)

    async def _ended(self, journal: BatchJournal) -> Mapping[str, Any]:
        looks = 0
        while True:
            found = await self._api.status(str(journal.progress.batch))
            if _status(found) in _ENDED:
                return found
            counts = found.get("request_counts") or {}
            done = int(counts.get("completed") or 0) + int(counts.get("failed") or 0)
            self._money.account.waits_for_batch(journal.name, done, len(journal.calls))
            await self._wait(looks)
            looks += 1

    async def _wait(self, looks: int) -> None:
        await self._sleep(min(self._poll_s * 1.5 ** min(looks, 50), max(self._poll_s, LONGEST_LOOK_S)))


def _status(batch: Mapping[str, Any]) -> str:
    return str(batch.get("status")).lower()


def _problem(batch: Mapping[str, Any]) -> str:
    """The provider's first message about the whole batch; empty without one."""
    listed = (batch.get("errors") or {}).get("data") or []
    return " ".join(str(listed[0].get("message") or "").split())[:300] if listed else ""


def _give(answer: asyncio.Future[Completion], completion: Completion) -> None:
    if not answer.done():
        answer.set_result(completion)


def _fail(waiting: dict[str, tuple[Request, asyncio.Future[Completion]]], error: Exception) -> None:
    for _, answer in waiting.values():
        if not answer.done():
            answer.set_exception(error)
    waiting.clear()
