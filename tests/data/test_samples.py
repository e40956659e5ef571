from collections import Counter

import pytest

from rightly.data.load import load_pairs
from rightly.data.samples import SAMPLES, sample_path
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


def test_the_longer_argument_wins_as_often_as_in_the_whole_corpus():
    # .776 on all strict labels of the corpus; 3 standard errors at n = 480 are .057.
    pairs = list(load_pairs("sample:ukpconvarg1"))
    longer = sum(("A" if len(p.responses[0]) > len(p.responses[1]) else "B") == p.label for p in pairs) / len(pairs)
    assert longer == pytest.approx(0.776, abs=0.057)


def test_unknown_sample_lists_known_samples():
    with pytest.raises(InputError, match="no sample is named 'nothing'; use one of: ukpconvarg1"):
        load_pairs("sample:nothing")
