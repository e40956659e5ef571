"""Make the reduced data of the parity tests from the published files.

    python tests/parity/make_data.py SOURCE

``SOURCE`` holds ``pandalm_testset/`` (the folder ``data`` of WeOpenML/PandaLM) and ``llmbar/`` (the folder ``Dataset`` of
princeton-nlp/LLMBar); JSON files may be gzipped. Texts are left out; votes, verdicts, labels and the stored statistics
stay as they are. The output is the same to the byte for the same input.
"""

import gzip
import json
import sys
from pathlib import Path

DATA = Path(__file__).parent / "data"


def read_json(path):
    packed = path.with_name(path.name + ".gz")
    return json.loads(gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes())


def write_lines(name, rows):
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    (DATA / name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def pandalm_rows(folder):
    """One row a pair: the three annotators' votes and the two judges' results, as published."""
    pairs = read_json(folder / "testset-v1.json")
    pandalm = {row["idx"]: row["pandalm_result"] for row in read_json(folder / "pandalm-7b-testset-v1.json")}
    gpt = {row["idx"]: row["gpt_result"] for row in read_json(folder / "gpt-3.5-turbo-testset-v1.json")}
    for pair in pairs:
        votes = [pair[f"annotator{number}"] for number in (1, 2, 3)]
        yield {"idx": pair["idx"], "votes": votes, "pandalm-7b": pandalm[pair["idx"]], "gpt-3.5": gpt[pair["idx"]]}


def llmbar_rows(folder):
    """One row a stored run: a character a pair for the label and each order's winner, ``-`` where there is none."""
    for statistics in sorted(folder.glob("**/evaluators/*/*/statistics.json")):
        subset, run = str(statistics.parent.relative_to(folder)).split("/evaluators/")
        results = read_json(statistics.with_name("result.json"))
        last = [result["results"][-1] for result in results]
        yield {
            "subset": subset,
            "run": run,
            "labels": "".join(str(result["label"]) for result in results),
            "first": "".join(stage["swap = False"]["winner"] or "-" for stage in last),
            "second": "".join(stage["swap = True"]["winner"] or "-" for stage in last),
            "statistics": json.loads(statistics.read_text()),
        }


if __name__ == "__main__":
    source = Path(sys.argv[1])
    write_lines("pandalm.jsonl.gz", pandalm_rows(source / "pandalm_testset"))
    write_lines("llmbar.jsonl.gz", llmbar_rows(source / "llmbar"))
