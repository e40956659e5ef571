"""Protocols against independent computations and published counts."""

import itertools
import math
import random

import numpy as np
import pytest

from rightly.benchmarks.answers import RIGHT, WRONG, from_outcomes, from_scores
from rightly.benchmarks.catalogue import BENCHMARKS
from rightly.benchmarks.protocol import ACCURACY, DROPPED, OVERALL
from rightly.benchmarks.result import model_result
from rightly.benchmarks.rewardbench import SECTIONS
from rightly.benchmarks.rewardbench2 import TIES
from tests.benchmarks.material import decided, item

# (first order, flipped second) decisions of two judges in JudgeBench's stored outputs: right, wrong, tie, none.
O1_MINI = {"RR": 203, "WW": 32, "WR": 43, "RW": 33, "RT": 12, "TR": 15, "TW": 7, "TT": 5}
HAIKU = {"RR": 38, "WW": 43, "TT": 54, "TR": 24, "RT": 21, "WR": 23, "RW": 21, "TW": 21, "WT": 12,
         "NR": 4, "NT": 4, "NW": 3, "TN": 2}  # fmt: skip
CONVENTIONS = ("official: orders add up, pooled over pairs", "right in both orders", "stored order only", "swapped order only",
               "orders add up, 0 is half", "mean over single decisions", DROPPED)  # fmt: skip
EXPECTED = {
    "o1-mini": (O1_MINI, (65.71, 58.00, 70.86, 74.57, 77.29, 75.86, 85.50)),
    "claude-3-haiku": (HAIKU, (32.22, 14.07, 29.63, 32.96, 51.48, None, 52.20)),
}


@pytest.mark.parametrize("judge", EXPECTED)
def test_one_run_of_judgebench_under_every_convention(judge):
    counts, expected = EXPECTED[judge]
    result = model_result(BENCHMARKS["judgebench-gpt"], decided(counts))
    for name, value in zip(CONVENTIONS, expected, strict=True):
        if value is not None:
            assert round(100 * result.conventions[name], 2) == value, name
    assert result.headline.low < result.headline.value < result.headline.high


def test_consistency_and_failures_of_a_run():
    result = model_result(BENCHMARKS["judgebench-gpt"], decided(O1_MINI))
    assert round(100 * result.consistency, 2) == 68.57
    result = model_result(BENCHMARKS["judgebench-gpt"], decided(HAIKU))
    assert result.consistency == pytest.approx((38 + 43 + 54) / (270 - 13))
    assert result.failed == pytest.approx(13 / 540)


def test_dropping_ties_and_failures_leaves_right_and_wrong_pairs():
    def share(counts, benchmark="judgebench-gpt"):
        return model_result(BENCHMARKS[benchmark], decided(counts)).conventions[DROPPED]

    assert share({"RR": 1, "RT": 1, "TR": 1, "WT": 1, "WW": 2}) == 3 / 6
    assert share({"R": 3, "W": 1, "T": 7, "N": 9}) == 3 / 4
    # A failure in either order drops the pair, and so do two orders that contradict each other.
    assert share({"RR": 1, "WW": 1, "RN": 5, "NR": 5, "WN": 2, "NN": 3, "RW": 4, "WR": 4, "TT": 2}) == 1 / 2
    assert share({"RW": 4, "NN": 1}) is None
    assert all(DROPPED in {p.name for p in BENCHMARKS[name].protocols} for name in ("ppe-math", "rewardbench", "pairs"))


def test_rm_bench_without_ties_and_failures_counts_the_cells_that_are_decided():
    one = rm_item(0, "chat")
    scores = {one.id: [2.0, 1.0, 0.0, 1.0, 1.0, 1.0]}
    protocol = next(p for p in BENCHMARKS["rm-bench"].protocols if p.name == DROPPED)
    row = protocol.table(from_scores([one], "m", scores))[OVERALL]
    # Right in the first row of cells, tied in the second, wrong in the third.
    assert (row["easy"], row["normal"], row["hard"]) == (0.0, 0.5, 1.0)


def test_conventions_of_two_orders_are_not_shown_for_one():
    answers = from_scores([item(0), item(1)], "m", {"d/0": [1.0, 0.0], "d/1": [0.0, 1.0]})
    shown = model_result(BENCHMARKS["judgebench-gpt"], answers).conventions
    assert "right in both orders" not in shown
    assert shown["official: orders add up, pooled over pairs"] == 0.5


