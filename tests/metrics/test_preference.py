import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from rightly.metrics.preference import HISTOGRAM_BINS, PreferenceMetrics, evaluate_margins

margin_lists = st.lists(st.floats(-10, 10), min_size=2, max_size=30)


def test_figures_by_hand():
    found = evaluate_margins([2.0, -1.0, 0.0, 3.0], lengths=[[5, 1], [1, 5], [2, 2], [9, 3]])

    assert (found.n, found.ties, found.accuracy) == (4, 1, 0.5)
    assert (found.margin_mean, found.margin_sd) == (1.0, pytest.approx(np.sqrt(2.5)))
    assert {part.name: (part.n, part.accuracy) for part in found.by_length} == {
        "longer": (2, 1.0),
        "shorter": (1, 0.0),
        "equal_length": (1, 0.0),
    }
    assert sum(found.histogram) == 4
    assert len(found.histogram_edges) == HISTOGRAM_BINS + 1


def test_length_correlation_is_spearmans():
    generator = np.random.default_rng(0)
    margins, lengths = generator.normal(size=50), generator.integers(1, 9, (50, 2))

    found = evaluate_margins(margins, lengths=lengths)

    assert found.length_correlation == pytest.approx(spearmanr(margins, lengths[:, 0] - lengths[:, 1]).statistic)


def test_no_correlation_with_a_constant():
    assert evaluate_margins([1.0, 2.0], lengths=[[3, 3], [4, 4]]).length_correlation is None


def test_strength_bins_keep_equal_strengths_together():
    found = evaluate_margins([1.0, -1.0, 1.0, 1.0], strengths=[1, 1, 3, 3])

    assert [(part.name, part.n, part.accuracy) for part in found.by_strength] == [("1 to 1", 2, 0.5), ("3 to 3", 2, 1.0)]


def test_one_strength_is_one_bin():
    assert [part.n for part in evaluate_margins([1.0, -1.0], strengths=[2, 2]).by_strength] == [2]


def test_quintiles():
    found = evaluate_margins(np.ones(100), strengths=np.arange(100))

    assert [part.n for part in found.by_strength] == [20] * 5


@given(margin_lists, st.floats(0.1, 10))
def test_scale_changes_confidence_not_accuracy(margins, scale):
    small, large = evaluate_margins(margins), evaluate_margins(np.array(margins) * scale)

    assert small.accuracy == large.accuracy
    assert small.ties == large.ties


@given(margin_lists)
def test_turned_labels_turn_the_accuracy(margins):
    found, turned = evaluate_margins(margins), evaluate_margins(-np.array(margins))

    assert found.accuracy + turned.accuracy + found.ties / found.n == pytest.approx(1)


def test_clusters_widen_the_interval():
    margins = np.repeat([1.0, -1.0, 1.0, 1.0, -1.0, 1.0], 20)
    single, clustered = (
        evaluate_margins(margins, clusters=clusters) for clusters in (None, np.repeat(range(6), 20).tolist())
    )

    assert clustered.accuracy_high - clustered.accuracy_low > 2 * (single.accuracy_high - single.accuracy_low)


def test_it_survives_json_and_logs_what_is_finite():
    found = evaluate_margins([0.0, 0.0])

    assert PreferenceMetrics.model_validate_json(found.model_dump_json()) == found
    assert "temperature" not in found.scalars()
    assert found.scalars()["accuracy"] == 0


@pytest.mark.parametrize("bad", [{"lengths": [[1, 2]]}, {"strengths": [1.0]}, {"strengths": [1.0, float("nan")]}])
def test_shapes_that_do_not_fit_are_refused(bad):
    with pytest.raises(ValueError, match="must be"):
        evaluate_margins([1.0, 2.0], **bad)
