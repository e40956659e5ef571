"""Public entailment sets as training rows: does a premise entail, contradict or leave open a hypothesis?

From them a small model learns what an opposite, another number and a condition are; a few hundred written points cannot teach
it that. Each reader takes the files as published, gzipped or not.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rightly.data.corpus_files import read_json_lines, read_table, read_text
from rightly.errors import InputError
from rightly.training.matcher.labelled import NLI_LABELS, Labelled, entailed


def snli(folder: str | Path) -> Iterator[Labelled]:
    """Development and test parts of SNLI (Bowman et al., 2015), as parallel files ``s1.dev``, ``s2.dev``, ``labels.dev``."""
    for part in ("dev", "test"):
        columns = [read_text(Path(folder) / f"{name}.{part}").splitlines() for name in ("s1", "s2", "labels")]
        if len({len(column) for column in columns}) != 1:
            raise InputError(f"s1.{part}, s2.{part} and labels.{part} differ in length", where=str(folder))
        for number, (premise, hypothesis, label) in enumerate(zip(*columns, strict=True), 1):
            where = f"{Path(folder) / f'labels.{part}'}:{number}"
            yield entailed(_plain(premise), _plain(hypothesis), _label(label, where), "snli")


def counterfactual(path: str | Path) -> Iterator[Labelled]:
    """Counterfactually augmented SNLI (Kaushik et al., 2020): premises and hypotheses edited until the label changes."""
    for number, row in enumerate(read_table(path, ("sentence1", "sentence2", "gold_label"), delimiter="\t"), 2):
        yield entailed(row["sentence1"], row["sentence2"], _label(row["gold_label"], f"{path}:{number}"), "cad_nli")


def conjunctions(path: str | Path) -> Iterator[Labelled]:
    """The adversarial 15,000 of ConjNLI (Saha et al., 2020): conjuncts and quantities removed, added or exchanged."""
    for number, row in enumerate(read_table(path, ("Premise", "Hypothesis", "Label"), delimiter="\t"), 2):
        yield entailed(row["Premise"], row["Hypothesis"], _label(row["Label"], f"{path}:{number}"), "conjnli")


def breaking(path: str | Path) -> Iterator[Labelled]:
    """Breaking NLI (Glockner et al., 2018): premises with one word replaced by a synonym, an antonym, another number."""
    for where, row in read_json_lines(path):
        try:
            premise, hypothesis, label = row["sentence1"], row["sentence2"], row["gold_label"]
        except (KeyError, TypeError):
            raise InputError("is not a row of Breaking NLI", where=where, fix="use the file as published") from None
        yield entailed(premise, hypothesis, _label(label, where), "breaking_nli")


def monotonicity(path: str | Path) -> Iterator[Labelled]:
    """MED (Yanaka et al., 2019): a more general or a more specific word, in positive and in negative contexts."""
    for number, row in enumerate(read_table(path, ("sentence1", "sentence2", "gold_label"), delimiter="\t"), 2):
        yield entailed(row["sentence1"], row["sentence2"], _label(row["gold_label"], f"{path}:{number}"), "med")


READERS: Mapping[str, Callable[[str | Path], Iterator[Labelled]]] = {
    "snli": snli,
    "cad_nli": counterfactual,
    "conjnli": conjunctions,
    "breaking_nli": breaking,
    "med": monotonicity,
}
"""Reader of each entailment set, by the key of ``[data.entailment]``."""


def read_entailment(sources: Mapping[str, str], limit: int, seed: int) -> list[Labelled]:
    """At most ``limit`` rows of each set, drawn by the seed.

    Raises:
        InputError: A set is unknown, or its file is unusable.
    """
    found: list[Labelled] = []
    for name, path in sorted(sources.items()):
        if name not in READERS:
            known = ", ".join(sorted(READERS))
            raise InputError(f"{name!r} is no entailment set", where="[data.entailment]", fix=f"use one of {known}")
        rows = list(READERS[name](path))
        found += random.Random(seed).sample(rows, min(limit, len(rows)))
    return found


def _label(label: str, where: str) -> int:
    try:
        return NLI_LABELS[label.strip()]
    except KeyError:
        raise InputError(
            f"{label!r} is no label of an entailment pair", where=where, fix="use the file as published"
        ) from None


def _plain(text: str) -> str:
    """Tokenised text without the spaces before punctuation marks."""
    for mark in (" .", " ,", " !", " ?", " ;", " :", " 's", " n't", " 're", " 'm"):
        text = text.replace(mark, mark[1:])
    return text.strip()