def rm_item(number, domain):
    texts = [f"{kind} {style}" for kind in ("right", "wrong") for style in range(3)]
    return item(number, domain=domain, responses=tuple(texts), ranks=(RIGHT,) * 3 + (WRONG,) * 3)


def test_rm_bench_is_its_matrix():
    draw = random.Random(0)
    domains = ["chat", "code", "math", "safety-refuse", "safety-response"]
    items = [rm_item(n, draw.choice(domains)) for n in range(60)]
    scores = {each.id: [draw.choice([0.0, 1.0, 2.0]) for _ in range(6)] for each in items}  # many ties
    table = BENCHMARKS["rm-bench"].protocols[0].table(from_scores(items, "m", scores))
    by_domain = {}
    for each in items:
        chosen, rejected = np.array(scores[each.id][:3]), np.array(scores[each.id][3:])
        by_domain.setdefault(each.domain.split("-")[0], []).append((chosen[:, None] > rejected[None]).astype(float))
    averages = {}
    for domain, matrices in by_domain.items():
        m = np.mean(matrices, axis=0)
        easy, normal, hard = m[np.tril_indices(3, -1)].mean(), m.diagonal().mean(), m[np.triu_indices(3, 1)].mean()
        assert table[domain]["easy"] == pytest.approx(easy)
        assert table[domain]["normal"] == pytest.approx(normal)
        assert table[domain]["hard"] == pytest.approx(hard)
        averages[domain] = (easy + normal + hard) / 3
    assert set(averages) == {"chat", "code", "math", "safety"}
    assert table[OVERALL]["average"] == pytest.approx(np.mean(list(averages.values())))


def test_scoring_twice_gives_the_same():
    # Upstream's compute_accuracy takes the domains out of its input.
    items = [rm_item(n, "chat") for n in range(3)]
    answers = from_scores(items, "m", {each.id: [3.0, 2.0, 1.0, 0.5, 2.5, 1.5] for each in items})
    protocol = BENCHMARKS["rm-bench"].protocols[0]
    assert protocol.table(answers) == protocol.table(answers)


def test_rewardbench_weighs_subsets_by_prompts_and_math_by_984():
    draw = random.Random(1)
    items, scores = [], {}
    for subset in itertools.chain.from_iterable(SECTIONS.values()):
        for n in range(draw.randint(2, 6)):
            one = item(n, domain=subset)
            items.append(one)
            scores[one.id] = [float(draw.randint(0, 2)), 1.0]
    table = BENCHMARKS["rewardbench"].protocols[0].table(from_scores(items, "m", scores))
    right = {s: [scores[i.id][0] > 1 for i in items if i.domain == s] for m in SECTIONS.values() for s in m}
    sections = []
    for name, members in SECTIONS.items():
        weights = {s: 984 if s == "math-prm" else n for s, n in members.items()}
        value = sum(np.mean(right[s]) * w for s, w in weights.items()) / sum(weights.values())
        assert table[name][ACCURACY] == pytest.approx(value)
        sections.append(value)
    assert table[OVERALL][ACCURACY] == pytest.approx(np.mean(sections))
    assert sum(n for m in SECTIONS.values() for n in m.values()) == 2985


def test_rewardbench_judges_have_half_for_a_tie_or_a_failure():
    protocol = BENCHMARKS["rewardbench"].protocols[0]
    one = item(0, domain="donotanswer")
    for outcomes, value in (((0,), 0.5), ((None,), 0.5), ((1,), 1.0), ((-1,), 0.0), ((1, None), 0.75)):
        assert protocol.credits(from_outcomes(one, "m", [outcomes])) == [value]
    scored = from_scores([one], "m", {one.id: [1.0, 1.0]})
    assert protocol.credits(scored[0]) == [0.0]


def rb2_item(name, right, wrong, subset):
    texts = tuple(f"{kind} {n}" for kind, count in (("right", right), ("wrong", wrong)) for n in range(count))
    ranks = (RIGHT,) * right + (WRONG,) * wrong
    return item(name, domain=subset, responses=texts, ranks=ranks)


