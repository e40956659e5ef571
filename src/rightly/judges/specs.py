"""From a line on the command line to a judge.

``longer``, ``shorter``, ``first``, ``annotator``, any model (``openai:MODEL?temperature=0&orders=single``), or a majority
panel of these (``panel:openai:A+openai:B+longer``).
"""

import difflib
from dataclasses import dataclass

from rightly.errors import InputError
from rightly.inference.account import Account
from rightly.inference.cache import AnswerCache
from rightly.inference.specs import SCHEMES, build_generator, parse_spec
from rightly.judges.annotator import AnnotatorJudge
from rightly.judges.generative import GenerativeJudge
from rightly.judges.heuristic import HEURISTICS
from rightly.judges.judge import Judge
from rightly.judges.panel import PanelJudge


@dataclass(frozen=True, slots=True)
class JudgeBuilder:
    """Builds judges that share a cache, an account and settings.

    Attributes:
        cache: Where answers are kept; ``None`` keeps none.
        account: Where calls are booked.
        max_reasons: How many reasons a generative judge may give.
        seed: Of drawn orders and held-out annotators.
    """

    cache: AnswerCache | None
    account: Account
    max_reasons: int
    seed: int

    def build(self, spec: str) -> Judge:
        """The judge that a spec names.

        Raises:
            InputError: It names none.
        """
        if spec in HEURISTICS:
            return HEURISTICS[spec]()
        if spec == "annotator":
            return AnnotatorJudge(self.seed)
        if spec.startswith("panel:"):
            members = spec.removeprefix("panel:").split("+")
            if len(members) < 2:
                raise InputError(f"{spec!r} is a panel of one", fix="use panel:SPEC+SPEC[+SPEC ...]")
            return PanelJudge([self.build(member) for member in members])
        return self._generative(spec)

    def _generative(self, text: str) -> GenerativeJudge:
        spec = parse_spec(text)
        if spec.scheme not in SCHEMES:
            known = [*HEURISTICS, "annotator", "panel", *SCHEMES]
            near = difflib.get_close_matches(spec.scheme, known, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(known)}"
            raise InputError(f"{text!r} names no judge", fix=fix)
        orders = spec.options.pop("orders", "both")
        if orders not in ("both", "single"):
            raise InputError(f"{text!r}: orders={orders!r}", fix="use orders=both or orders=single")
        generator, sampling = build_generator(spec, cache=self.cache, account=self.account, role="judge")
        return GenerativeJudge(text, generator, sampling, orders=orders, max_reasons=self.max_reasons, seed=self.seed)


def priced_model(spec: str) -> str | None:
    """The model behind a judge whose calls cost money, as prices name it; ``None`` for the others."""
    parsed = parse_spec(spec)
    return parsed.target if parsed.scheme == "openai" else None
