"""Make the shipped SummHay sample: ``python scripts/make_summhay.py FOLDER`` with FOLDER of salesforce/summary-of-a-haystack.

People chose a bullet by its place from 0, the language models by its place from 1; both become places from 0 here (the
choices of the two agree on 85-89% of the points that both link under this reading, and on 1-3% under any other).
"""

import ast
import gzip
import json
import sys
from pathlib import Path

OUT = Path(__file__).parents[1] / "src/rightly/rationale/samples/summhay.jsonl.gz"
HUMAN = {"fully_covered": 1.0, "partially_covered": 0.5, "not_covered": 0.0}
TOPICS = {"data/topic_doctor_patient.json": "doctor", "data/topic_664eac18d68e5dd3b795fd6c.json": "sales"}
STORED = {"FULL_COVERAGE": 1.0, "PARTIAL_COVERAGE": 0.5, "NO_COVERAGE": 0.0}


def places(said: object) -> list[int]:
    """The places that a label names, as written: a number, a list of numbers, or words for none."""
    try:
        value = ast.literal_eval(str(said))
    except (ValueError, SyntaxError):
        return []
    return [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, int)]


def main(folder: Path) -> None:
    """Write the sample."""
    with gzip.open(folder / "eval_benchmark_data.json.gz", "rt", encoding="utf-8") as file:
        rows = json.load(file)
    lines = []
    for number, row in enumerate(rows):
        place = {insight["insight_id"]: i for i, insight in enumerate(row["reference_insights"])}
        bullets = len(row["summary"])
        human = [
            [place[a["insight_id"]], i, HUMAN[a["coverage"]]]
            for a in row["annotation"]
            for i in places(a["candidate_id"])
            if HUMAN[a["coverage"]] > 0
        ]
        stored = {
            name.removeprefix("predictions_"): [
                [place[p["insight_id"]], i - 1, STORED[p["coverage"]]]
                for p in row[name]
                for i in places(p["bullet_id"])
                if STORED[p["coverage"]] > 0 and 1 <= i <= bullets
            ]
            for name in row
            if name.startswith("predictions_")
        }
        retriever, _, system = row["summkey"].removeprefix("summary_subtopic_").rpartition("_")
        case = {
            "id": f"summhay-{number}",
            "topic": TOPICS.get(row.get("topic_fn"), "news"),
            "cluster": row["subtopic_id"],
            "system": system,
            "retriever": retriever,
            "points": [insight["insight"] for insight in row["reference_insights"]],
            "bullets": row["summary"],
            "human": human,
            "stored": stored,
        }
        lines.append(json.dumps(case, ensure_ascii=False))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    with OUT.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as file:
        file.write(("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
