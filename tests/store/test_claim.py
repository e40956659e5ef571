"""A recipe's claim on its output: another recipe, other data or another base never goes on with it."""

import json

import pytest

from rightly.errors import InputError
from rightly.store.claim import CLAIM, Claim, DataDigest
from rightly.types import PreferencePair

RECIPE, MADE_OF = {"trainer": {"lr": 1}, "loss": {"kind": "ranking"}}, {"data": "d1", "model.name": "m1"}


def claim(folder, recipe=RECIPE, made_of=MADE_OF):
    return Claim(folder, recipe, made_of)


def test_same_recipe_on_same_content_resumes(tmp_path):
    claim(tmp_path).require()
    claim(tmp_path).note()
    (tmp_path / "checkpoint-3").mkdir()
    before = (tmp_path / CLAIM).read_bytes()
    claim(tmp_path, recipe=json.loads(json.dumps(RECIPE))).require()
    assert (tmp_path / CLAIM).read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"recipe": {**RECIPE, "trainer": {"lr": 0.5}}}, r"\[trainer\] differ"),
        ({"recipe": {"loss": {"kind": "ranking"}}}, r"\[trainer\] differ"),
        ({"made_of": {**MADE_OF, "data": "d2"}}, "the content of data differ"),
        ({"made_of": {**MADE_OF, "model.name": "m2"}}, "the content of model.name differ"),
    ],
)
def test_claim_names_the_difference(tmp_path, changed, said):
    claim(tmp_path).note()
    before = (tmp_path / CLAIM).read_bytes()
    with pytest.raises(InputError, match=f"holds a run of another recipe: {said}; give another output"):
        claim(tmp_path, **changed).require()
    assert (tmp_path / CLAIM).read_bytes() == before


@pytest.mark.parametrize("name", ["checkpoint-7", "model.safetensors", "config.json", "README.md", CLAIM])
def test_foreign_model_in_output_is_not_overwritten(tmp_path, name):
    (tmp_path / name).write_text("theirs")
    with pytest.raises(InputError, match=f"holds '{name}', which would be overwritten"):
        claim(tmp_path).require()


def test_run_that_fails_to_start_claims_no_folder(tmp_path):
    claim(tmp_path).require()
    assert not list(tmp_path.iterdir())
    claim(tmp_path, made_of={"data": "d2"}).require()


def test_data_digest_covers_every_field_and_the_order():
    def digest(*pairs):
        data = DataDigest()
        assert list(data.watch(pairs)) == list(pairs)
        return str(data)

    one, two = (PreferencePair(id=name, responses=("a", "b"), label="A") for name in "12")
    assert digest(one, two) == digest(one, two)
    others = [
        (two, one),
        (one,),
        (one, two.model_copy(update={"label": "B"})),
        (one, two.model_copy(update={"weight": 2.0})),
    ]
    assert len({digest(one, two), *(digest(*pairs) for pairs in others)}) == 5
