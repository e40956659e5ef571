"""Matchers whose links a test decides."""

from rightly.matchers.base import Link, Match


class Scripted:
    """Scores every two texts by a function; ``None`` for a pair fails the match. Remembers what it was shown."""

    name = fingerprint = "scripted"
    concurrency, smoke_only, free, operating_point, held_out = 4, False, True, 0.5, None

    def __init__(self, score):
        self._score, self.shown, self.closed = score, [], 0

    async def match(self, reference, candidate):
        self.shown.append((tuple(reference), tuple(candidate)))
        found = [(i, j, self._score(a, b)) for i, a in enumerate(reference) for j, b in enumerate(candidate)]
        if any(score is None for *_, score in found):
            return Match(failure="provider", detail="down")
        return Match(links=tuple(Link(reference=i, candidate=j, score=score) for i, j, score in found if score))

    async def aclose(self):
        self.closed += 1
