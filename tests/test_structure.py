"""The house: no circle of imports, also not behind a late import; no file name that means two things; small files."""

import ast
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

import rightly

ROOT = Path(rightly.__file__).parent
VERBS = {"arena", "audit", "bench", "compare", "demo", "doctor", "judge", "matcher_check", "repair", "score", "serve",
         "strength", "train"}  # fmt: skip
ALIKE = {
    "base": "what everything in the room is: a protocol and its records",
    "collect": "ask for what is missing, many at a time, and keep it",
    "data": "rows of a training run (in cli: the verb)",
    "recipe": "the TOML file of a training run",
    "result": "what the room's work leaves behind",
    "run": "the training itself",
    "specs": "from a line on the command line to the thing",
}
"""File names that stand in several rooms, and the one thing that each means in all of them."""
GRAPH = grimp.build_graph("rightly", include_external_packages=False)


def circle(imports):
    """The files of a circle of imports, the first one again at its end; empty where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_import_cycles_between_files():
    assert circle({name: GRAPH.find_modules_directly_imported_by(name) for name in GRAPH.modules}) == []


def test_import_cycle_is_detected():
    assert sorted(set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}))) == ["a", "b", "c"]


def test_a_file_name_in_several_rooms_means_one_thing():
    """Verbs stand in ``cli`` and ``jobs`` (and where their arithmetic or page is)."""
    names = Counter(path.stem for path in ROOT.rglob("*.py") if not path.stem.startswith("__"))
    assert {name for name, count in names.items() if count > 1} - VERBS == set(ALIKE)


def test_files_and_functions_are_small():
    long_files, long_functions = [], []
    for path in ROOT.rglob("*.py"):
        text = path.read_text()
        if text.count("\n") >= 400:
            long_files.append(path.name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= 60:
                long_functions.append(f"{path.name}:{node.name}")
    assert (long_files, long_functions) == ([], [])
