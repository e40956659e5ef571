"""RationaleRM's MetaJudge as released: any model with the official prompt, read from the user's copy of its file.

The prompt is not part of Rightly. It stands in ``metajudge_infer.py`` of QwenLM/RationaleRM as a string constant with the
fields ``source_list`` (the judge's reasons) and ``target_list`` (the human points); the file is parsed and never executed.
"""

import ast
import string
from collections.abc import Sequence
from pathlib import Path

from rightly.errors import InputError
from rightly.inference.generator import Generator, Request
from rightly.inference.specs import SCHEMES, Sampling, Spec, parse_spec
from rightly.matchers.base import MOSTLY, Match
from rightly.matchers.official_grammar import READER_VERSION, SCHEME, numbered, official_links, read_scores
from rightly.prompting import fill
from rightly.store.fingerprint import fingerprint
from rightly.types import Message

TRIES = 5
"""Number of requests until an answer has the official format, as in the released script."""
_FIELDS = {"source_list", "target_list"}
_DEFAULTS = {"temperature": "0.6", "max_tokens": "8192"}


def official_model(text: str) -> tuple[Spec, str] | None:
    """The model and the template of ``rationalerm-official:MODEL_SPEC?prompt=PATH``; ``None`` if it names a result file.

    Raises:
        InputError: The model comes without a prompt, or its file has none.
    """
    spec = parse_spec(text.partition(":")[2])
    if spec.scheme not in SCHEMES:
        return None
    prompt = spec.options.pop("prompt", None)
    if prompt is None:
        raise InputError(
            f"{text!r} names no prompt",
            fix="add ?prompt=metajudge_infer.py, your copy of the file in QwenLM/RationaleRM",
        )
    return spec._replace(options={**_DEFAULTS, **spec.options}), read_template(Path(prompt))


def read_template(file: Path) -> str:
    """The official prompt in a copy of ``metajudge_infer.py``, as a template of `rightly.prompting.fill`.

    Raises:
        InputError: The file cannot be read, is not Python, or does not have exactly one such constant.
    """
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(file)) from error
    except (SyntaxError, ValueError) as error:
        raise InputError(
            "is not Python", where=str(file), fix="give metajudge_infer.py of QwenLM/RationaleRM"
        ) from error
    values = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    texts = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    found = [template for text in texts if (template := _template(text)) is not None]
    if len(found) != 1:
        raise InputError(
            f"{len(found)} string constants with {{source_list}} and {{target_list}}, expected one",
            where=str(file),
            fix="give metajudge_infer.py of QwenLM/RationaleRM",
        )
    return found[0]


def _template(text: str) -> str | None:
    """A format string with exactly the official fields, rewritten for `fill`; ``None`` for any other text."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        return None
    if {field for _, field, _, _ in parts if field is not None} != _FIELDS:
        return None
    return "".join(before + ("" if field is None else f"{{{{{field}}}}}") for before, field, _, _ in parts)


def official_judge_fingerprint(generator: str, sampling: Sampling, template: str) -> str:
    """Identity of the official MetaJudge: its model, decoding options, prompt and reader."""
    return fingerprint(
        SCHEME,
        generator=generator,
        sampling=sampling.model_dump(),
        prompt=template,
        tries=TRIES,
        reader=READER_VERSION,
    )


class OfficialMetaJudge:
    """Matches two lists by asking a model with the official prompt, again after an answer without the official format.

    Args:
        name: Name in tables.
        generator: The model to ask.
        sampling: Decoding options of every call.
        template: The official prompt (`read_template`).
    """

    smoke_only = False
    free = False
    operating_point = MOSTLY
    held_out: frozenset[str] | None = None

    def __init__(self, name: str, generator: Generator, sampling: Sampling, template: str) -> None:
        self.name, self.concurrency = name, generator.concurrency
        self._generator, self._sampling, self._template = generator, sampling, template
        self.fingerprint = official_judge_fingerprint(generator.fingerprint, sampling, template)

    async def match(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        """Link the lists; an answer of the official format with another number of lines is a failed match."""
        if not reference or not candidate:
            return Match()
        said = await self._generator.generate(self.request(reference, candidate))
        usage = said.usage
        for sample in range(1, TRIES):
            if said.failure == "provider" or not read_scores(said.text)[1]:
                break
            said = await self._generator.generate(self.request(reference, candidate, sample))
            usage += said.usage
        links, problem = official_links(said.text, len(reference), len(candidate))
        failure = (said.failure or "unparsed") if problem else None
        detail = said.detail if said.failure == "provider" else problem
        return Match(links=links, raw=said.text, failure=failure, detail=detail, usage=usage)

    def request(self, reference: Sequence[str], candidate: Sequence[str], sample: int = 0) -> Request:
        """The request about two lists."""
        fields = {"source_list": numbered("S", candidate), "target_list": numbered("R", reference)}
        return self._sampling.request((Message(role="user", content=fill(self._template, fields)),), sample)

    async def aclose(self) -> None:
        """Close the generator."""
        await self._generator.aclose()
