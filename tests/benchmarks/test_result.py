"""What stands beside the number: intervals, length, tests between models."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import binom

from rightly.benchmarks.answers import RIGHT, WRONG, from_outcomes, from_scores
from rightly.benchmarks.benchmark import Expected, fingerprint
from rightly.benchmarks.catalogue import BENCHMARKS
from rightly.benchmarks.protocol import ACCURACY, OVERALL
from rightly.benchmarks.result import MOST_UNITS, About, bench_result, compare, letters, model_result, units
from tests.benchmarks.material import item

PAIRS = BENCHMARKS["pairs"]


def answers(model, outcomes, **fields):
    return [from_outcomes(item(n, **fields), model, [(value,)]) for n, value in enumerate(outcomes)]


def test_length_matched_accuracy_weighs_both_directions_alike():
    right_longer, right_shorter = {"responses": ("long text", "x")}, {"responses": ("x", "long text")}
    items = [item(n, **right_longer) for n in range(3)] + [item(n + 3, **right_shorter) for n in range(2)]
    scores = {each.id: [float(each.id in ("d/0", "d/1", "d/3")), 0.5] for each in items}  # 2 of 3, and 1 of 2
    result = model_result(PAIRS, from_scores(items, "m", scores))
    assert result.length_matched == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert result.headline.value == pytest.approx(3 / 5)
    only = model_result(PAIRS, from_scores(items[:3], "m", scores))
    assert only.length_matched is None


def test_llmbar_has_a_row_of_its_adversarial_sets():
    sets = {"Natural": [1, 1], "Neighbor": [1, -1], "GPTInst": [-1, -1], "GPTOut": [-1], "Manual": [-1]}
    found = [
        from_outcomes(item(n, domain=name), "m", [(v, v)])
        for name, values in sets.items()
        for n, v in enumerate(values)
    ]
    table = BENCHMARKS["llmbar"].protocols[0].table(found)
    assert table["adversarial"][ACCURACY] == pytest.approx(0.5 / 4)
    assert table[OVERALL][ACCURACY] == pytest.approx(1.5 / 5)


def test_edited_items_are_noticed():
    items = [item(n) for n in range(3)]
    published = dataclasses.replace(PAIRS, expected={"d": Expected(3, fingerprint(items))})
    assert published.deviations(items) == []
    assert published.deviations(items[::-1]) == []
    edited = [*items[:2], item(2, responses=("edited", "short"))]
    assert published.deviations(edited) == ["the items of d are not the published ones"]
    assert published.deviations([*items[:2], item(2, label="B")]) == ["the items of d are not the published ones"]


def test_contexts_are_left_out_whole_and_by_domain():
    found = units(["a", "a", "b", "c", "d"], ["x", "x", "x", "y", "z"])
    assert [sorted(rows.tolist() for rows in own) for own in found] == [[[0, 1], [2]], [[3]], [[4]]]


def test_very_many_contexts_are_left_out_several_at_once():
    domains = ["x"] * 9000 + ["y"] * 1000
    found = units([str(n) for n in range(10_000)], domains)
    assert [len(own) for own in found] == [900, 100]
    assert sorted(np.concatenate([rows for own in found for rows in own]).tolist()) == list(range(10_000))
    assert sum(map(len, found)) <= MOST_UNITS
    headline = model_result(PAIRS, answers("m", [1] * 1500 + [-1] * 900)).headline
    error = np.sqrt(0.625 * 0.375 / 2400)
    assert headline.high - headline.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_the_mean_of_domains_has_the_variance_of_their_means():
    llmbar = BENCHMARKS["llmbar"]
    sets = {"Natural": (80, 20), "Neighbor": (30, 70), "Manual": (20, 20)}
    found = [
        from_outcomes(item(n, domain=name), "m", [(value, value)])
        for name, (right, wrong) in sets.items()
        for n, value in enumerate([1] * right + [-1] * wrong)
    ]
    result = model_result(llmbar, found)
    error = np.sqrt(sum((r * w) / (r + w) ** 2 / (r + w - 1) for r, w in sets.values())) / 3
    headline = result.headline
    assert headline.high - headline.low == pytest.approx(2 * 1.97 * error, rel=0.03)
    natural = result.rows["Natural"][ACCURACY]
    assert (natural.low, natural.high) == pytest.approx((0.711, 0.867), abs=0.003)  # Wilson's, of 80 in 100


def test_a_column_of_differences_may_be_negative():
    cells = [(-1,)] * 3 + [(1,)] * 3 + [(1,)] * 3  # in the order of cells: all of the first row wrong
    found = [
        from_outcomes(
            item(n, domain="chat", responses=("a", "b", "c", "d", "e", "f"), ranks=(RIGHT,) * 3 + (WRONG,) * 3),
            "m",
            cells,
        )
        for n in range(20)
    ]
    row = model_result(BENCHMARKS["rm-bench"], found).rows[OVERALL]
    assert row["easy-hard"].value == pytest.approx(2 / 3)
    assert -1 <= row["easy-hard"].low < 2 / 3 < row["easy-hard"].high <= 1
    assert 0 <= row["hard"].low <= row["hard"].value <= row["hard"].high <= 1


def test_models_that_do_not_differ_get_two_letters_in_a_twentieth_of_runs():
    random, draws, apart = np.random.default_rng(3), 60, 0
    contexts = [item(n // 5).context for n in range(60)]
    asked = [item(n).model_copy(update={"context": context}) for n, context in enumerate(contexts)]
    for _ in range(draws):
        skill = [np.repeat(random.beta(1, 1, 12), 5) for _ in range(2)]
        runs = [
            [from_outcomes(asked[n], name, [(1 if random.random() < p else -1,)]) for n, p in enumerate(own)]
            for name, own in zip("ab", skill, strict=True)
        ]
        apart += compare(PAIRS, runs)[0].p < 0.05
    assert apart <= binom.ppf(0.999, draws, 0.05)


def test_two_models_are_compared_on_the_items_that_both_answered():
    one = answers("one", [1] * 60 + [-1] * 40)
    two = answers("two", [1] * 40 + [-1] * 60)[:90]
    gap = compare(PAIRS, [one, two])[0]
    assert (gap.first, gap.second, gap.n) == ("one", "two", 90)
    assert gap.difference.value == pytest.approx(20 / 90)
    # McNemar's normal approximation on 20 discordant pairs of 90, all one way.
    error = np.sqrt(20 - 20**2 / 90) / 90
    assert gap.difference.high - gap.difference.low == pytest.approx(2 * 1.96 * error, rel=0.15)
    assert gap.p < 0.001
    assert gap.needed == pytest.approx(90 * (2.8016 * error / (20 / 90)) ** 2, rel=0.2)


def test_equal_models_share_a_letter_and_unequal_ones_do_not():
    runs = [answers("a", [1] * 90 + [-1] * 10), answers("b", [1] * 90 + [-1] * 10), answers("c", [1] * 30 + [-1] * 70)]
    result = bench_result(PAIRS, About(data="here", n=100), runs)
    found = {model.model: model.letters for model in result.models}
    assert found == {"a": "a", "b": "a", "c": "b"}
    gap = next(gap for gap in result.gaps if {gap.first, gap.second} == {"a", "b"})
    assert (gap.difference.value, gap.p, gap.needed) == (0.0, 1.0, None)


def test_one_model_has_no_letter():
    result = model_result(PAIRS, answers("a", [1, -1]))
    assert letters([result], []) == {"a": ""}


def test_a_run_without_a_usable_answer_has_no_number_under_dropping_conventions():
    result = model_result(PAIRS, answers("a", [None, None]))
    assert result.headline.value == 0.0
    assert result.conventions["failures left out"] is None
    assert result.failed == 1.0
