"""A pair that cannot be scored is named with its file and row and the right cure; nothing of it is ever written."""

import json
import shutil

import pytest

from rightly.cli import app
from rightly.errors import InputError, PairError
from rightly.reward_models.features import frozen_features
from rightly.reward_models.margins import ScoreRecord
from rightly.reward_models.model import RewardModel
from rightly.types import Message, PreferencePair
from tests.reward_models.conftest import TEMPLATE
from tests.training.conftest import tiny_model  # noqa: F401 - a fixture

ASKED = (Message(role="user", content="this"),)
STRICT = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% endfor %}" + TEMPLATE
)


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def score(file, folder, out, **options):
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    app.main(["score", str(file), "--model", str(folder), "--out", str(out), *arguments], standalone_mode=False)


@pytest.fixture
def strict(sound, tmp_path):
    folder = shutil.copytree(sound, tmp_path / "strict")
    (folder / "chat_template.jinja").write_text(STRICT)
    return folder


ROWS = [
    {"prompt": "this", "chosen": "is good", "rejected": "is fine"},
    {"prompt": "this", "chosen": "is good", "rejected": "is bad"},
]


def test_row_rejected_by_template_is_named(strict, tmp_path):
    system = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why"}]
    rows = [*ROWS, {"prompt": system, "chosen": "dust", "rejected": "rain"}]
    with pytest.raises(InputError) as raised:
        score(write(tmp_path / "pairs.jsonl", *rows), strict, tmp_path / "out")
    told = str(raised.value)
    assert "pairs.jsonl:3: pair " in told
    assert f"the chat template of {strict} rejects" in told
    assert "a conversation of system, user (Conversation roles must alternate)" in told
    assert "\n" not in told


def test_non_finite_reward_names_model_and_row_and_is_not_written(spoiled, tmp_path):
    file = write(tmp_path / "pairs.jsonl", {"prompt": "this", "chosen": "fine", "rejected": "poor"}, *ROWS)
    for _ in range(2):  # the folder is not blocked: the same command says the same again
        with pytest.raises(InputError) as raised:
            score(file, spoiled, tmp_path / "out")
        told = str(raised.value)
        assert "pairs.jsonl:3: pair " in told
        assert f"{spoiled} gives response" in told
        assert "the reward nan" in told
        assert f"see `rightly doctor {spoiled}`" in told
        assert "delete" not in told
    assert "null" not in "".join(path.read_text() for path in (tmp_path / "out").glob("scores-*.jsonl"))


@pytest.mark.parametrize("scored_by", [["--model"], ["--train", "2", "--base"]])
def test_strength_names_row_rejected_by_template(spoiled, tmp_path, scored_by):
    file = write(tmp_path / "pairs.jsonl", *ROWS)
    with pytest.raises(InputError, match=r"pairs.jsonl:2: pair .*spoiled gives .*rightly doctor"):
        app.main(
            ["strength", str(file), *scored_by, str(spoiled), "--folds", "2", "--ensemble", "heads", "--group-by", "pair",
             "--out", str(tmp_path / "out")],
            standalone_mode=False,
        )  # fmt: skip
    assert not list((tmp_path / "out").rglob("*.npy"))


def test_a_record_without_a_finite_reward_cannot_be_made():
    fields = {
        "pair_id": "1",
        "pair_key": "k",
        "model": "m",
        "made_by": "d",
        "tokens": (1, 1),
        "truncated": (0, 0),
        "same_as": (0, 1),
    }
    assert ScoreRecord(rewards=(1.0, 2.0), **fields).no_difference is False
    with pytest.raises(ValueError, match="finite"):
        ScoreRecord(rewards=(1.0, float("nan")), **fields)


def test_non_finite_features_name_the_pair(spoiled):
    pairs = [
        PreferencePair(id=f"p{n}", context=ASKED, responses=("is good", word)) for n, word in enumerate(("fine", "bad"))
    ]
    with pytest.raises(PairError, match=r"'p1'.*features") as raised:
        frozen_features(RewardModel.load(spoiled), pairs)
    assert "rightly doctor" in raised.value.fix


def test_a_response_of_no_token_is_named_by_its_pair_not_by_another_of_the_same_context(sound, tmp_path):
    folder = shutil.copytree(sound, tmp_path / "bare")
    (folder / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    model = RewardModel.load(folder)
    pairs = [PreferencePair(id="whole", responses=("fine", "good")), PreferencePair(id="empty", responses=("good", ""))]
    assert len(list(model.score(pairs[:1]))) == 1
    with pytest.raises(PairError, match=r"'empty'.*text 2: 0 tokens"):
        list(model.score(pairs))
