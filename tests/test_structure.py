"""The house: no circle of imports between files, none hidden behind a late or a type-checking import either."""

from graphlib import CycleError, TopologicalSorter

import grimp

GRAPH = grimp.build_graph("rightly", include_external_packages=False)


def circle(imports):
    """The files of a circle of imports, the first one again at its end; empty where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_files_import_each_other_in_a_circle():
    assert circle({name: GRAPH.find_modules_directly_imported_by(name) for name in GRAPH.modules}) == []


def test_a_circle_is_found():
    assert sorted(set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}))) == ["a", "b", "c"]
