"""The package as a whole: what it imports, and that it says what it has."""

import ast
import sys
from pathlib import Path

import rightly.losses

FOLDER = Path(rightly.losses.__file__).parent


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def test_it_imports_torch_and_the_standard_library_only():
    names = {name for path in FOLDER.glob("*.py") for name in imported(path)}
    foreign = {
        name
        for name in names
        if name.split(".")[0] not in sys.stdlib_module_names | {"torch"} and not name.startswith("rightly.losses")
    }
    assert not foreign
    assert "torch" in names


def test_all_names_are_there():
    assert all(hasattr(rightly.losses, name) for name in rightly.losses.__all__)
