"""Behaviour cloning of all the data by one head, which every skill gets: a null, the policy that knows no skills."""

from dataclasses import dataclass

from skills.learning.classes import Classes
from skills.learning.learners.bc import Bc


@dataclass(frozen=True)
class Clone(Bc):
    """One head."""

    name = "clone"

    def _heads(self, experts: Classes) -> int:
        return 1
