import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from rightly.errors import InputError
from rightly.metrics.clustered import clustered_mean
from rightly.metrics.preference import HISTOGRAM_EDGES, PreferenceMetrics, evaluate_margins

margin_lists = st.lists(st.floats(-10, 10), min_size=2, max_size=20)
pair_lists = st.lists(
    st.tuples(st.floats(-10, 10), st.sampled_from([0.0, 0.25, 0.75, 1.0]), st.integers(1, 9), st.integers(1, 9)),
    min_size=1,
    max_size=20,
)


def test_figures_by_hand():
    found = evaluate_margins([2.0, -1.0, 0.0, 3.0], lengths=[[5, 1], [1, 5], [2, 2], [9, 3]])

    assert (found.n, found.n_clusters, found.ties, found.turned, found.undecided) == (4, 4, 1, 0, 0)
    assert found.accuracy == 0.5
    assert (found.margin_mean, found.margin_sd) == (1.0, pytest.approx(np.sqrt(2.5)))
    assert found.margin_quantiles == pytest.approx(np.quantile([2, -1, 0, 3], [0.05, 0.25, 0.5, 0.75, 0.95]))
    assert found.nll == pytest.approx(np.mean(np.log1p(np.exp([-2, 1, 0, -3]))))
    assert {part.name: (part.n, part.accuracy) for part in found.by_length} == {
        "longer": (2, 1.0),
        "shorter": (1, 0.0),
        "equal_length": (1, 0.0),
    }


def test_ties_count_as_the_policy_says():
    margins = [2.0, 0.0, 0.0, -1.0]
    wrong, half = evaluate_margins(margins), evaluate_margins(margins, ties="half")

    assert (wrong.accuracy, wrong.tie_policy) == (0.25, "wrong")
    assert (half.accuracy, half.tie_policy) == (0.5, "half")
    assert wrong.ties == half.ties == 2


def test_a_target_below_half_turns_the_pair_round():
    found = evaluate_margins([2.0, -1.0], targets=[0.9, 0.2], lengths=[[1, 2], [3, 8]])
    same = evaluate_margins([2.0, 1.0], targets=[0.9, 0.8], lengths=[[1, 2], [8, 3]])

    assert found == same.model_copy(update={"turned": 1})
    assert found.accuracy == 1


def test_undecided_pairs_are_in_no_accuracy():
    found = evaluate_margins(
        [1.0, -1.0, 2.0], targets=[1, 1, 0.5], lengths=[[2, 1], [1, 2], [2, 1]], strengths=[1, 2, 3]
    )

    assert (found.n, found.undecided, found.accuracy) == (3, 1, 0.5)
    assert [(part.name, part.n) for part in found.by_length] == [("longer", 1), ("shorter", 1)]
    assert [part.name for part in found.by_strength] == ["1", "2"]
    assert found.margin_mean == pytest.approx(2 / 3)
    with pytest.raises(InputError, match="no pair has a better response"):
        evaluate_margins([1.0], targets=[0.5])


def test_the_histogram_has_fixed_bins_open_at_both_ends():
    found = evaluate_margins([-100.0, -0.1, 0.0, 0.1, 0.125, 16.0, 99.0])
    edges = [-math.inf, *HISTOGRAM_EDGES, math.inf]
    filled = {(edges[i], edges[i + 1]): count for i, count in enumerate(found.histogram) if count}

    assert found.histogram_edges == HISTOGRAM_EDGES
    assert len(found.histogram) == len(HISTOGRAM_EDGES) + 1
    assert filled == {
        (-math.inf, -16): 1,
        (-0.125, 0): 1,
        (0, 0.125): 2,
        (0.125, 0.25): 1,
        (16, math.inf): 2,
    }


def test_length_correlation_is_spearmans():
    generator = np.random.default_rng(0)
    margins, lengths = generator.normal(size=50), generator.integers(1, 9, (50, 2))

    found = evaluate_margins(margins, lengths=lengths)

    assert found.length_correlation == pytest.approx(spearmanr(margins, lengths[:, 0] - lengths[:, 1]).statistic)


def test_no_correlation_with_a_constant():
    assert evaluate_margins([1.0, 2.0], lengths=[[3, 3], [4, 4]]).length_correlation is None


def test_strength_bins_keep_equal_strengths_together():
    found = evaluate_margins([1.0, -1.0, 1.0, 1.0, -1.0, -1.0], strengths=[1, 1, 2, 2, 3, 3])

    assert [(part.name, part.n, part.accuracy) for part in found.by_strength] == [
        ("1", 2, 0.5),
        ("2", 2, 1.0),
        ("3", 2, 0.0),
    ]


def test_one_strength_is_one_bin():
    assert [part.n for part in evaluate_margins([1.0, -1.0], strengths=[2, 2]).by_strength] == [2]


def test_quintiles():
    strengths = np.random.default_rng(1).permutation(100)
    found = evaluate_margins(np.where(strengths < 30, -1.0, 1.0), strengths=strengths)

    assert [(part.n, part.weakest, part.strongest, part.accuracy) for part in found.by_strength] == [
        (20, 0, 19, 0),
        (20, 20, 39, 0.5),
        (20, 40, 59, 1),
        (20, 60, 79, 1),
        (20, 80, 99, 1),
    ]