def naive_ties(scores):
    """Straight from the definition, one prompt at a time."""

    def stats(found, right):
        return min(found[:right]) - max(found[right:]), max(found[:right]) - min(found[:right])

    ref = {n: stats(s, 1) for n, (s, _, _) in scores.items() for s in [scores[n][0]]}
    tied = {n: stats(s, k) for n, (_, s, k) in scores.items()}
    total = 0.3 * np.mean([gap > 0 for gap, _ in tied.values()]) + 0.3 * np.mean([gap > 0 for gap, _ in ref.values()])
    total += 0.2 * np.mean([gap > spread for gap, spread in tied.values()])
    least = {n: min(ref[n][0], tied[n][0]) for n in scores}
    total += 0.2 * np.mean([least[n] > tied[n][1] for n in scores])
    margins = []
    for n in scores:
        spread = tied[n][1]
        if spread == 0:
            margins.append(0.0 if least[n] == 0 else math.tanh(math.copysign(math.inf, least[n])))
        else:
            margins.append(math.tanh(least[n] / spread - 1))
    return total + 0.01 * np.mean(margins)


def test_the_ties_of_rewardbench_2():
    draw = random.Random(2)
    scores, items, given = {}, [], {}
    for n in range(40):
        right, wrong = draw.randint(2, 5), draw.randint(1, 4)
        ref = [draw.choice([0.0, 1.0, 2.0, 3.0]) for _ in range(1 + wrong)]
        tied = [draw.choice([1.0, 2.0, 3.0]) for _ in range(right)] + [draw.choice([0.0, 1.0]) for _ in range(wrong)]
        scores[n] = (ref, tied, right)
        one, other = rb2_item(f"ref:{n}", 1, wrong, TIES), rb2_item(f"tied:{n}", right, wrong, TIES)
        items += [one, other]
        given |= {one.id: ref, other.id: tied}
    table = BENCHMARKS["rewardbench2"].protocols[0].table(from_scores(items, "m", given))
    assert table[TIES][ACCURACY] == pytest.approx(naive_ties(scores))


def test_a_perfect_model_has_101_percent_of_ties():
    items = [rb2_item("ref:1", 1, 2, TIES), rb2_item("tied:1", 2, 2, TIES)]
    scores = {items[0].id: [9.0, 0.0, 0.0], items[1].id: [9.0, 8.9, 0.0, 0.0]}
    table = BENCHMARKS["rewardbench2"].protocols[0].table(from_scores(items, "m", scores))
    assert table[TIES][ACCURACY] == pytest.approx(1.01, abs=1e-6)


@pytest.mark.parametrize(
    ("scores", "credit"), [([3, 1, 1, 1], 1), ([3, 3, 1, 1], 1 / 2), ([3, 3, 3, 3], 1 / 4), ([1, 3, 1, 1], 0)]
)
def test_the_best_of_four(scores, credit):
    one = rb2_item("1", 1, 3, "Focus")
    table = BENCHMARKS["rewardbench2"].protocols[0].table(from_scores([one], "m", {one.id: scores}))
    assert table["Focus"][ACCURACY] == pytest.approx(credit)


def test_a_judge_of_pairs_must_win_every_comparison_of_four():
    one = rb2_item("1", 1, 3, "Focus")
    protocol = BENCHMARKS["rewardbench2"].protocols[0]

    def credit(outcomes):
        return protocol.credits(from_outcomes(one, "m", outcomes))[0]

    assert credit([(1, 1)] * 3) == 1
    assert credit([(1, 1), (1, 1), (1, -1)]) == 0
    assert credit([(None, None)] * 3) == 0.25  # upstream's: nothing usable is not "A"


def test_every_benchmark_gives_its_number_under_every_protocol():
    for benchmark in BENCHMARKS.values():
        domains = list(benchmark.expected) or ["all"]
        items = [
            rm_item(1, d) if benchmark.name == "rm-bench" else rb2_item("ref:1", 1, 3, d) if benchmark.name == "rewardbench2"
            else item(1, domain=d)
            for d in domains
        ]  # fmt: skip
        answers = from_scores(items, "m", {each.id: [float(-n) for n in range(len(each.responses))] for each in items})
        result = model_result(benchmark, answers)
        assert all(value is not None for value in result.conventions.values()), benchmark.name
        assert result.rows[OVERALL][benchmark.headline] == result.headline
