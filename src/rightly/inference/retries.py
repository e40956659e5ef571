"""When to retry: as the server's headers say, else exponential back-off with full jitter."""

import email.utils
import random
import re
import time
from collections.abc import Mapping

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 60.0
LONGEST_TOLD_WAIT_S = 300.0

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$")


def wait_seconds(headers: Mapping[str, str], attempt: int, rng: random.Random) -> float:
    """Seconds before the next attempt.

    ``Retry-After`` (seconds or a date) and ``x-ratelimit-reset-*`` (``1m2.5s``) are obeyed up to `LONGEST_TOLD_WAIT_S`,
    plus a small jitter, so that callers do not all return at once.

    Args:
        headers: Headers of the refusal, case-insensitive; empty if there was no response.
        attempt: Number of attempts made so far, at least 1.
        rng: Source of the jitter.
    """
    told = _told(headers)
    if told is not None:
        return min(told, LONGEST_TOLD_WAIT_S) + rng.uniform(0, 0.25)
    return rng.uniform(0, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(attempt, 16)))


def _told(headers: Mapping[str, str]) -> float | None:
    after = headers.get("Retry-After")
    if after is not None and (wait := _seconds_or_date(after)) is not None:
        return wait
    spent = [
        headers.get(f"x-ratelimit-reset-{what}")
        for what in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{what}") == "0"
    ]
    waits = [wait for text in spent if text is not None and (wait := _duration(text)) is not None]
    return max(waits, default=None)


def _seconds_or_date(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _duration(text: str) -> float | None:
    match = _DURATION.match(text.strip())
    if not match or not any(match.groups()):
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
