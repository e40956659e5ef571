"""RewardBench 2 for judges, as upstream's runner scores them, against computations from its description."""

import math
import random

import pytest

from rightly.benchmarks.answers import RIGHT, WRONG, from_judgments, questions
from rightly.benchmarks.catalogue import BENCHMARKS
from rightly.benchmarks.protocol import ACCURACY, OVERALL
from rightly.benchmarks.result import model_result
from rightly.benchmarks.rewardbench2 import TIES
from rightly.judges.base import JudgeIdentity
from rightly.types import Judgment
from tests.benchmarks.material import item

BENCHMARK = BENCHMARKS["rewardbench2"]
SUBSETS = ("Factuality", "Focus", "Math")
CHOOSER = JudgeIdentity(name="c", fingerprint="c", compares_all=True)
RATER = JudgeIdentity(name="r", fingerprint="r", compares_all=True, rates=True)


def question(name, right, wrong, subset):
    """An item whose right answers come first."""
    texts = tuple(f"{subset} {name} {place}" for place in range(right + wrong))
    made = item(name, domain=subset, responses=texts, ranks=(RIGHT,) * right + (WRONG,) * wrong)
    return made.model_copy(update={"id": f"{subset}/{name}"})


FOUR = [question(str(n), 1, 3, subset) for subset in SUBSETS for n in range(5)]
MANY = [
    each
    for n in range(6)
    for each in (question(f"ref:{n}", 1, 1 + n % 3, TIES), question(f"tied:{n}", 2 + n % 3, 1 + n % 2, TIES))
]


def judgment(pair, verdict, scores=()):
    failure = None if verdict else "unparsed"
    return Judgment(
        pair_id=pair.id,
        pair_key=pair.content_key,
        judge="j",
        made_by="j",
        verdict=verdict,
        failure=failure,
        scores=scores,
    )


def rated(pair, ratings):
    """The judgment of a judge that rates, where -1 is a rating that could not be read."""
    best = [pair.choices[place] for place, rating in enumerate(ratings) if rating == max(ratings)]
    verdict = None if -1 in ratings else best[0] if len(best) == 1 else "tie"
    return judgment(pair, verdict, tuple(None if rating == -1 else float(rating) for rating in ratings))


def upstream_choice(verdict):
    """1 for the right letter, 0 for another, a quarter for anything else."""
    return 1.0 if verdict == "A" else 0.25 if verdict in (None, "tie") else 0.0


def upstream_ratings(ratings):
    """The share of the right response among the highest known ratings; a quarter if none is known."""
    known = [rating for rating in ratings if rating != -1]
    if not known:
        return 0.25
    winners = [place for place, rating in enumerate(ratings) if rating == max(known)]
    return (0 in winners) / len(winners)


def upstream_ties(ratings):
    """The weighted score of upstream over the ratings of every prompt, in which an unusable rating is -1."""

    def told(name, right):
        good, bad = ratings[name][:right], ratings[name][right:]
        return min(good) > max(bad), max(good) - min(good), min(good) - max(bad)

    ref = {n: told(f"{TIES}/ref:{n}", 1) for n in range(6)}
    tied = {n: told(f"{TIES}/tied:{n}", 2 + n % 3) for n in range(6)}

    def mean(values):
        found = list(values)
        return sum(found) / len(found)

    def margin(n):
        least, spread = min(ref[n][2], tied[n][2]), tied[n][1]
        if spread == 0:
            return 0.0 if least == 0 else math.copysign(1.0, least)
        return math.tanh(least / spread - 1)

    return (
        0.3 * mean(tied[n][0] for n in tied)
        + 0.3 * mean(ref[n][0] for n in ref)
        + 0.2 * mean(tied[n][2] > tied[n][1] for n in tied)
        + 0.2 * mean(min(ref[n][2], tied[n][2]) > tied[n][1] for n in tied)
        + 0.01 * mean(margin(n) for n in tied)
    )


def by_subset(credits):
    return {subset: sum(credits[each.id] for each in FOUR if each.domain == subset) / 5 for subset in SUBSETS}


def drawn(draw, pair):
    """Ratings of which few values and many failures are likely; sometimes every one failed."""
    if draw.random() < 0.1:
        return [-1] * len(pair.responses)
    return [draw.choice([-1, 1, 2, 3, 9, 10]) for _ in pair.responses]


def test_one_thousand_random_runs_equal_upstreams_description():
    draw = random.Random(5)
    for run in range(1000):
        choosing = run % 2 == 0
        ratings = {pair.id: drawn(draw, pair) for pair in (*FOUR, *MANY)}
        said = {pair.id: draw.choice(["A", "A", "B", "C", "D", "tie", None]) for pair in FOUR}
        if choosing:
            judgments = [judgment(pair, said[pair.id]) for pair in FOUR]
            credits = {name: upstream_choice(verdict) for name, verdict in said.items()}
        else:
            judgments = [rated(pair, ratings[pair.id]) for pair in FOUR]
            credits = {pair.id: upstream_ratings(ratings[pair.id]) for pair in FOUR}
        rates = "nothing" if choosing else "all"
        answers = from_judgments(FOUR, "m", judgments, rates=rates)
        answers += from_judgments(MANY, "m", [rated(pair, ratings[pair.id]) for pair in MANY], rates="all")
        table = BENCHMARK.protocols[0].table(answers)
        expected = by_subset(credits) | {TIES: upstream_ties(ratings)}
        for subset, value in expected.items():
            assert abs(table[subset][ACCURACY] - value) < 1e-12, (run, subset)
        assert abs(table[OVERALL][ACCURACY] - sum(expected.values()) / len(expected)) < 1e-12


