"""A matcher that is unfit as a reward stops a recipe before its first step."""

import pytest

from rightly.errors import InputError
from rightly.matchers.base import Link, Match
from rightly.matchers.validation.probes import load_probes
from rightly.training.common.recipe import check_recipe
from rightly.training.judge import fitness
from rightly.training.judge.fitness import require_fit
from rightly.training.judge.recipe import GenrmRecipe, MatcherTable
from rightly.training.judge.run import train_judge
from rightly.training.judge.verl_launch import write_verl_launch


def refusal(spec, cache):
    with pytest.raises(InputError) as caught:
        require_fit(MatcherTable(spec=spec), cache)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_word_overlap_is_refused_with_its_numbers_and_the_way_to_insist(tmp_path):
    said = refusal("lexical", tmp_path / "answers.db")
    assert said.startswith(
        "[matcher]: lexical is not fit as a training reward: it accepts too many near misses: polarity 44.7%"
    )
    assert "paraphrase 39.4% (at least 80%)" in said
    assert "write accept_unfit = true" in said


def test_a_matcher_that_was_never_checked_is_refused_and_not_called(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    said = refusal("openai:m?base_url=http://127.0.0.1:9/v1", tmp_path / "answers.db")
    assert "was not measured; run: rightly matcher-check --matcher openai:m" in said


def test_accepting_an_unfit_matcher_measures_nothing(monkeypatch):
    monkeypatch.setattr(fitness, "build_matcher", lambda *_: pytest.fail("built"))
    require_fit(MatcherTable(spec="lexical", accept_unfit=True), None)


def test_a_fit_matcher_is_accepted(monkeypatch, tmp_path):
    truth = {(probe.human, probe.judge): float(probe.same) for probe in load_probes()}

    class Exact:
        name = fingerprint = "exact"
        concurrency, smoke_only, free, operating_point, held_out = 4, False, True, 0.5, None

        async def match(self, reference, candidate):
            pairs = [(i, j) for i in range(len(reference)) for j in range(len(candidate))]
            scores = {(i, j): truth.get((reference[i], candidate[j]), 0.0) for i, j in pairs}
            return Match(links=tuple(Link(reference=i, candidate=j, score=s) for (i, j), s in scores.items() if s))

        async def aclose(self):
            pass

    monkeypatch.setattr(fitness, "build_matcher", lambda *_: Exact())
    assert require_fit(MatcherTable(spec="exact"), tmp_path / "answers.db") is None


@pytest.mark.parametrize("run", [train_judge, write_verl_launch])
def test_recipes_stop_before_their_data_are_read(run, tmp_path):
    table = {
        "output": str(tmp_path / "run"),
        "model": {"name": str(tmp_path / "model")},
        "data": {"train": [str(tmp_path / "none.jsonl")]},
        "matcher": {"spec": "lexical"},
        "grpo": {"max_steps": 1},
    }
    options = (tmp_path / "run",) if run is write_verl_launch else ()
    with pytest.raises(InputError, match=r"\[matcher\]: lexical is not fit as a training reward"):
        run(check_recipe(GenrmRecipe, table, "test"), *options, tmp_path / "answers.db")
    assert not (tmp_path / "run").exists()
