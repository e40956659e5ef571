import sys

import pytest

from rightly.data.hub import HubAddress, parse_address
from rightly.data.load import load_pairs
from rightly.errors import InputError, MissingExtraError

ROW = {"prompt": "q", "chosen": "x", "rejected": "y"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("org/name", HubAddress("org/name")),
        ("org/name@v1", HubAddress("org/name", revision="v1")),
        ("org/name:preference", HubAddress("org/name", config="preference")),
        ("org/na.me-2@refs/pr/1:a b", HubAddress("org/na.me-2", "refs/pr/1", "a b")),
        ("org/name@v1:c#validation", HubAddress("org/name", "v1", "c", "validation")),
        ("name", None),
        ("a/b/c", None),
        ("/org/name", None),
    ],
)
def test_parse_hub_addresses(text, expected):
    assert parse_address(text) == expected


@pytest.fixture
def hub(monkeypatch):
    """A hub with one data set of two splits and one of a single split; answers what it was asked for."""
    import datasets

    asked = []
    sets = {"org/two": {"train": [ROW], "test": [ROW | {"id": "t"}]}, "org/one": {"train": [ROW]}}

    def load_dataset(path, name, *, revision, streaming):
        asked.append((path, name, revision, streaming))
        if path not in sets:
            raise datasets.exceptions.DatasetNotFoundError(f"Dataset '{path}' doesn't exist on the Hub\nor so")
        return sets[path]

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return asked


def test_a_single_split_needs_no_name_and_is_streamed(hub):
    (pair,) = load_pairs("hub:org/one@v2:pairs")
    assert pair.source == "org/one"
    assert hub == [("org/one", "pairs", "v2", True)]


def test_the_prefix_may_be_left_out(hub):
    assert next(load_pairs("org/two#test")).id == "t"


def test_several_splits_without_choice_are_refused(hub):
    with pytest.raises(InputError, match="org/two: has the splits train, test; choose a split: org/two#train"):
        list(load_pairs("org/two"))
    with pytest.raises(InputError, match="has no split 'valid', only train, test; try #train"):
        list(load_pairs("org/two#valid"))


def test_unknown_hub_data_set_gives_one_line_error(hub):
    with pytest.raises(InputError, match="hub:org/none: cannot be fetched") as caught:
        list(load_pairs("hub:org/none"))
    assert "\n" not in str(caught.value)


def test_a_mistyped_file_is_never_a_download(hub, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("data/pairs", "nowhere/pairs.jsonl"):
        with pytest.raises(InputError, match="no such file"):
            load_pairs(name)
    assert hub == []


def test_hub_prefix_alone_is_refused(hub):
    with pytest.raises(InputError, match="is not a hub address; write hub:ORG/NAME"):
        load_pairs("hub:name")


def test_without_datasets_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'rightly\[data\]'"):
        list(load_pairs("hub:org/name"))