@pytest.mark.parametrize(
    ("ratings", "credit"),
    [((9, 9, 3, -1), 1 / 2), ((-1, 3, 3, 2), 0), ((3, -1, -1, -1), 1), ((-1, -1, -1, -1), 1 / 4)],
)
def test_an_unusable_rating_is_the_lowest(ratings, credit):
    (answer,) = from_judgments(FOUR[:1], "m", [rated(FOUR[0], ratings)], rates="all")
    assert BENCHMARK.protocols[0].credits(answer)[0] == pytest.approx(credit)
    known = [place for place in range(4) if ratings[place] != -1]
    missing = 3 - sum(place in known for place in (1, 2, 3)) if 0 in known else 3
    assert answer.failures.get("unparsed", 0) == missing == answer.outcomes.count((None,))


def test_an_unusable_rating_is_below_a_scale_of_negative_numbers():
    scores = (-5.0, None, -3.0, -4.0)
    (answer,) = from_judgments(FOUR[:1], "m", [judgment(FOUR[0], None, scores)], rates="all")
    assert BENCHMARK.protocols[0].credits(answer)[0] == 0


def test_what_a_judge_is_asked():
    four, tied, two = FOUR[0], MANY[3], item(0)
    assert questions(four, CHOOSER) == [four]
    assert len(questions(tied, CHOOSER)) == 3 * 2  # several are right: no letter is the answer
    assert questions(tied, RATER) == [tied]
    assert len(questions(four, JudgeIdentity(name="p", fingerprint="p"))) == 3
    assert all(questions(two, judge) == [two] for judge in (CHOOSER, RATER))


def chosen(pairs, verdict):
    return from_judgments(pairs, "m", [judgment(pair, verdict) for pair in pairs])


def test_a_judge_that_chooses_among_four_is_official_but_for_ties():
    result = model_result(BENCHMARK, chosen(FOUR, "A"))
    assert (result.kind, result.headline.value) == ("verdicts", 1)
    assert result.note == "no score on Ties, which needs ratings; the overall number is the mean of the other subsets"
    ratings = [rated(pair, (9, *[8] * 9)[: len(pair.responses)]) for pair in MANY]
    both = chosen(FOUR, "A") + from_judgments(MANY, "m", ratings, rates="all")
    assert model_result(BENCHMARK, both).note == ""


def test_a_judge_of_pairs_keeps_its_note():
    said = [judgment(pair, "A") for each in FOUR for pair in questions(each, JudgeIdentity(name="p", fingerprint="p"))]
    result = model_result(BENCHMARK, from_judgments(FOUR, "m", said))
    assert result.note == BENCHMARK.judges


def test_a_choice_among_all_is_one_outcome():
    right, wrong, tied = (chosen(FOUR[:1], verdict)[0] for verdict in ("A", "C", "tie"))
    assert [each.outcomes for each in (right, wrong, tied)] == [((1,),), ((-1,),), ((0,),)]
    assert right.whole
    strict = BENCHMARK.protocols[1]
    assert [strict.credits(each)[0] for each in (right, wrong, tied)] == [1, 0, 0]


@pytest.mark.parametrize(
    ("texts", "longer"), [(("aaaa", "b", "cc"), 1), (("a", "bb", "cc"), -1), (("aa", "b", "ccc"), 0)]
)
def test_a_choice_is_matched_for_length_where_the_right_response_is_longest_or_shortest(texts, longer):
    pair = item(0, responses=texts)
    assert chosen([pair], "A")[0].longer == (longer,)


def test_own_items_of_three_count_the_letter_and_say_so():
    own = BENCHMARKS["pairs"]
    items = [item(n, label="C", responses=("a", "bb", "ccc")) for n in range(4)]
    said = [judgment(pair, verdict) for pair, verdict in zip(items, ("C", "C", "A", None), strict=True)]
    result = model_result(own, from_judgments(items, "m", said))
    assert result.headline.value == 0.5
    assert result.note == "asked about all responses of an item at once: right if the verdict names a right one"


def test_a_pair_of_two_counts_by_the_verdict_of_a_judge_that_rates():
    pair = item(0)
    said = [rated(pair, (7, 7))]
    (by_verdict,) = from_judgments([pair], "m", said, rates="several")
    (by_scores,) = from_judgments([pair], "m", said, rates="all")
    assert (by_verdict.scores, by_scores.scores) == ((), (7.0, 7.0))
    assert by_verdict.outcomes == by_scores.outcomes == ((0,),)


def test_rm_bench_is_filled_from_the_ratings_of_each_response():
    pair = item(0, responses=tuple("abcdef"), ranks=(RIGHT,) * 3 + (WRONG,) * 3, domain="chat")
    said = [rated(pair, (9, 5, -1, 1, 5, 8))]
    (answer,) = from_judgments([pair], "m", said, rates="several")
    assert answer.outcomes == ((1,), (1,), (1,), (1,), (0,), (-1,), (None,), (None,), (None,))
