"""SQIL's reward maker: 1 for a step of the expert, 0 for any other (Reddy et al., ICLR 2020).

The other half of SQIL, that half of each batch is the expert's, is the learner's work (`Sqil.needs`).
"""

from dataclasses import dataclass

from skills.choices import Domain, Mode, Preset
from skills.learning.rewards.indicator import Indicator
from skills.plugins import ONE_EXPERT, Layer


@dataclass(frozen=True)
class Sqil(Indicator):
    """1 for a step of the expert, 0 for any other."""

    name = "sqil"
    modes = ONE_EXPERT

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """Half of each batch is the expert's."""
        return {"policy": {"expert_share": 0.5}}
