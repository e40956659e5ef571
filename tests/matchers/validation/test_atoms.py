"""Coverage of atomic points."""

import asyncio
import json

import pytest

from rightly.errors import InputError
from rightly.matchers.validation.atoms import (
    AS_WRITTEN,
    COVERED,
    LEFT_OUT,
    OTHER_WORDS,
    Atom,
    AtomCase,
    check_atoms,
    joined_cases,
    metacritique_cases,
)
from rightly.matchers.validation.perspectrum import Claim, Cluster, load_perspectrum
from tests.matchers.validation.scripted import Scripted


def atoms(*said):
    return tuple(Atom(text, kind, kind != LEFT_OUT) for text, kind in said)


CASES = [
    AtomCase("1", "x", atoms(("0.9", AS_WRITTEN), ("0.6", OTHER_WORDS), ("0.3", LEFT_OUT)), ("one text",)),
    AtomCase("2", "y", atoms(("0.2", OTHER_WORDS), ("0.7", LEFT_OUT)), ("one text",)),
]


def check(matcher, cases):
    return asyncio.run(check_atoms(matcher, cases, lambda _: None, data="data"))


def test_accepted_shares_and_recall_are_those_computed_by_hand():
    found = check(Scripted(lambda point, _: float(point)), CASES)
    assert {kind: each.value for kind, each in found.accepted.items()} == {
        "as written": 1,
        "in other words": 0.5,
        "left out": 0.5,
    }
    # 0.6 beats 0.3 and loses to 0.7; 0.2 loses to both. What is as written is no part of it.
    assert found.auc.value == 0.25
    assert found.recall == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found.true_recall == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert (found.n_cases, found.n_atoms, found.n_failed) == (2, 5, 0)


def test_an_atom_counts_by_its_best_reason_and_failures_are_excluded():
    cases = [CASES[0]._replace(reasons=("high", "low")), CASES[1]]
    lift = {"low": 0.0, "high": 0.25}
    found = check(Scripted(lambda point, text: None if text == "one text" else float(point) + lift[text]), cases)
    assert found.accepted[LEFT_OUT].value == 1.0
    assert (found.n_cases, found.n_failed) == (1, 1)
    assert "1 more failed" in found.line()


def test_joined_texts_hold_what_is_covered_and_nothing_that_is_left_out():
    cases = list(joined_cases(load_perspectrum()))
    assert len(cases) == 136
    clusters = {frozenset(each.texts) for claim in load_perspectrum() for each in claim.clusters}
    for case in cases:
        (text,) = case.reasons
        written = [atom.text for atom in case.atoms if atom.kind == AS_WRITTEN]
        assert 2 <= len(written) <= 4
        assert all(each.rstrip(". ") in text for each in written)
        for atom in case.atoms:
            if atom.kind == OTHER_WORDS:
                assert any({atom.text, each} <= cluster for cluster in clusters for each in written)
            assert atom.covered == (atom.kind != LEFT_OUT)
            assert atom.covered or atom.text not in written
        assert any(not atom.covered for atom in case.atoms)


def test_joined_cases_need_three_clusters_of_one_side():
    pair = [Cluster((f"a{n}", f"b{n}"), supports=True) for n in range(2)]
    against = [Cluster(("c",), supports=False)]
    assert not list(joined_cases([Claim("claim", (*pair, *against))]))
    (case,) = joined_cases([Claim("claim", (*pair, Cluster(("d",), supports=True)))])
    assert [atom.kind for atom in case.atoms] == [AS_WRITTEN, AS_WRITTEN, OTHER_WORDS, OTHER_WORDS, LEFT_OUT]


def test_metacritique_is_read_as_lists_of_units_with_peoples_labels(tmp_path):
    def critique(labels):
        return {"aius": ["said 1", "said 2"], "recall_labels": labels, "precision_labels": [True, False]}

    row = {
        "index": 7,
        "gpt4_critique": {"aius": ["unit 1", "unit 2"]},
        "human_critique": critique([True, False]),
        "llm1_critique": critique([False, False]),
        "llm2_critique": critique([True, True]),
    }
    path = tmp_path / "annotation_data.json"
    path.write_text(json.dumps([row]))
    cases = list(metacritique_cases(path))
    assert [case.context for case in cases] == ["007"] * 3
    assert cases[0].atoms == (Atom("unit 1", COVERED, covered=True), Atom("unit 2", LEFT_OUT, covered=False))
    assert cases[0].reasons == ("said 1", "said 2")
    row["llm2_critique"] = critique([True])
    path.write_text(json.dumps([row]))
    with pytest.raises(InputError, match="is not MetaCritique's annotation"):
        list(metacritique_cases(path))
