"""The tests themselves: a function that looks like a test is one, and a test asserts something."""

import ast
from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).parent
EXPECTS = {"raises", "warns", "fail"}


def functions(tree):
    """Functions of the module and of its classes, without those inside of functions and those that a base class calls."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.bases:
            yield from functions(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def called(node):
    """Names of what is called inside, ``pytest.raises`` as ``raises``."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            yield each.func.attr if isinstance(each.func, ast.Attribute) else getattr(each.func, "id", "")


def asserts(node):
    """Whether a function fails by itself where something is wrong."""
    checks = (name in EXPECTS or name.startswith(("assert_", "check_")) for name in called(node))
    return any(isinstance(each, ast.Assert) for each in ast.walk(node)) or any(checks)


def is_fixture(node):
    return any("fixture" in ast.unparse(each) for each in node.decorator_list)


def mentioned(trees):
    """How often each name is read in all files: called, handed on, imported or asked for as a fixture."""
    found = Counter()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                found[node.id] += 1
            elif isinstance(node, ast.Attribute):
                found[node.attr] += 1
    return found


def faults(files):
    """What is no test and should be one, or is one and asserts nothing; by file and name.

    Args:
        files: Source by path; those named ``test_*`` are collected, the others hold what tests share.
    """
    trees = {path: ast.parse(source) for path, source in files.items()}
    names, checks = mentioned(trees.values()), set()
    every = [node for tree in trees.values() for node in functions(tree)]
    while more := {n.name for n in every if n.name not in checks and (asserts(n) or checks & set(called(n)))}:
        checks |= more
    for path, tree in trees.items():
        for node in functions(tree):
            where = f"{path}: {node.name}"
            if node.name.startswith("test_") and Path(path).name.startswith("test_"):
                if not asserts(node) and not checks & set(called(node)):
                    yield f"{where} asserts nothing"
            elif not names[node.name] and not is_fixture(node) and (asserts(node) or "test" in node.name):
                yield f"{where} looks like a test, but nothing runs it"


def test_every_test_is_collected_and_asserts_something():
    sources = {str(path.relative_to(HERE)): path.read_text(encoding="utf-8") for path in HERE.rglob("*.py")}
    assert list(faults(sources)) == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("def paired_test_of_two(): assert 1", "looks like a test"),
        ("def tset_it(): assert 1", "looks like a test"),
        ("class Tests:\n    def checks(self): assert 1", "looks like a test"),
        ("def test_it(): print(1)", "asserts nothing"),
        ("def show(x): print(x)\ndef test_it(): show(1)", "asserts nothing"),
        ("async def test_it(): pass", "asserts nothing"),
        ("def test_it(): assert 1", ""),
        ("def test_it():\n    with pytest.raises(ValueError): int('')", ""),
        ("def same(x): assert x\ndef both(x): same(x)\ndef test_it(): both(1)", ""),
        ("def test_it(): np.testing.assert_array_equal(1, 1)", ""),
        ("class Server(Handler):\n    def do_POST(self): assert self.path", ""),
        ("@pytest.fixture(autouse=True)\ndef no_test(): assert 1", ""),
        ("def paired_test(x): return x\ndef test_it(): assert paired_test(1)", ""),
    ],
)
def test_a_fault_is_found(source, fault):
    found = list(faults({"test_it.py": source}))
    assert [fault in each for each in found] == [True] * bool(fault)
