"""The demo's judges: three that give the same right verdict on every pair, each with one reason of another kind."""

from collections.abc import Sequence

from rightly.data.samples import confusing_reasons
from rightly.judges.base import Judge
from rightly.judges.held_out_person import AnnotatorJudge
from rightly.judges.prepared import Answer, PreparedJudge
from rightly.types import PreferencePair, content_key

PERSON, MISLED, CANNED = "another person", "misled person", "canned"
"""Names of the judges, in the order of the tables."""
SENTENCE = "The other statement goes against common sense."
"""The reason of the canned judge, for every pair."""
MADE = {
    PERSON: "Of the three people who wrote a right reason for the pair, one is drawn by a hash of seed and id. This person's "
    "reason is the judge's, and it is removed from the points that all three judges are measured against.",
    MISLED: "People also wrote two confusing reasons for each pair: on the same topic, and wrong as an explanation. One of "
    "them is drawn by a hash of seed and id. They are never among the points.",
    CANNED: f"The same sentence for every pair: “{SENTENCE}”",
}
"""How each judge comes to its reason."""


def same_verdicts(pairs: Sequence[PreferencePair], seed: int) -> tuple[Judge, ...]:
    """The three judges of pairs of ``sample:comve``.

    The first says the right reason of a person who is held out of every judge's reference. The second says one of the two
    reasons that people wrote to be wrong, drawn by a hash of the seed and the pair's id. The third says one sentence.
    """
    confusing = confusing_reasons()

    def drawn(pair: PreferencePair) -> str:
        return min(confusing[pair.id], key=lambda text: content_key([str(seed), pair.id, text]))

    misled = {pair.id: Answer(str(pair.label), drawn(pair)) for pair in pairs}
    canned = {pair.id: Answer(str(pair.label), SENTENCE) for pair in pairs}
    return (
        AnnotatorJudge(seed, PERSON),
        PreparedJudge(MISLED, misled, "says the label, and a reason that a person wrote to be wrong"),
        PreparedJudge(CANNED, canned, "says the label, and the same sentence every time"),
    )
