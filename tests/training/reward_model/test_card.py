"""The model card: what a recipe says stands in it as text, whatever characters it has."""

import ast
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from rightly.training.common.recipe import check_recipe
from rightly.training.reward_model.card import model_card
from rightly.training.reward_model.recipe import RewardRecipe
from rightly.training.reward_model.result import TrainedRewardModel

CONTRACT = SimpleNamespace(final_token=None, pad_token="<pad>", max_length=8, form="chat")


@pytest.mark.parametrize("name", ["org/name", "a: b # c", 'x"\nlicense: mit\nevil: "y', "- [1, {2}]", "null", "é\\"])
def test_model_card_quotes_names_verbatim(name):
    table = {"output": "o", "model": {"name": name}, "data": {"train": ["p.jsonl"]}}
    trained = TrainedRewardModel(folder=Path(name), results={}, counts={}, steps=1, loss=0.0, history=[])
    card = model_card(check_recipe(RewardRecipe, table, "test"), trained, SimpleNamespace(contract=CONTRACT))
    _, front, body = card.split("---\n", 2) if card.startswith("---\n") else pytest.fail(card)
    assert yaml.safe_load(front) == {
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "base_model": name,
        "tags": ["reward-model", "rightly"],
    }
    code = re.search(r"```python\n(.*?)\n```", body, re.DOTALL)[1]
    call = ast.parse(code).body[-1].value
    assert [ast.literal_eval(argument) for argument in call.args] == [Path(name).name]
    assert json.loads(re.search(r"```json\n(.*?)\n```", body, re.DOTALL)[1])["model"]["name"] == name
    assert body.splitlines()[1] == f"# Reward model from {' '.join(name.split())}"
