"""Perspectrum's clusters and ArgKP's key points as training rows."""

import json

import pytest

from rightly.errors import InputError
from rightly.training.matcher.stances import from_key_points, from_perspectrum

POOL = {1: "it is cheap", 2: "the price is low", 3: "it is fast", 4: "it is loud", 5: "they are noisy"}
CLUSTERS = [([1, 2], "SUPPORT"), ([3], "SUPPORT"), ([4, 5], "UNDERMINE")]


@pytest.fixture
def perspectrum(tmp_path):
    (tmp_path / "dataset_split.json").write_text(json.dumps({"7": "train", "8": "test"}))
    (tmp_path / "perspective_pool.json").write_text(json.dumps([{"pId": p, "text": t} for p, t in POOL.items()]))
    perspectives = [{"pids": pids, "stance_label_3": stance} for pids, stance in CLUSTERS]
    claims = [{"cId": cid, "text": "buy it", "perspectives": perspectives} for cid in (7, 8)]
    (tmp_path / "perspectrum.json").write_text(json.dumps(claims))
    return tmp_path


def test_only_reasons_of_one_cluster_are_the_same_point(perspectrum):
    rows = list(from_perspectrum(perspectrum, "train"))
    clusters = [{POOL[pid] for pid in pids} for pids, _ in CLUSTERS]
    for row in rows:
        together = any({row.reference, row.candidate} <= cluster for cluster in clusters)
        assert row.same == row.covers == float(row.kind == "one cluster")
        assert together == (row.kind == "one cluster")
    cheap, loud = clusters[0] | clusters[1], clusters[2]
    opposite = [{row.reference, row.candidate} for row in rows if row.kind == "opposite stance"]
    assert opposite
    assert all(pair & cheap and pair & loud for pair in opposite)
    assert {row.kind for row in rows} == {"one cluster", "another cluster", "opposite stance", "opposite by rule"}
    assert list(from_perspectrum(perspectrum, "dev")) == []


def test_a_folder_without_perspectrum_is_refused(perspectrum):
    (perspectrum / "perspectrum.json").write_text(json.dumps([{"cId": 99, "text": "x", "perspectives": []}]))
    with pytest.raises(InputError, match="does not hold Perspectrum"):
        list(from_perspectrum(perspectrum, "train"))
    (perspectrum / "perspectrum.json").write_text("[")
    with pytest.raises(InputError, match=r"perspectrum\.json: is not JSON"):
        list(from_perspectrum(perspectrum, "train"))


def write_argkp(folder, labels):
    (folder / "arguments_train.csv").write_text('arg_id,argument\na1,"it is cheap, and good"\na2,loud\n')
    (folder / "key_points_train.csv").write_text("key_point_id,key_point\nk1,low price\nk2,noise\n")
    (folder / "labels_train.csv").write_text("arg_id,key_point_id,label\n" + labels)


def test_key_points_label_coverage_alone_and_half_are_matches(tmp_path):
    write_argkp(tmp_path, "a1,k1,1\na1,k2,0\na2,k1,0\na2,k2,1\n")
    rows = from_key_points(tmp_path, 2)
    assert sorted(row.covers for row in rows) == [0.0, 1.0]
    for row in from_key_points(tmp_path, 100):
        matched = {("low price", "it is cheap, and good"), ("noise", "loud")}
        assert row.covers == float((row.reference, row.candidate) in matched)
        assert row.same is None


def test_an_unknown_argument_names_file_and_row(tmp_path):
    write_argkp(tmp_path, "a1,k1,1\na9,k2,0\n")
    with pytest.raises(InputError, match=r"labels_train\.csv:3: 'a9' is unknown"):
        from_key_points(tmp_path, 2)
