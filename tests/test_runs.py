"""Run folders: nothing done is lost, nothing torn is read."""

import json

import pytest

from rightly.errors import InputError
from rightly.runs import RunFolder
from rightly.types import Judgment


def judgment(pair_id, **fields):
    return Judgment(pair_id=pair_id, pair_key="k", judge="j", **({"verdict": "A"} | fields))


def test_records_are_on_disk_once_append_returns(tmp_path):
    with RunFolder(tmp_path, {}).records("judgments", Judgment) as records:
        records.append(judgment("p\u2028\n1"))
    assert [r.pair_id for r in RunFolder(tmp_path, {}).records("judgments", Judgment)] == ["p\u2028\n1"]


@pytest.mark.parametrize("torn", [b'{"pair_id": "x', b"x" * 200_000])
def test_a_torn_last_line_is_dropped_and_its_work_is_missing(tmp_path, torn):
    with RunFolder(tmp_path, {}).records("judgments", Judgment) as records:
        records.append(judgment("p1"))
    with (tmp_path / "judgments.jsonl").open("ab") as file:
        file.write(torn)
    with RunFolder(tmp_path, {}).records("judgments", Judgment) as records:
        assert records.done() == {judgment("p1").key}
        records.append(judgment("p2"))
        assert [r.pair_id for r in records] == ["p1", "p2"]


def test_a_spoilt_line_in_the_middle_is_named(tmp_path):
    (tmp_path / "judgments.jsonl").write_text("{}\n")
    records = RunFolder(tmp_path, {}).records("judgments", Judgment)
    with pytest.raises(InputError, match=r"judgments.jsonl:1: not a Judgment record .*delete this line"):
        list(records)


def test_line_failures_are_done_again_and_the_newest_record_counts(tmp_path):
    with RunFolder(tmp_path, {}).records("judgments", Judgment) as records:
        records.append(judgment("p1", verdict=None, failure="provider"))
        records.append(judgment("p2", verdict=None, failure="unparsed"))
        assert records.done() == {judgment("p2").key}
        records.append(judgment("p1", verdict="B"))
    assert {r.pair_id: r.verdict for r in records.latest()} == {"p1": "B", "p2": None}


def test_the_order_of_completion_does_not_show(tmp_path):
    for folder, ids in (("a", "123"), ("b", "312")):
        with RunFolder(tmp_path / folder, {}).records("judgments", Judgment) as records:
            for pair_id in ids:
                records.append(judgment(pair_id))
    first, second = (RunFolder(tmp_path / f, {}).records("judgments", Judgment).latest() for f in "ab")
    assert first == second


def test_another_run_is_not_written_over(tmp_path):
    RunFolder(tmp_path, {"limit": 5, "source": "x"})
    RunFolder(tmp_path, {"limit": 5, "source": "x"})
    with pytest.raises(InputError, match="limit was 5 and is now 6; choose another --out"):
        RunFolder(tmp_path, {"limit": 6, "source": "x"})
    RunFolder(tmp_path, {"limit": 6, "source": "x"}, fresh=True)


def test_an_out_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="cannot make the folder"):
        RunFolder(tmp_path / "out", {})


def test_summaries_are_written_whole_and_sorted(tmp_path):
    path = RunFolder(tmp_path, {}).write("audit.json", {"b": 1, "a": "é"})
    assert json.loads(path.read_text()) == {"a": "é", "b": 1}
    assert path.read_text().index('"a"') < path.read_text().index('"b"')
