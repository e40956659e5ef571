"""Build a judge from its spec.

``longer``, ``shorter``, ``first``, ``annotator``, any model (``openai:MODEL?format=rm-r1&orders=single``), published answers
(``replay:FILE?model=NAME``), or a majority panel of these (``panel:openai:A+openai:B+longer``).
"""

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from rightly.errors import InputError, did_you_mean
from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache
from rightly.inference.specs import SCHEMES, Spec, build_generator, generator_fingerprint, parse_spec
from rightly.judges.base import Judge, JudgeIdentity
from rightly.judges.format import DEFAULT, load_format
from rightly.judges.generative import GenerativeJudge, JudgeSettings
from rightly.judges.held_out_person import AnnotatorJudge
from rightly.judges.heuristic import HEURISTICS
from rightly.judges.panel import PanelJudge, panel_identity
from rightly.judges.published import PublishedJudge, is_published, published_identity

_OWN = {
    "orders": "orders=both or orders=single",
    "votes": "votes=N with N of at least 1",
    "logprobs": "logprobs=true or logprobs=false",
    "structured": "structured=true or structured=false",
    "system": "system=FILE",
}
"""Options of a judge's spec that are not the model's, and how to write them; besides ``format`` and ``prompt``."""


@dataclass(frozen=True, slots=True)
class JudgeBuilder:
    """Builds judges that share a cache, an account and settings.

    Attributes:
        cache: Store for the answers; ``None`` keeps none.
        account: Account that pays for the calls.
        max_reasons: Number of reasons that a generative judge may give.
        seed: Seed for the draws of orders and held-out annotators.
    """

    cache: AnswerCache | None
    account: Account
    max_reasons: int
    seed: int

    def build(self, spec: str) -> Judge:
        """The judge that a spec names.

        Raises:
            InputError: The spec names no judge.
        """
        if spec in HEURISTICS:
            return HEURISTICS[spec]()
        if spec == "annotator":
            return AnnotatorJudge(self.seed)
        if spec.startswith("panel:"):
            return PanelJudge([self.build(member) for member in _members(spec)])
        if is_published(spec):
            return PublishedJudge(spec)
        model, settings = self._generative(spec)
        generator, sampling = build_generator(model, cache=self.cache, account=self.account, role="judge")
        return GenerativeJudge(spec, generator, sampling, settings)

    def identify(self, spec: str) -> JudgeIdentity:
        """Identity of the judge that a spec names; needs no weights in memory, no key and no cache.

        Raises:
            InputError: The spec names no judge.
        """
        if spec in HEURISTICS or spec == "annotator":
            return self.build(spec).identity
        if spec.startswith("panel:"):
            return panel_identity([self.identify(member) for member in _members(spec)])
        if is_published(spec):
            return published_identity(spec)
        model, settings = self._generative(spec)
        made_of, sampling = generator_fingerprint(model)
        return settings.identity(spec, made_of, sampling)

    def for_several(self, spec: str) -> str | None:
        """The spec of the same model in the format that its own format names for several right responses; ``None`` without one.

        Raises:
            InputError: That format scores nothing.
        """
        if spec in HEURISTICS or spec == "annotator" or spec.startswith("panel:") or is_published(spec):
            return None
        _, settings = self._generative(spec)
        if not settings.form.several:
            return None
        other = re.sub(r"(?<=[?&]format=)[^&]*", lambda _: settings.form.several, spec)
        if not self.identify(other).rates:
            raise InputError(
                f"several = {settings.form.several!r} scores nothing",
                where=settings.form.name,
                fix="name a format that scores every response",
            )
        return other

    def _generative(self, text: str) -> tuple[Spec, JudgeSettings]:
        """The model of a generative judge, and its settings."""
        spec = parse_spec(text)
        if spec.scheme not in SCHEMES:
            known = [*HEURISTICS, "annotator", "panel", *SCHEMES]
            raise InputError(f"{text!r} is not a known judge", fix=did_you_mean(spec.scheme, known))
        form = load_format(spec.options.pop("format", DEFAULT))
        place = spec.options.pop("prompt", None)
        own = {name: spec.options.pop(name) for name in _OWN if name in spec.options}
        if "system" in own:
            own["system"] = _text(own["system"])
        common = {"max_reasons": str(self.max_reasons), "seed": str(self.seed)}
        try:
            settings = JudgeSettings.model_validate_strings(own | common)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0])
            raise InputError(
                f"{text!r}: {name}={own.get(name, '')}: {first['msg']}", fix=f"use {_OWN[name]}"
            ) from error
        return spec, settings.model_copy(update={"form": form if place is None else form.with_upstream(place)})


def spec_of(name: str) -> str:
    """The spec in a judge's name, without the remark on its prompt (`Format.label`)."""
    return re.sub(r" \(prompt ours(?: in part)?\)\Z", "", name)


def _members(spec: str) -> list[str]:
    members = spec.removeprefix("panel:").split("+")
    if len(members) < 2:
        raise InputError(f"{spec!r} is a panel of one", fix="use panel:SPEC+SPEC[+SPEC ...]")
    return members


def _text(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the system prompt cannot be read ({error})", where=path, fix="give a text file") from None
