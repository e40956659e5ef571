"""Read the prompt of others from their own file: a constant of a Python file, a key of a YAML, JSON or TOML file, or a text.

No code is executed. Their fields (``{question}``) become ours.
"""

import ast
import json
import string
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rightly.errors import InputError, needs_extra


def upstream_text(place: str, address: str, fields: Mapping[str, str]) -> str:
    """A prompt of others, in our form.

    Args:
        place: Folder of a copy of their repository, or the file.
        address: ``FILE:NAME`` below the repository; without ``:NAME`` the whole file.
        fields: Our field for each of theirs; empty if the text has none.

    Raises:
        InputError: The file or the name is not there, or the text has a field that is not known.
    """
    file, _, name = address.partition(":")
    path = Path(place).expanduser()
    path = path / file if path.is_dir() else path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fix = f"give the folder of the repository, or its file {file}"
        raise InputError(f"the prompt cannot be read ({error})", where=str(path), fix=fix) from None
    found = text if not name else _named(text, name, path)
    if not isinstance(found, str):
        raise InputError(f"has no text {name!r}", where=str(path), fix=f"give the repository's file {file}")
    return _renamed(found, fields, f"{path}:{name}") if fields else found


def _named(text: str, name: str, path: Path) -> Any:
    """The value of a name in a file; ``None`` if it is not there."""
    try:
        if path.suffix == ".py":
            name, _, key = name.partition(".")
            found = _constant(ast.parse(text), name)
            return found.get(key) if key and isinstance(found, dict) else found
        if path.suffix in (".yaml", ".yml"):
            with needs_extra("reading YAML", "data"):
                import yaml
            found = yaml.safe_load(text)
        else:
            found = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (SyntaxError, ValueError) as error:
        raise InputError(f"cannot be read ({error})", where=str(path)) from None
    return found.get(name) if isinstance(found, dict) else None


def _constant(tree: ast.Module, name: str) -> Any:
    """The last constant that a module assigns to a name at its top level: a text, also joined by ``+``, or a dict of texts."""
    found = None
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            found = _value(getattr(node, "value", None))
    return found


def _value(node: ast.AST | None) -> Any:
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {key.value: _value(value) for key, value in pairs if isinstance(key, ast.Constant)}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _value(node.left), _value(node.right)
        return left + right if isinstance(left, str) and isinstance(right, str) else None
    return node.value if isinstance(node, ast.Constant) else None


def _renamed(text: str, fields: Mapping[str, str], where: str) -> str:
    """The text of ``str.format`` with our fields; braces of theirs that are doubled become single."""
    parts: list[str] = []
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError as error:
        raise InputError(f"is not a template ({error})", where=where) from None
    for literal, field, _, _ in pieces:
        parts.append(literal)
        if field is not None and field not in fields:
            raise InputError(f"has an unknown field {{{field}}}", where=where, fix="write a format of your own for it")
        if field is not None:
            parts.append("{{" + fields[field] + "}}")
    return "".join(parts)
