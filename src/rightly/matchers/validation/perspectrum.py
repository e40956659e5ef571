"""People's reasons for and against a claim, in clusters of equivalent ones (Perspectrum, Chen et al., NAACL 2019).

Reasons of one cluster make the same point in other words; those of another cluster with the same stance support the claim for
another reason, and those of the opposite stance contradict it. A matcher that recognises reasons scores a reason of the same
cluster above both. The claims are those of the development part. Licence and changes: ``samples/ATTRIBUTION.md``.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from rightly.data.corpus_files import read_json
from rightly.errors import InputError
from rightly.matchers.base import Matcher
from rightly.matchers.validation.packed import packed_rows
from rightly.matchers.validation.ranked import OrderCheck, Said, Trial, check_order
from rightly.types import content_key

ABOUT = (
    "A reason of the same cluster should score above one of another cluster, of the same stance or of the opposite one."
)
Split = Literal["train", "dev", "test"]


class Cluster(NamedTuple):
    """Reasons that people called equivalent, and whether they support the claim."""

    texts: tuple[str, ...]
    supports: bool


class Claim(NamedTuple):
    """A claim with its clusters of reasons."""

    text: str
    clusters: tuple[Cluster, ...]


def perspectrum_claims(folder: str | Path, split: Split) -> Iterator[Claim]:
    """Claims of the published files with their clusters.

    Raises:
        InputError: The folder does not hold the published files.
    """
    folder = Path(folder)
    try:
        splits = read_json(folder / "dataset_split.json")
        pool = {each["pId"]: each["text"].strip() for each in read_json(folder / "perspective_pool.json")}
        for claim in read_json(folder / "perspectrum.json"):
            if splits[str(claim["cId"])] == split:
                clusters = (
                    Cluster(
                        tuple(dict.fromkeys(pool[pid] for pid in each["pids"])), each["stance_label_3"] == "SUPPORT"
                    )
                    for each in claim["perspectives"]
                )
                yield Claim(claim["text"], tuple(clusters))
    except (KeyError, TypeError):
        raise InputError("does not hold Perspectrum", where=str(folder), fix="use data/dataset as published") from None


@cache
def load_perspectrum() -> tuple[Claim, ...]:
    """The claims of the development part that are shipped with the package."""
    return tuple(
        Claim(row["claim"], tuple(Cluster(tuple(texts), supports) for texts, supports in row["clusters"]))
        for row in packed_rows("perspectrum")
    )


async def check_perspectrum(
    matcher: Matcher, claims: Iterable[Claim], on_done: Callable[[object], None], *, trained_on: bool = False
) -> OrderCheck:
    """Check a matcher on clusters of equivalent reasons.

    Args:
        matcher: The matcher to check.
        claims: Claims with their clusters.
        on_done: Callback after each match.
        trained_on: Whether the matcher was trained on the training part.
    """
    trials = list(perspectrum_trials(claims))
    return await check_order(matcher, trials, on_done, data="Perspectrum", about=ABOUT, trained_on=trained_on)


def perspectrum_trials(claims: Iterable[Claim]) -> Iterator[Trial]:
    """One trial for each cluster of two reasons or more; the reasons are drawn by hash."""
    for claim in claims:
        for place, cluster in enumerate(claim.clusters):
            if len(cluster.texts) < 2:
                continue
            point, nearer = by_hash(claim.text, cluster.texts)[:2]
            farther = []
            for supports, kind in ((cluster.supports, "another cluster"), (not cluster.supports, "opposite stance")):
                others = [each for i, each in enumerate(claim.clusters) if i != place and each.supports == supports]
                texts = {text for each in others for text in each.texts} - set(cluster.texts)
                if texts:
                    farther.append(Said(kind, by_hash(point, texts)[0]))
            if farther:
                key = f"{content_key([claim.text])}-{place}"
                yield Trial(key, claim.text, (point,), Said("same cluster", nearer), tuple(farther))


def by_hash(seed: str, texts: Iterable[str]) -> list[str]:
    """The texts in an order that depends only on the seed and on each text."""
    return sorted(texts, key=lambda text: content_key([seed, text]))
