"""Build a judge from its spec.

``longer``, ``shorter``, ``first``, ``annotator``, any model (``openai:MODEL?temperature=0&orders=single``), published answers
(``replay:FILE?model=NAME``), or a majority panel of these (``panel:openai:A+openai:B+longer``).
"""

from dataclasses import dataclass

from rightly.errors import InputError, did_you_mean
from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache
from rightly.inference.specs import SCHEMES, Spec, build_generator, generator_fingerprint, is_metered, parse_spec
from rightly.judges.base import Judge, JudgeIdentity
from rightly.judges.generative import GenerativeJudge, generative_identity
from rightly.judges.held_out_person import AnnotatorJudge
from rightly.judges.heuristic import HEURISTICS
from rightly.judges.panel import PanelJudge, panel_identity
from rightly.judges.published import PublishedJudge, is_published, published_identity


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
        model, orders = _generative(spec)
        generator, sampling = build_generator(model, cache=self.cache, account=self.account, role="judge")
        return GenerativeJudge(spec, generator, sampling, orders=orders, max_reasons=self.max_reasons, seed=self.seed)

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
        model, orders = _generative(spec)
        made_of, sampling = generator_fingerprint(model)
        return generative_identity(spec, made_of, sampling, orders=orders, max_reasons=self.max_reasons, seed=self.seed)


def _members(spec: str) -> list[str]:
    members = spec.removeprefix("panel:").split("+")
    if len(members) < 2:
        raise InputError(f"{spec!r} is a panel of one", fix="use panel:SPEC+SPEC[+SPEC ...]")
    return members


def _generative(text: str) -> tuple[Spec, str]:
    """The model of a generative judge, and its ``orders``."""
    spec = parse_spec(text)
    if spec.scheme not in SCHEMES:
        known = [*HEURISTICS, "annotator", "panel", *SCHEMES]
        raise InputError(f"{text!r} is not a known judge", fix=did_you_mean(spec.scheme, known))
    orders = spec.options.pop("orders", "both")
    if orders not in ("both", "single"):
        raise InputError(f"{text!r}: orders={orders!r}", fix="use orders=both or orders=single")
    return spec, orders


def priced_model(spec: str) -> str | None:
    """The model behind a judge whose calls cost money, by its name in the price list; ``None`` for other judges."""
    parsed = parse_spec(spec)
    return parsed.target if is_metered(parsed) else None
