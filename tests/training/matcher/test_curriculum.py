"""What a matcher is trained on, in which order and with which weights."""

from collections import Counter, defaultdict

import pytest

from rightly.data.load import load_pairs
from rightly.matchers.validation.probes import load_probes
from rightly.training.matcher.curriculum import LARGEST_WEIGHT, OVERLAP_BINS, curriculum
from rightly.training.matcher.labelled import Labelled, texts_of, word_overlap
from rightly.training.matcher.recipe import MatcherData


@pytest.fixture
def conjnli(tmp_path):
    path = tmp_path / "c.tsv"
    lines = (f"the dog number {n} runs\ta dog runs\tneutral\n" for n in range(64))
    path.write_text("Premise\tHypothesis\tLabel\n" + "".join(lines))
    return {"conjnli": str(path)}


def test_entailment_comes_first_and_every_epoch_draws_anew(table, conjnli):
    own = MatcherData(contrasts=table["data"]["contrasts"], votes=(), edits=30, entailment=conjnli)
    data = own.model_copy(update={"entailment_first": 32, "entailment_again": 5, "epochs": 2})
    rows = curriculum(data, 0, 16).rows
    assert all(row.kind == "neutral" for row in rows[:32])
    rest = rows[32:]
    assert sum(row.source == "conjnli" and row.kind == "neutral" for row in rest) == 10
    once = curriculum(data.model_copy(update={"epochs": 1}), 0, 16).rows
    assert rows[: len(once)] == once  # a longer run begins like the shorter one
    edits = [Counter(r[:2] for r in some if r.kind == "light edit") for some in (once[32:], rows[len(once) :])]
    assert edits[0] != edits[1]
    assert curriculum(data, 0, 16) == curriculum(data, 0, 16)
    assert curriculum(data, 1, 16).rows != rows


def test_a_batch_holds_texts_of_similar_length_and_no_row_is_lost(table):
    data = MatcherData(contrasts=table["data"]["contrasts"], edits=300, limit=200, epochs=1)
    rows = curriculum(data, 0, 8).rows
    lengths = [sum(map(len, texts_of(row))) for row in rows]
    spans = [max(lengths[n : n + 8]) - min(lengths[n : n + 8]) for n in range(0, len(rows) - 8, 8)]
    assert sorted(spans)[len(spans) // 2] < 20 < max(lengths) - min(lengths)
    capped = curriculum(data.model_copy(update={"rows": 50}), 0, 8).rows
    assert len(capped) == 50
    assert not Counter(capped) - Counter(rows)


def test_in_every_bin_of_word_overlap_both_labels_weigh_the_same(table):
    found = curriculum(MatcherData(contrasts=table["data"]["contrasts"], edits=400, epochs=1), 0, 16)
    total = defaultdict(float)
    largest = defaultdict(float)
    for row, weight in zip(found.rows, found.weights, strict=True):
        if isinstance(row, Labelled) and row.nli is None and row.same is not None:
            place = min(int(word_overlap(row) * OVERLAP_BINS), OVERLAP_BINS - 1), row.same > 0.5
            total[place] += weight
            largest[place] = max(largest[place], weight)
        else:
            assert weight == 1
    free = [n for n in range(OVERLAP_BINS) if 0 < largest[n, True] < LARGEST_WEIGHT > largest[n, False] > 0]
    assert len(free) >= 3
    for n in free:
        assert total[n, True] == pytest.approx(total[n, False])


def test_nothing_that_is_held_out_is_trained_on():
    data = MatcherData(edits=3000, epochs=1, held_debates=("tv-is-better-than-books",))
    found = curriculum(data, 0, 16)
    texts = {text for row in found.rows for text in texts_of(row)}
    pairs = list(load_pairs("sample:ukpconvarg1"))
    away = {r.text for p in pairs if (p.domain or "").startswith("tv-") for r in p.rationales}
    elsewhere = {r.text for p in pairs if not (p.domain or "").startswith("tv-") for r in p.rationales}
    assert not texts & (away - elsewhere)
    # A general or vague sentence may be in both by chance: it says nothing of any one point.
    assert not texts & {text for probe in load_probes() if probe.same for text in (probe.human, probe.judge)}
    points = {row.reference for row in found.held if row.source == "written"} | {
        row.candidate for row in found.held if row.source == "written" and row.kind == "paraphrase"
    }
    assert points
    assert not points & {row.reference for row in found.rows if isinstance(row, Labelled) and row.source == "written"}


def test_the_held_half_of_the_probes_calibrates_nothing():
    held = {probe.judge for probe in load_probes("held")} - {probe.judge for probe in load_probes("open")}
    found = curriculum(MatcherData(edits=0, epochs=1, limit=1), 0, 16)
    assert {row.source for row in found.held} == {"written", "probes"}
    assert not held & {row.candidate for row in found.held}
