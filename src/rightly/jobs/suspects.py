"""Which labels are suspected: the options that strength and repair share."""

from typing import Annotated

from pydantic import Field

from rightly.jobs.config import Config
from rightly.preferences.adjust import Suspects


class SuspectsConfig(Config):
    """Configuration of the labels that are suspected to be wrong."""

    suspects: Suspects = "probability"
    """Suspected labels: more likely wrong than right, of negative strength, or the weakest --share."""
    share: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Share of suspected pairs in [0, 1], for --suspects quantile."""
