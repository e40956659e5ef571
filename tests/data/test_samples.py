from collections import Counter

import pytest

from rightly.data.holdout import holdout_annotator
from rightly.data.load import load_pairs
from rightly.data.samples import SAMPLES, confusing_reasons, sample_path
from rightly.errors import InputError


def test_ukpconvarg1_is_what_its_attribution_says():
    pairs = list(load_pairs("sample:ukpconvarg1"))
    assert len(pairs) == 480
    assert set(Counter(pair.domain for pair in pairs).values()) == {20}
    assert {pair.label for pair in pairs} == {"A", "B"}
    assert min(len(pair.rationales) for pair in pairs) >= 4
    assert {pair.source for pair in pairs} == {"UKPConvArg1"}


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_small_and_attributed(name):
    path = sample_path(name)
    assert path.stat().st_size < 500_000
    assert path.name in (path.parent / "ATTRIBUTION.md").read_text()


def test_every_shipped_file_is_attributed():
    folder = sample_path("comve").parent
    attribution = (folder / "ATTRIBUTION.md").read_text()
    assert [file.name for file in folder.glob("*.gz") if file.name not in attribution] == []


def test_the_longer_argument_wins_as_often_as_in_the_whole_corpus():
    # .776 on all strict labels of the corpus; 3 standard errors at n = 480 are .057.
    pairs = list(load_pairs("sample:ukpconvarg1"))
    longer = sum(("A" if len(p.responses[0]) > len(p.responses[1]) else "B") == p.label for p in pairs) / len(pairs)
    assert longer == pytest.approx(0.776, abs=0.057)


def test_comve_is_what_its_attribution_says():
    pairs = list(load_pairs("sample:comve"))
    assert len(pairs) == 1000
    assert Counter(pair.label for pair in pairs) == {"A": 492, "B": 508}
    assert {len(pair.rationales) for pair in pairs} == {3}
    assert {(r.favors == pair.label, r.about) for pair in pairs for r in pair.rationales} == {(True, "A"), (True, "B")}
    # Every pair is its own unit of the intervals.
    assert len({pair.context_key for pair in pairs}) == 1000
    one = next(pair for pair in pairs if pair.id == "comve-1175")
    assert one.responses[1] == "He loves to stroll at the park with his dog."
    assert one.label == "B"
    assert one.rationales[1].text == "the park does not have beds"


def test_confusing_reasons_are_kept_apart_from_the_right_ones():
    pairs, confusing = {pair.id: pair for pair in load_pairs("sample:comve")}, confusing_reasons()
    assert confusing.keys() == pairs.keys()
    assert {len(texts) for texts in confusing.values()} == {2}
    assert confusing["comve-1175"][0] == "walking at a park is good for health"
    for pair_id, texts in confusing.items():
        assert not {text.lower() for text in texts} & {r.text.lower() for r in pairs[pair_id].rationales}


def test_one_writer_of_each_comve_pair_can_be_held_out_and_stands_for_the_label():
    for pair in load_pairs("sample:comve"):
        held = holdout_annotator(pair, 0)
        assert held.vote.choice == pair.label
        assert len(held.pair.rationales) == 2
        assert held.rationale not in held.pair.rationales


def test_unknown_sample_lists_known_samples():
    with pytest.raises(InputError, match="no sample is named 'nothing'; use one of: ukpconvarg1"):
        load_pairs("sample:nothing")
