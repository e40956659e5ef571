"""Reasons of which one kind should score above the others: ComVE, WinoWhy, Perspectrum."""

import asyncio
import json

import pytest

from rightly.data.load import load_pairs
from rightly.data.samples import confusing_reasons
from rightly.errors import InputError
from rightly.matchers.lexical import LexicalMatcher
from rightly.matchers.validation.comve import Statement, check_comve, comve_trials, load_comve
from rightly.matchers.validation.perspectrum import (
    Claim,
    Cluster,
    check_perspectrum,
    load_perspectrum,
    perspectrum_claims,
    perspectrum_trials,
)
from rightly.matchers.validation.ranked import Said, Trial, check_order, ranked
from rightly.matchers.validation.winowhy import (
    Question,
    check_winowhy,
    load_winowhy,
    winowhy_questions,
    winowhy_trials,
)
from tests.matchers.validation.scripted import Scripted

SCORES = {"near 1": 0.9, "far 1a": 0.2, "far 1b": 0.9, "near 2": 0.4, "far 2": 0.6, "near 3": 0.5}
TRIALS = [
    Trial("1", "x", ("p1",), Said("near", "near 1"), (Said("far", "far 1a"), Said("far", "far 1b"))),
    Trial("2", "y", ("p2",), Said("near", "near 2"), (Said("far", "far 2"),)),
    Trial("3", "y", ("p3",), Said("near", "near 3"), (Said("other", "other 3"),)),
]


def silent(_):
    pass


def check(matcher, trials):
    return asyncio.run(check_order(matcher, trials, silent, data="data", about="about"))


def test_order_and_accepted_shares_are_those_computed_by_hand():
    found = check(Scripted(lambda _, text: SCORES.get(text, 0.0)), TRIALS)
    # far: 0.9 against 0.2 wins, against 0.9 ties, 0.4 against 0.6 loses; other: 0.5 against no link wins.
    assert {kind: each.value for kind, each in found.above.items()} == {"far": 0.5, "other": 1.0}
    assert {kind: each.n for kind, each in found.above.items()} == {"far": 3, "other": 1}
    accepted = {kind: each.value for kind, each in found.accepted.items()}
    assert accepted == {"near": pytest.approx(2 / 3), "far": pytest.approx(2 / 3), "other": 0.0}
    assert (found.n, found.n_failed, found.nearer, found.accepted_at) == (3, 0, "near", 0.5)
    assert "near scores above far 0.50" in found.line()


def test_failed_matches_are_excluded_and_counted():
    found = check(Scripted(lambda point, text: None if point == "p1" else SCORES.get(text, 0.0)), TRIALS)
    assert (found.n, found.n_failed) == (2, 1)
    assert found.above["far"].value == 0.0
    assert "1 more failed" in found.line()


def test_scores_follow_the_reasons_not_the_places_they_are_shown_at():
    matcher = Scripted(lambda _, text: SCORES.get(text, 0.0))
    scored, _ = asyncio.run(ranked(matcher, TRIALS[::-1], silent))
    assert [each.scores for each in scored] == [(0.9, 0.2, 0.9), (0.4, 0.6), (0.5, 0.0)]
    many = [Trial(str(n), "x", ("p",), Said("near", f"n{n}"), (Said("far", f"f{n}"),)) for n in range(40)]
    asyncio.run(ranked(matcher, many, silent))
    first = [candidate[0][0] for _, candidate in matcher.shown[3:]]
    assert 8 < first.count("n") < 32


