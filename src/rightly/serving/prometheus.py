"""Prometheus metrics of the server: requests by route and status, their duration, and each model's load."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from rightly.serving.models import Ensemble

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROUTES = frozenset(
    ("/v1/score", "/get_reward", "/slime", "/classify", "/pooling", "/v1/embeddings", "/v1/judge", "/v1/models")
)
"""Routes counted by name; any other path is ``other``, so that clients cannot create labels."""


class Metrics:
    """Metrics of one application."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        labels = ["route", "status"]
        self._requests = Counter("rightly_requests", "Requests.", labels, registry=registry)
        self._seconds = Histogram(
            "rightly_request_seconds", "Seconds of a request.", ["route"], buckets=_BUCKETS, registry=registry
        )
        told = {
            "waiting_tokens": "Tokens in the queue.",
            "sequences": "Sequences answered.",
            "computed": "Sequences computed.",
            "tokens": "Tokens computed.",
            "batches": "Batches computed.",
            "busy_s": "Seconds that the model computed.",
        }
        self._load = {
            name: Gauge(f"rightly_model_{name}", text, ["model"], registry=registry) for name, text in told.items()
        }

    @contextmanager
    def request(self, path: str) -> Iterator[Callable[[int], None]]:
        """Count and time a request; yields the function that records its status."""
        route, began, status = path if path in _ROUTES else "other", time.perf_counter(), "500"

        def seen(code: int) -> None:
            nonlocal status
            status = str(code)

        try:
            yield seen
        finally:
            self._requests.labels(route, status).inc()
            self._seconds.labels(route).observe(time.perf_counter() - began)

    def text(self, ensemble: Ensemble | None) -> str:
        """All metrics in the Prometheus text format."""
        for name, model in ({} if ensemble is None else ensemble.models).items():
            for field, value in model.load._asdict().items():
                self._load[field].labels(name).set(value)
        return generate_latest(self._registry).decode()
