"""Public sets of reasons for and against a claim as training rows: which reasons are the same one?"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from rightly.data.corpus_files import read_table
from rightly.errors import InputError
from rightly.matchers.validation.perspectrum import Cluster, Split, perspectrum_claims
from rightly.training.matcher.labelled import Labelled
from rightly.training.matcher.negation_augmentation import negations


def from_perspectrum(folder: str | Path, split: Split, seed: int = 0) -> Iterator[Labelled]:
    """Pair reasons of one cluster, of two clusters with the same stance, of opposite stances, and with opposites by rule."""
    draw = random.Random(seed)
    for _, clusters in perspectrum_claims(folder, split):
        for place, cluster in enumerate(clusters):
            others = [each for i, each in enumerate(clusters) if i != place]
            yield from _of_cluster(cluster, others, draw)


def _of_cluster(cluster: Cluster, others: Sequence[Cluster], draw: random.Random) -> Iterator[Labelled]:
    pairs = [(one, other) for one in cluster.texts for other in cluster.texts if one != other]
    for one, other in draw.sample(pairs, min(3, len(pairs))):
        yield Labelled(one, other, "perspectrum", "one cluster", same=1.0, covers=1.0)
    for supports, kind in ((cluster.supports, "another cluster"), (not cluster.supports, "opposite stance")):
        texts = [text for each in others if each.supports == supports for text in each.texts]
        if texts:
            yield Labelled(draw.choice(cluster.texts), draw.choice(texts), "perspectrum", kind, same=0.0, covers=0.0)
    text = draw.choice(cluster.texts)
    if negated := negations(text):
        yield Labelled(text, draw.choice(negated), "perspectrum", "opposite by rule", same=0.0, covers=0.0)


def from_key_points(folder: str | Path, limit: int, seed: int = 0) -> list[Labelled]:
    """Arguments and the key points that people matched to them (ArgKP, Bar-Haim et al., 2020), half of them matches.

    A long argument covers a short key point; it need not make no other point, so only the coverage is labelled.

    Raises:
        InputError: The folder does not hold the published files.
    """
    folder = Path(folder)
    said = read_table(folder / "arguments_train.csv", ("arg_id", "argument"))
    arguments = {row["arg_id"]: row["argument"].strip("`' ") for row in said}
    known = read_table(folder / "key_points_train.csv", ("key_point_id", "key_point"))
    points = {row["key_point_id"]: row["key_point"] for row in known}
    by_label: dict[str, list[Labelled]] = {"0": [], "1": []}
    labels = folder / "labels_train.csv"
    for number, row in enumerate(read_table(labels, ("arg_id", "key_point_id", "label")), 2):
        try:
            argument, point, found = arguments[row["arg_id"]], points[row["key_point_id"]], by_label[row["label"]]
        except KeyError as error:
            raise InputError(
                f"{error} is unknown", where=f"{labels}:{number}", fix="use the files as published"
            ) from None
        kind = "key point" if row["label"] == "1" else "another key point"
        found.append(Labelled(point, argument, "argkp", kind, covers=float(row["label"])))
    draw = random.Random(seed)
    return [row for found in by_label.values() for row in draw.sample(found, min(len(found), limit // 2))]
