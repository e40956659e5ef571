"""Ray Data on a local Ray: the same table as in this process, and nothing scored twice."""

import warnings

import pytest

from rightly.errors import PairError
from rightly.reward_models import model
from rightly.reward_models.margins import ScoreRecord, score_run
from rightly.store.records import RecordFile
from rightly.types import Message, PreferencePair
from tests.reward_models.test_margins import run, table_of
from tests.training.conftest import tiny_model, write_pairs  # noqa: F401 - a fixture

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def local_ray():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ray

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
        yield ray
        ray.shutdown()


def test_two_ray_actors_give_the_table_of_one_process(local_ray, tiny_model, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(model, "WINDOW", 7)
    file = write_pairs(tmp_path / "pairs.jsonl", 30)
    run(tmp_path / "here", file, tiny_model)
    seen = []
    run(tmp_path / "ray", file, tiny_model, ray_workers=2, watch=seen.append)
    assert len(seen) == 30
    here, there = table_of(tmp_path / "here"), table_of(tmp_path / "ray")
    name = f"rewards/{tiny_model}"
    assert [row["id"] for row in here] == [row["id"] for row in there]
    for one, other in zip(here, there, strict=True):
        assert one[name] == pytest.approx(other[name], abs=1e-6)

    records = tmp_path / "ray" / "scores" / "rank-0.jsonl"
    kept = records.read_bytes().splitlines(keepends=True)[:10]
    records.write_bytes(b"".join(kept))
    again = []
    run(tmp_path / "ray", file, tiny_model, ray_workers=2, watch=again.append)
    assert len(again) == 20
    assert len(list(RecordFile(records, ScoreRecord))) == 30
    assert [row["id"] for row in table_of(tmp_path / "ray")] == [row["id"] for row in there]


def test_ray_actors_pass_on_pair_errors(local_ray, spoiled, tmp_path):
    asked = (Message(role="user", content="this"),)
    pairs = [PreferencePair(id=f"p{n}", context=asked, responses=("is good", "is bad")) for n in range(2)]
    with pytest.raises(PairError, match=r"pair 'p0': .*spoiled gives response 2 the reward nan"):
        score_run(
            tmp_path / "run", lambda: iter(pairs), {str(spoiled): "digest"}, model.RewardModel.load, identity={},
            tokens_per_batch=512, ray_workers=1,
        )  # fmt: skip