@settings(max_examples=25)
@given(st.lists(st.one_of(st.just(0.0), st.floats(0.01, 10), st.floats(-10, -0.01)), min_size=2), st.floats(0.1, 10))
def test_scale_changes_confidence_not_accuracy(margins, scale):
    small, large = evaluate_margins(margins), evaluate_margins(np.array(margins) * scale)

    assert small.accuracy == large.accuracy
    assert small.ties == large.ties


def test_scale_changes_the_likelihood():
    small, large = evaluate_margins([2.0, 1.0, -1.0]), evaluate_margins([20.0, 10.0, -10.0])

    assert large.nll > small.nll
    assert large.temperature == pytest.approx(10 * small.temperature)


@settings(max_examples=25)
@given(margin_lists)
def test_turned_labels_turn_the_accuracy(margins):
    found, turned = evaluate_margins(margins), evaluate_margins(-np.array(margins))

    assert found.accuracy + turned.accuracy + found.ties / found.n == pytest.approx(1)
    assert found.margin_quantiles == pytest.approx([-each for each in reversed(turned.margin_quantiles)])


@settings(max_examples=25)
@given(pair_lists)
def test_which_response_comes_first_changes_nothing(pairs):
    margins, targets, one, two = np.array(pairs).T
    strengths = np.arange(len(pairs))
    there = evaluate_margins(margins, targets=targets, lengths=np.stack([one, two], 1), strengths=strengths)
    back = evaluate_margins(-margins, targets=1 - targets, lengths=np.stack([two, one], 1), strengths=strengths)

    assert there.turned + back.turned == len(pairs)
    assert back.model_copy(update={"turned": there.turned}) == there


def test_the_interval_is_that_of_the_clusters():
    margins, clusters = [2.0, -1.0, 3.0, 1.0, -2.0, 1.0], ["x", "x", "y", "y", "z", "w"]
    found, expected = evaluate_margins(margins, clusters=clusters), clustered_mean([1, 0, 1, 1, 0, 1], clusters)

    assert (found.accuracy_low, found.accuracy_high) == expected.share_ends()
    assert found.n_clusters == 4


def test_slices_have_intervals_over_their_own_clusters():
    margins, strengths = [1.0, -1.0, 1.0, 1.0], [1, 1, 9, 9]
    found = evaluate_margins(margins, strengths=strengths, clusters=["x", "y", "z", "z"])
    weak, strong = found.by_strength

    assert 0 <= weak.accuracy_low < 0.1
    assert 0.9 < weak.accuracy_high <= 1
    assert (strong.accuracy_low, strong.accuracy_high) == (None, None)  # one cluster: nothing to compare


def test_clusters_widen_the_interval():
    margins = np.repeat([1.0, -1.0, 1.0, 1.0, -1.0, 1.0], 20)
    single, clustered = (
        evaluate_margins(margins, clusters=clusters) for clusters in (None, np.repeat(range(6), 20).tolist())
    )

    assert clustered.accuracy_high - clustered.accuracy_low > 2 * (single.accuracy_high - single.accuracy_low)


def test_it_survives_json():
    found = evaluate_margins([0.0, 1.0, -2.0], lengths=[[1, 2], [3, 4], [9, 1]], strengths=[1, 2, 3])

    assert PreferenceMetrics.model_validate_json(found.model_dump_json()) == found


def test_a_log_gets_what_is_finite():
    full = evaluate_margins([3.0, 1.0, -2.0], lengths=[[1, 2], [3, 4], [9, 1]]).scalars()
    bare = evaluate_margins([0.0, 0.0]).scalars()

    assert {"accuracy", "nll", "brier", "ece", "temperature", "margin_mean", "margin_sd"} <= set(full)
    assert {"length_correlation", "accuracy_longer", "accuracy_shorter"} <= set(full)
    assert all(isinstance(value, float) and math.isfinite(value) for value in full.values())
    assert set(bare) == {"accuracy", "nll", "brier", "ece", "margin_mean", "margin_sd"}


@pytest.mark.parametrize("margins", [[1.0, 2.0], [-2.0, 1.0]])
def test_a_temperature_that_does_not_exist_is_none(margins):
    assert evaluate_margins(margins).temperature is None


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"strengths": [1.0, math.nan]}, "strength 1 is not finite"),
        ({"lengths": [[1, 2], [math.inf, 2]]}, "length 1 is not finite"),
        ({"targets": [1.0, -0.5]}, "target 1 is -0.5"),
    ],
)
def test_bad_values_are_named(given, problem):
    with pytest.raises(InputError, match=problem):
        evaluate_margins([1.0, 2.0], **given)


def test_margins_must_be_there_and_finite():
    with pytest.raises(InputError, match="no pair"):
        evaluate_margins([])
    with pytest.raises(InputError, match="margin 2 is nan"):
        evaluate_margins([1.0, 2.0, math.nan])


@pytest.mark.parametrize("given", [{"lengths": [[1, 2]]}, {"strengths": [1.0]}, {"clusters": ["x"]}])
def test_shapes_that_do_not_fit_are_refused(given):
    with pytest.raises(ValueError, match=r"is needed|cluster keys"):
        evaluate_margins([1.0, 2.0], **given)
