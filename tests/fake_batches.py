"""A fake endpoint with OpenAI's Batch API, in memory; its steps can be held to be killed in.

As a process of its own: ``python -m tests.fake_batches``; it prints its address. ``POST /hold`` with the name of a step
(``upload``, ``create``, ``finish``, ``content``) lets this step be done and its response hang, until another name is
posted. ``GET /stats`` counts.
"""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from tests.fake_endpoint import FakeEndpoint, judge_like

ENDED = ("completed", "expired", "cancelled", "failed")


class FakeBatches(FakeEndpoint):
    """The server.

    Args:
        answer: The text for a request body.
        looks: Number of looks at a batch before it has ended.
        status: How a batch ends.
        finished: Number of requests of a batch that are answered; ``None`` is all.
        line: Changes a line of the results, given the request's body: to another line, or to ``None`` for no line.
        refusal: Status and message with which every upload and creation is refused.

    Attributes:
        files: Contents by id.
        batches: Batches by id.
        billed: How often each custom id was answered.
    """

    def __init__(
        self,
        answer: Callable[[Mapping[str, Any]], str] = judge_like,
        *,
        looks: int = 2,
        status: str = "completed",
        finished: int | None = None,
        line: Callable[[dict[str, Any], Mapping[str, Any]], dict[str, Any] | None] = lambda line, _: line,
        refusal: tuple[int, str] | None = None,
    ) -> None:
        super().__init__(answer)
        self._looks, self._status, self._finished, self._line = looks, status, finished, line
        self._refuse = refusal
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.billed: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.held, self._released = "", asyncio.Event()
        self.holding: Counter[str] = Counter()
        self.drop_metadata = False
        self.failing: Counter[str] = Counter()

    def _add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/files", self._upload)
        router.add_get("/v1/files/{id}/content", self._content)
        router.add_post("/v1/batches", self._create)
        router.add_get("/v1/batches", self._list)
        router.add_get("/v1/batches/{id}", self._show)
        router.add_post("/hold", self._hold)

    def stats(self) -> dict[str, Any]:
        return {
            "batches": len(self.batches),
            "billed": dict(self.billed),
            "calls": dict(self.calls),
            "holding": dict(self.holding),
            "asked": dict(self.asked),
        }

    async def _hold(self, request: web.Request) -> web.Response:
        self.hold((await request.read()).decode())
        return web.Response()

    def hold(self, step: str) -> None:
        """Let the responses of a step hang from now on, and no others."""
        self.held = step
        self._released.set()
        self._released = asyncio.Event()

    async def _respond_to(self, step: str, found: Any) -> web.Response:
        """Respond, once the step is not held."""
        self.calls[step] += 1
        self.holding[step] += self.held == step
        while self.held == step:
            await self._released.wait()
        if self.failing[step] > 0:
            self.failing[step] -= 1
            return web.json_response({"error": {"message": "oops"}}, status=500)
        return web.Response(body=found) if isinstance(found, bytes) else web.json_response(found)

    def _refused(self) -> web.Response | None:
        if self._refuse is None:
            return None
        return web.json_response({"error": {"message": self._refuse[1]}}, status=self._refuse[0])

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["purpose"] == "batch"
        file = form["file"]
        assert isinstance(file, web.FileField)
        if (refused := self._refused()) is not None:
            return refused
        name = f"file-{len(self.files)}"
        self.files[name] = file.file.read()
        return await self._respond_to("upload", {"id": name, "object": "file"})

    async def _create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        assert (asked["endpoint"], asked["completion_window"]) == ("/v1/chat/completions", "24h")
        if (refused := self._refused()) is not None:
            return refused
        name = f"batch-{len(self.batches)}"
        lines = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
        assert len({line["custom_id"] for line in lines}) == len(lines)
        counts = {"total": len(lines), "completed": 0, "failed": 0}
        self.batches[name] = {
            "id": name,
            "object": "batch",
            **asked,
            "status": "in_progress",
            "request_counts": counts,
            "looks": 0,
        }
        if self.drop_metadata:
            self.batches[name]["metadata"] = None
        return await self._respond_to("create", self.batches[name])

    async def _list(self, request: web.Request) -> web.Response:
        names = [*reversed(self.batches)]
        after = request.query.get("after")
        # One a page, so that a client that reads only the first is noticed.
        start = 0 if after is None else names.index(after) + 1
        page = [self.batches[name] for name in names[start : start + 1]]
        return await self._respond_to("list", {"data": page, "has_more": start + 1 < len(names)})

    async def _show(self, request: web.Request) -> web.Response:
        found = self.batches.get(request.match_info["id"])
        if found is None:
            return web.json_response({"error": {"message": "no such batch"}}, status=404)
        found["looks"] += 1
        if self.held == "finish":
            self.holding["finish"] += 1
        elif found["looks"] > self._looks and found["status"] not in ENDED:
            self._finish(found)
        return await self._respond_to("show", found)

    async def _content(self, request: web.Request) -> web.Response:
        return await self._respond_to("content", self.files[request.match_info["id"]])

    def _finish(self, batch: dict[str, Any]) -> None:
        batch["status"] = self._status
        if self._status == "failed":
            batch["errors"] = {"data": [{"message": "Enqueued token limit reached"}]}
            return
        output, errors = [], []
        for number, line in enumerate(map(json.loads, self.files[batch["input_file_id"]].splitlines())):
            if self._finished is not None and number >= self._finished:
                error = {
                    "code": "batch_expired",
                    "message": "This request could not be executed before the batch expired.",
                }
                errors.append({"custom_id": line["custom_id"], "response": None, "error": error})
                continue
            self.bodies.append(line["body"])
            body = json.loads(self._body(line["body"], None))
            made = {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}
            made = self._line(made, line["body"])
            if made is not None:
                good = made["response"] is not None and made["response"]["status_code"] == 200
                self.billed[line["custom_id"]] += good
                (output if good else errors).append(made)
        for name, lines in (("output", output), ("error", errors)):
            if lines:
                batch[f"{name}_file_id"] = f"{name}-{batch['id']}"
                # Results come in any order.
                self.files[f"{name}-{batch['id']}"] = b"".join(
                    json.dumps(each).encode() + b"\n" for each in reversed(lines)
                )


def refused_line(line: dict[str, Any], status: int, message: str) -> dict[str, Any]:
    """The line of a request that was refused."""
    return line | {"response": {"status_code": status, "body": {"error": {"message": message}}}}


async def _serve() -> None:
    async with FakeBatches() as endpoint:
        print(endpoint.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve())
