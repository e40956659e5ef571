"""Make the samples of `rightly matcher-check`; running it again gives the same bytes.

    python scripts/make_matcher_samples.py --comve FOLDER --winowhy winowhy.json --perspectrum FOLDER

ComVE: all 1,000 statements of ``Test Data``, the three right reasons of subtask C and the two wrong options of subtask B.
WinoWhy: the questions with at least two valid reasons and an invalid one, of the reasons that people wrote. Perspectrum: the
claims of the development part with all clusters. Only the fields that the checks read are kept; no text was changed.
"""

import argparse
import csv
import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rightly.data.published import read_table, read_text
from rightly.matchers.validation.perspectrum import perspectrum_claims
from rightly.matchers.validation.winowhy import winowhy_questions

TARGET = Path(__file__).parents[1] / "src" / "rightly" / "matchers" / "samples"


def main() -> None:
    """Read the files named on the command line, write the samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("comve", "winowhy", "perspectrum"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    write("comve", list(comve(options.comve / "Test Data")))
    write(
        "winowhy",
        [
            {"question": each.text, "nouns": each.nouns, "valid": each.valid, "invalid": each.invalid}
            for each in winowhy_questions(options.winowhy)
            if len(each.valid) > 1 and each.invalid
        ],
    )
    write(
        "perspectrum",
        [
            {"claim": claim.text, "clusters": [[cluster.texts, cluster.supports] for cluster in claim.clusters]}
            for claim in perspectrum_claims(options.perspectrum, "dev")
        ],
    )


def comve(folder: Path) -> Iterator[dict]:
    """Statements with their right and their confusing reasons, in the published order."""
    right = {row[0]: row[1:4] for row in headless(folder / "subtaskC_gold_answers.csv")}
    answers = {row[0]: row[1] for row in headless(folder / "subtaskB_gold_answers.csv")}
    columns = ("id", "FalseSent", "OptionA", "OptionB", "OptionC")
    for row in read_table(folder / "subtaskB_test_data.csv", columns):
        name = row["id"]
        confusing = [row[f"Option{letter}"].strip() for letter in "ABC" if letter != answers[name]]
        said = [text.strip() for text in right[name]]
        yield {"id": name, "statement": row["FalseSent"].strip(), "right": said, "confusing": confusing}


def headless(path: Path) -> Iterator[list[str]]:
    """Rows of a table without a header."""
    return csv.reader(read_text(path).splitlines())


def write(name: str, rows: Sequence[dict]) -> None:
    """Write a packed file without a name or a time inside, so that equal rows are equal bytes."""
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path = TARGET / f"{name}.jsonl.gz"
    path.write_bytes(gzip.compress(content.encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
