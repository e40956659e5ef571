"""Written points with sentences that make the same point and sentences that do not."""

import json

import pytest

from rightly.errors import InputError
from rightly.matchers.lexical import content_words, overlap
from rightly.matchers.validation.probes import load_probes
from rightly.training.matcher.contrasts import WRITTEN, Contrast, contrast_file, from_contrasts, read_contrasts
from tests.training.matcher.conftest import CONTRAST


def test_rows_are_labelled_by_kind():
    rows = [row for seed in range(30) for row in from_contrasts([Contrast.model_validate(CONTRAST)], seed)]
    labels = {row.kind: (row.same, row.covers) for row in rows}
    near_misses = dict.fromkeys(("polarity", "number", "same topic", "general", "vague", "swap"), (0, 0))
    assert labels == near_misses | {"paraphrase": (1, 1), "specific": (0, 1)}
    ways = {CONTRAST["point"], *CONTRAST["paraphrases"]}
    for row in rows:
        texts = {row.reference, row.candidate}
        assert (texts <= ways) == (row.kind == "paraphrase")
        if row.kind == "specific":  # what is specific covers what is general, never the other way round
            assert row.reference in {*CONTRAST["general"], *ways}
            assert row.candidate in {*CONTRAST["specific"], *ways}


def test_both_orders_occur():
    rows = [row for seed in range(20) for row in from_contrasts([Contrast.model_validate(CONTRAST)], seed)]
    polar = {row[:2] for row in rows if row.kind == "polarity"}
    assert {(b, a) for a, b in polar} & polar


def test_only_a_point_that_names_a_response_is_swapped():
    rows = list(from_contrasts([Contrast.model_validate(CONTRAST)]))
    assert ("Response A cites a source", "Response B cites a source") in {r[:2] for r in rows if r.kind == "swap"}
    unnamed = json.loads(json.dumps(CONTRAST).replace("Response A", "it"))
    assert "swap" not in {row.kind for row in from_contrasts([Contrast.model_validate(unnamed)])}


def test_contrasts_name_file_and_row(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(CONTRAST) + "\n" + json.dumps({**CONTRAST, "vague": 3}) + "\n")
    with pytest.raises(InputError, match=r"own\.jsonl:2: vague: "):
        read_contrasts(path)


def test_no_shipped_contrast_is_near_a_probe():
    contrasts = read_contrasts(contrast_file(WRITTEN))
    assert len({each.point for each in contrasts}) == len(contrasts) > 1000
    probes = [content_words(text) for probe in load_probes() for text in (probe.human, probe.judge)]
    for each in contrasts[::7]:
        assert max(overlap(content_words(each.point), words) for words in probes) <= 0.55, each.point
