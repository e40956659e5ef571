import email.utils
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.inference.retries import LONGEST_TOLD_WAIT_S, LONGEST_WAIT_S, wait_seconds

JITTER_S = 0.25


def told(headers):
    """The wait without its jitter, to the second."""
    return int(wait_seconds(headers, 1, random.Random(0)))


def test_retry_after_in_seconds():
    assert told({"Retry-After": "30"}) == 30


def test_retry_after_as_a_date():
    date = email.utils.formatdate(time.time() + 100, usegmt=True)
    assert 90 <= told({"Retry-After": date}) <= 100


def test_retry_after_in_the_past_means_now():
    assert told({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0


@pytest.mark.parametrize(
    ("reset", "seconds"), [("6m0s", 360), ("1.5s", 1), ("120ms", 0), ("2m59.56s", 179), ("1h", 3600), ("7600.5ms", 7)]
)
def test_reset_headers_are_read_when_nothing_remains(reset, seconds):
    headers = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": reset}
    assert told(headers) == min(seconds, LONGEST_TOLD_WAIT_S)


def test_longer_rate_limit_reset_counts():
    spent = {f"x-ratelimit-remaining-{what}": "0" for what in ("requests", "tokens")}
    assert told(spent | {"x-ratelimit-reset-requests": "3s", "x-ratelimit-reset-tokens": "20s"}) == 20


def test_rate_limit_reset_is_ignored_while_quota_remains():
    headers = {"x-ratelimit-remaining-tokens": "10", "x-ratelimit-reset-tokens": "50s"}
    assert wait_seconds(headers, 1, random.Random(0)) <= 1


@given(st.text(max_size=30), st.text(max_size=30), st.integers(1, 2000), st.integers())
def test_wait_is_bounded_for_any_header(after, reset, attempt, seed):
    headers = {"Retry-After": after, "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": reset}
    assert 0 <= wait_seconds(headers, attempt, random.Random(seed)) <= LONGEST_TOLD_WAIT_S + JITTER_S


@pytest.mark.parametrize("after", ["inf", "-5", "nan", "1e9", "soon", ""])
def test_an_odd_retry_after_is_bounded(after):
    assert 0 <= wait_seconds({"Retry-After": after}, 1, random.Random(0)) <= LONGEST_TOLD_WAIT_S + JITTER_S


def test_wait_without_headers_is_exponential_backoff_with_jitter():
    rng = random.Random(0)
    for attempt, bound in ((1, 1), (2, 2), (3, 4), (10, LONGEST_WAIT_S)):
        waits = [wait_seconds({}, attempt, rng) for _ in range(200)]
        assert max(waits) <= bound
        assert min(waits) < bound / 10, "full jitter reaches down to nothing"
        assert max(waits) > bound * 0.9
