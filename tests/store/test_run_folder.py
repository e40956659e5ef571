"""Run folders: nothing done is lost, nothing torn is read."""

import json

import pytest

from rightly.errors import InputError
from rightly.store.run_folder import RunFolder
from rightly.types import Judgment

OWNS = ("judgments.jsonl", "audit.json")


def judgment(pair_id, **fields):
    return Judgment(pair_id=pair_id, pair_key="k", judge="j", made_by="j", **({"verdict": "A"} | fields))


def test_records_are_on_disk_once_append_returns(tmp_path):
    with RunFolder(tmp_path, {}, owns=OWNS).records("judgments", Judgment) as records:
        records.append(judgment("p\u2028\n1"))
    assert [r.pair_id for r in RunFolder(tmp_path, {}, owns=OWNS).records("judgments", Judgment)] == ["p\u2028\n1"]


@pytest.mark.parametrize("torn", [b'{"pair_id": "x', b"x" * 200_000])
def test_torn_last_record_is_dropped_and_its_work_repeated(tmp_path, torn):
    with RunFolder(tmp_path, {}, owns=OWNS).records("judgments", Judgment) as records:
        records.append(judgment("p1"))
    with (tmp_path / "judgments.jsonl").open("ab") as file:
        file.write(torn)
    with RunFolder(tmp_path, {}, owns=OWNS).records("judgments", Judgment) as records:
        assert records.done() == {judgment("p1").key}
        records.append(judgment("p2"))
        assert [r.pair_id for r in records] == ["p1", "p2"]


def test_damaged_record_line_is_named(tmp_path):
    folder = RunFolder(tmp_path, {}, owns=OWNS)
    (tmp_path / "judgments.jsonl").write_text("{}\n")
    records = folder.records("judgments", Judgment)
    with pytest.raises(InputError, match=r"judgments.jsonl:1: not a Judgment record .*delete this line"):
        list(records)


def test_provider_failures_are_retried_and_newest_record_counts(tmp_path):
    with RunFolder(tmp_path, {}, owns=OWNS).records("judgments", Judgment) as records:
        records.append(judgment("p1", verdict=None, failure="provider"))
        records.append(judgment("p2", verdict=None, failure="unparsed"))
        assert records.done() == {judgment("p2").key}
        records.append(judgment("p1", verdict="B"))
    assert {r.pair_id: r.verdict for r in records.latest()} == {"p1": "B", "p2": None}


def test_latest_records_ignore_order_of_completion(tmp_path):
    for folder, ids in (("a", "123"), ("b", "312")):
        with RunFolder(tmp_path / folder, {}, owns=OWNS).records("judgments", Judgment) as records:
            for pair_id in ids:
                records.append(judgment(pair_id))
    first, second = (RunFolder(tmp_path / f, {}, owns=OWNS).records("judgments", Judgment).latest() for f in "ab")
    assert first == second


def test_other_run_is_not_overwritten(tmp_path):
    RunFolder(tmp_path, {"limit": 5, "source": "x"}, owns=OWNS).begin()
    RunFolder(tmp_path, {"limit": 5, "source": "x"}, owns=OWNS)
    with pytest.raises(InputError, match="limit was 5 and is now 6; choose another --out"):
        RunFolder(tmp_path, {"limit": 6, "source": "x"}, owns=OWNS)
    RunFolder(tmp_path, {"limit": 6, "source": "x"}, owns=OWNS, fresh=True)


def test_command_that_fails_before_first_record_does_not_block_folder(tmp_path):
    RunFolder(tmp_path, {"limit": 5}, owns=OWNS).records("judgments", Judgment)
    with RunFolder(tmp_path, {"limit": 6}, owns=OWNS).records("judgments", Judgment) as records:
        records.append(judgment("p1"))
    with pytest.raises(InputError, match="limit was 6 and is now 5"):
        RunFolder(tmp_path, {"limit": 5}, owns=OWNS)


def test_fresh_moves_only_own_files_aside(tmp_path):
    foreign = {name: tmp_path / name for name in ("pairs.jsonl", "notes.jsonl", "audit.json.bak")}
    for name, path in foreign.items():
        path.write_text(name)
    for number in (1, 2):
        folder = RunFolder(tmp_path, {"run": number}, owns=OWNS, fresh=True)
        with folder.records("judgments", Judgment) as records:
            assert list(records) == []
            records.append(judgment(f"p{number}"))
        folder.write("audit.json", {"run": number})
    assert {name: path.read_text() for name, path in foreign.items()} == {name: name for name in foreign}
    earlier = tmp_path / "earlier-1"
    assert sorted(path.name for path in earlier.iterdir()) == ["audit.json", "judgments.jsonl", "run.json"]
    assert json.loads((earlier / "audit.json").read_text()) == {"run": 1}
    assert [record.pair_id for record in folder.records("judgments", Judgment)] == ["p2"]


def test_fresh_moves_files_of_another_kind_of_run(tmp_path):
    RunFolder(tmp_path, {"verb": "bench"}, owns=("bench.json",)).write("bench.json", {})
    RunFolder(tmp_path, {"verb": "audit"}, owns=OWNS, fresh=True).begin()
    assert not (tmp_path / "bench.json").exists()
    assert (tmp_path / "earlier-1" / "bench.json").exists()


@pytest.mark.parametrize("name", ["judgments.jsonl", "audit.json", "settings.json", "run.json"])
@pytest.mark.parametrize("fresh", [True, False])
def test_user_file_under_owned_name_is_neither_read_nor_overwritten(tmp_path, name, fresh):
    (tmp_path / name).write_text('{"mine": 1}\n')
    with pytest.raises(InputError, match=f"holds '{name}', which would be overwritten.*choose another --out"):
        RunFolder(tmp_path, {}, owns=OWNS, fresh=fresh)
    assert (tmp_path / name).read_text() == '{"mine": 1}\n'


@pytest.mark.parametrize("fresh", [True, False])
def test_input_as_output_is_refused(tmp_path, fresh, monkeypatch):
    monkeypatch.chdir(tmp_path)
    RunFolder(tmp_path, {}, owns=OWNS).begin()
    (tmp_path / "judgments.jsonl").write_text("the input")
    with pytest.raises(InputError, match=r"judgments.jsonl: is read by this command"):
        RunFolder(tmp_path, {}, owns=OWNS, inputs=("hub/id#train", "judgments.jsonl"), fresh=fresh)
    assert (tmp_path / "judgments.jsonl").read_text() == "the input"


def test_only_owned_names_are_written(tmp_path):
    with pytest.raises(ValueError, match=r"report\.html is not among"):
        RunFolder(tmp_path, {}, owns=OWNS).write("report.html", {})


def test_an_out_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="cannot create the folder"):
        RunFolder(tmp_path / "out", {}, owns=OWNS)


def test_summaries_are_atomic_write_and_sorted(tmp_path):
    path = RunFolder(tmp_path, {}, owns=OWNS).write("audit.json", {"b": 1, "a": "é"})
    assert json.loads(path.read_text()) == {"a": "é", "b": 1}
    assert path.read_text().index('"a"') < path.read_text().index('"b"')
