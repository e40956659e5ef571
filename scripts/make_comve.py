"""Make the shipped sample of ComVE; running it again gives the same bytes.

    python scripts/make_comve.py FOLDER

FOLDER holds the six files of the test set as they are published (``subtaskA_test_data.csv``, ``subtaskA_gold_answers.csv``
and so on). All 1,000 rows are taken, in the published order of rows and statements: the statement that makes sense is the
first one in 492 and the second one in 508.

Two files are written. ``comve.jsonl.gz`` holds the pairs: the label is the statement that makes sense (the gold answer of
subtask A names the other one), the rationales are the three right reasons (subtask C). ``comve-confusing.jsonl.gz`` holds
the two options of subtask B that are not its gold answer, by the pair's id. They are not part of the pairs, so that no
reference can contain them.
"""

import argparse
import csv
import gzip
import json
from collections.abc import Iterable
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src" / "rightly" / "data" / "samples"


def main() -> None:
    """Read the folder named on the command line, write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    statements, options = table(folder / "subtaskA_test_data.csv"), table(folder / "subtaskB_test_data.csv")
    nonsense, right = table(folder / "subtaskA_gold_answers.csv"), table(folder / "subtaskC_gold_answers.csv")
    gold = table(folder / "subtaskB_gold_answers.csv")
    del statements["id"], options["id"]  # the headers; gold answers have none
    write("comve", (pair(each, statements[each], int(nonsense[each][0]), right[each]) for each in statements))
    write("comve-confusing", ({"id": name(each), "reasons": wrong(options[each][1:], *gold[each])} for each in options))


def table(path: Path) -> dict[str, list[str]]:
    """The rows of a file by their first column."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row[0]: [" ".join(cell.split()) for cell in row[1:]] for row in csv.reader(file)}


def pair(row_id: str, statements: list[str], nonsense: int, reasons: list[str]) -> dict:
    """A pair in the layout of `rightly.types.PreferencePair`; each reason says why the nonsense makes no sense."""
    label, other = "BA"[nonsense], "AB"[nonsense]
    question = f"Which of these two statements makes sense?\n1. {statements[0]}\n2. {statements[1]}"
    return {
        "id": name(row_id),
        "context": [{"role": "user", "content": question}],
        "responses": statements,
        "label": label,
        "rationales": [
            {"text": text, "annotator": f"writer {place}", "about": other, "favors": label}
            for place, text in enumerate(reasons, start=1)
        ],
    }


def wrong(options: list[str], gold: str) -> list[str]:
    """The options that are not the gold answer."""
    return [text for letter, text in zip("ABC", options, strict=True) if letter != gold]


def name(row_id: str) -> str:
    """Id of the pair of a published row."""
    return f"comve-{int(row_id):04d}"


def write(sample: str, rows: Iterable[dict]) -> None:
    """Write a file without name and time inside, so that equal rows are equal bytes."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    packed = gzip.compress("".join(lines).encode(), compresslevel=9, mtime=0)
    (TARGET / f"{sample}.jsonl.gz").write_bytes(packed)


if __name__ == "__main__":
    main()
