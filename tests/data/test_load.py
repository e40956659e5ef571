import json
import sys

import pytest

from rightly.data.jsonl import read_lines
from rightly.data.load import load_pairs
from rightly.errors import InputError, MissingExtraError

ROW = {"prompt": "q", "chosen": "x", "rejected": "y"}


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_limit_stops_before_a_later_error(tmp_path):
    file = write(tmp_path / "p.jsonl", ROW | {"id": 1}, ROW | {"id": 2}, {"broken": True})
    assert [pair.id for pair in load_pairs(file, limit=2)] == ["1", "2"]
    with pytest.raises(InputError, match=r"p.jsonl:3: chosen, rejected missing"):
        list(load_pairs(file))


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(limit, tmp_path):
    with pytest.raises(InputError, match=f"the limit is {limit}"):
        load_pairs(write(tmp_path / "p.jsonl", ROW), limit=limit)


def test_rows_are_read_one_at_a_time(tmp_path):
    file = tmp_path / "p.jsonl"
    write(file, *(ROW | {"id": n, "chosen": "x" * 5000} for n in range(100)))
    with file.open("a") as more:
        rows = read_lines(file, "p.jsonl")
        next(rows)
        more.write("not JSON\n")
        more.flush()
        with pytest.raises(InputError, match=r"p.jsonl:101: not JSON"):
            list(rows)


def test_columns_choose_between_families(tmp_path):
    both = ROW | {"input": "q", "output_1": "one", "output_2": "two", "label": 2}
    file = write(tmp_path / "p.jsonl", both, both | {"extra": 1})
    first, second = load_pairs(file, columns="llmbar")
    assert (first.responses, first.label) == (("one", "two"), "B")
    assert second.id == first.id + "#2"
    assert {*next(load_pairs(file, columns="chosen-rejected")).responses} == {"x", "y"}
    with pytest.raises(InputError, match="model_a, model_b, winner missing, which family arena needs"):
        list(load_pairs(file, columns="arena"))
    with pytest.raises(InputError, match="no column family is called 'llm-bar'; did you mean 'llmbar'"):
        load_pairs(file, columns="llm-bar")


def test_rows_without_ids_get_ids_of_their_content_and_repeats_are_told_apart(tmp_path):
    other = ROW | {"prompt": "other"}
    ids = [pair.id for pair in load_pairs(write(tmp_path / "p.jsonl", ROW, other, ROW, ROW))]
    assert ids[2:] == [f"{ids[0]}#2", f"{ids[0]}#3"]
    assert [pair.id for pair in load_pairs(write(tmp_path / "q.jsonl", other, ROW))] == [ids[1], ids[0]]


def test_a_missing_file_is_answered_with_the_nearest_name(tmp_path):
    write(tmp_path / "train_pairs.jsonl", ROW)
    with pytest.raises(InputError, match=r"no such file; did you mean '.*train_pairs.jsonl'\?"):
        load_pairs(tmp_path / "train_pair.jsonl")
    with pytest.raises(InputError, match="holds no file of a similar name"):
        load_pairs(tmp_path / "zzz.parquet")
    with pytest.raises(InputError, match="there is no folder"):
        load_pairs(tmp_path / "nowhere" / "train_pairs.jsonl")


def test_a_folder_is_answered_with_its_files(tmp_path):
    write(tmp_path / "b.jsonl", ROW)
    write(tmp_path / "a.json", ROW)
    write(tmp_path / "notes.txt", ROW)
    with pytest.raises(InputError, match=r"is a folder; name one of its files: a\.json, b\.jsonl$"):
        load_pairs(tmp_path)


def test_a_file_that_may_not_be_opened_is_named(tmp_path, monkeypatch):
    file = write(tmp_path / "p.jsonl", ROW)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(file), "open", refuse)
    with pytest.raises(InputError, match=r"p.jsonl: cannot be read \(Permission denied\)"):
        list(load_pairs(file))


def test_parquet_rows_come_as_from_json(tmp_path):
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    rows = [
        {
            "context": [{"role": "user", "content": f"q{n}"}],
            "response1": "x",
            "response2": "y",
            "overall_preference": [-2, None, 0][n % 3],
            "individual_preference": [{"score": -1, "reasoning": "Response 1 is better"}],
        }
        for n in range(2500)
    ]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "p.parquet")
    assert list(load_pairs(tmp_path / "p.parquet")) == list(load_pairs(write(tmp_path / "p.jsonl", *rows)))


def test_a_bad_parquet_row_is_numbered_across_batches(tmp_path):
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    labels = [1.0] * 1500 + [float("nan")]
    table = arrow.table({"input": ["q"] * 1501, "output_1": ["x"] * 1501, "output_2": ["y"] * 1501, "label": labels})
    parquet.write_table(table, tmp_path / "p.parquet")
    with pytest.raises(InputError, match=r"p.parquet:1501: label in column 'label' is NaN"):
        list(load_pairs(tmp_path / "p.parquet"))


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    (tmp_path / "p.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'rightly\[data\]'"):
        list(load_pairs(tmp_path / "p.parquet"))