def test_intervals_have_contexts_as_unit():
    alone = [Trial(str(n), str(n), ("p",), Said("near", f"n{n}"), (Said("far", f"f{n}"),)) for n in range(12)]
    shared = [trial._replace(context=str(n // 6)) for n, trial in enumerate(alone)]
    matcher = Scripted(lambda _, text: float(int(text[1:]) % 3 > 0) if text[0] == "n" else 0.5)
    wide, narrow = check(matcher, shared).above["far"], check(matcher, alone).above["far"]
    assert wide.value == narrow.value == pytest.approx(2 / 3)
    assert (wide.low, wide.high) != (narrow.low, narrow.high)


class TestComVE:
    def test_shipped_statements_are_the_sample_with_its_confusing_reasons(self):
        statements = load_comve()
        assert len(statements) == 1000
        assert {(len(each.right), len(each.confusing)) for each in statements} == {(3, 2)}
        pair = next(iter(load_pairs("sample:comve")))
        assert statements[0].right == tuple(reason.text for reason in pair.rationales)
        assert statements[0].confusing == confusing_reasons()[pair.id]

    def test_a_trial_compares_two_people_and_both_confusing_reasons(self):
        for trial, each in zip(comve_trials(load_comve()), load_comve(), strict=True):
            assert {*trial.reference, trial.nearer.text} <= {*each.right}
            assert trial.nearer.text not in trial.reference
            assert {said.text for said in trial.farther} <= {*each.confusing}

    def test_a_confusing_reason_that_is_also_right_is_left_out(self):
        (trial,) = comve_trials([Statement("1", ("a", "b", "a"), ("b", "c"))])
        assert (len(trial.farther), trial.farther[0].text) == (1, "c")
        assert not list(comve_trials([Statement("1", ("a", "a"), ("c",)), Statement("2", ("a", "b"), ("a",))]))

    def test_a_matcher_that_knows_right_reasons_is_at_one(self):
        right = {text for each in load_comve() for text in each.right}
        found = asyncio.run(check_comve(Scripted(lambda _, text: float(text in right)), load_comve(), silent))
        assert found.above["confusing"].value == pytest.approx(1.0, abs=0.005)
        assert found.accepted["right"].value == 1.0


class TestWinoWhy:
    def test_shipped_questions_have_two_valid_reasons_and_an_invalid_one(self):
        questions = load_winowhy()
        assert len(questions) == 239
        assert min(len(each.valid) for each in questions) == 2
        assert min(len(each.invalid) for each in questions) == 1
        trials = list(winowhy_trials(questions))
        assert len(trials) == 478
        assert len({trial.context for trial in trials}) == 119

    def test_reader_takes_reasons_of_people_by_their_votes(self, tmp_path):
        reasons = [["a ", "human", 1.0, "Valid"], ["b", "reverse", 0.8, "Valid"], ["c", "gpt", 1.0, "Valid"]]
        reasons += [["d", "human", 0.6, "Undecided"], ["e", "reverse", 0.0, "Invalid"], [" ", "human", 0.0, "Invalid"]]
        text = {"txt1": "Ann thanked Bea because", "pron": "she", "txt2": "helped."}
        path = tmp_path / "winowhy.json"
        path.write_text(json.dumps([{"text": text, "answers": ["Bea", "Ann"], "reasons": reasons}]))
        (found,) = winowhy_questions(path)
        assert found == Question("Ann thanked Bea because she helped.", "Ann / Bea", ("a", "b"), ("e",))
        path.write_text("[{}]")
        with pytest.raises(InputError, match=r"winowhy\.json: is not WinoWhy; use winowhy\.json as published"):
            list(winowhy_questions(path))

    def test_word_overlap_is_above_chance(self):
        found = asyncio.run(check_winowhy(LexicalMatcher(), load_winowhy(), silent))
        assert 0.6 < found.above["invalid"].value < 0.7
        assert found.above["invalid"].low > 0.5


CLAIM = Claim(
    "claim",
    (
        Cluster(("a1", "a2"), supports=True),
        Cluster(("b1",), supports=True),
        Cluster(("c1", "c2"), supports=False),
    ),
)


class TestPerspectrum:
    def test_kinds_follow_cluster_and_stance(self):
        first, second = perspectrum_trials([CLAIM])
        assert {*first.reference, first.nearer.text} == {"a1", "a2"}
        assert first.farther[0] == Said("another cluster", "b1")
        assert (first.farther[1].kind, first.farther[1].text[0]) == ("opposite stance", "c")
        assert [said.kind for said in second.farther] == ["opposite stance"]
        assert second.farther[0].text[0] in "ab"

    def test_a_matcher_that_knows_stances_only_is_blind_to_clusters(self):
        found = asyncio.run(
            check_perspectrum(Scripted(lambda one, other: float((one < "c") == (other < "c"))), [CLAIM], silent)
        )
        assert (found.above["another cluster"].value, found.above["opposite stance"].value) == (0.5, 1.0)
        accepted = {kind: each.value for kind, each in found.accepted.items()}
        assert accepted == {"same cluster": 1.0, "another cluster": 1.0, "opposite stance": 0.0}

    def test_shipped_claims_are_those_of_the_development_part(self):
        claims = load_perspectrum()
        assert (len(claims), sum(len(claim.clusters) for claim in claims)) == (139, 914)
        assert len(list(perspectrum_trials(claims))) == 518

    def test_folder_without_the_published_files_is_named(self, tmp_path):
        with pytest.raises(InputError, match=r"dataset_split\.json"):
            list(perspectrum_claims(tmp_path, "dev"))

    def test_trained_matchers_are_marked(self):
        matcher = Scripted(lambda *_: 0.0)
        found = asyncio.run(check_perspectrum(matcher, [CLAIM], silent, trained_on=True))
        assert "trained on another part of this data set" in found.line()
