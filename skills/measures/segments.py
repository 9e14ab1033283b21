"""Which behaviour is each step of a log, and how usual are its steps? Works on logs that a run has never seen.

A step is of the nearest class; its behaviour is the class's, smoothed over half a second. How usual it is, is said by
`skills.measures.likeness`.

Letters: N rows, E episodes, K classes, B behaviours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Float32s, Floats, Ids
from skills.bodies.body import body_of
from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.windows import means
from skills.measures.families import find_families
from skills.measures.likeness import likeness
from skills.playing.rollout import Rollouts
from skills.runs.folder import RunFolder

_SMOOTHED = 0.5  # s around a step that its behaviour is the most frequent in


@dataclass(frozen=True)
class Segments:
    """Of every row of a log.

    classes: [N] the class, and so the skill.   behaviours: [N] 0..B-1.   names: [B] in words.   heads: [B] the skill
        that stands for each.
    surprise: [N] how much less likely the step is under its class than usual there, in spreads of that class; 0 usual.
    unusual: [E] of each episode, how far it lies above the data's own episodes; 0 is the one in their middle.
    """

    classes: NDArray[np.int32]
    behaviours: Ids
    names: tuple[str, ...]
    heads: tuple[int, ...]
    surprise: Float32s
    unusual: Floats

    @property
    def order(self) -> Ids:
        """[E] the most unusual episode first."""
        return np.argsort(-self.unusual, kind="stable")


def segment(run: RunFolder, log: Transitions) -> Segments:
    """Of a log of the run's body."""
    run.require_skills("A segmentation")
    run.require("rollouts")
    classes = Classes.load(run.experts_file)
    families = find_families(Rollouts.load(run.rollouts_file), run.env_id, classes.behaviours)
    found = classes.classify(log.observations, log.actions, log.next_observations, log.lengths)
    step = body_of(log.env_id).seconds_per_step
    known = likeness(run, classes)
    surprise = known.surprise(log, found)
    behaviours = smoothed(families.family[found], log.lengths, max(1, round(_SMOOTHED / step)))
    names, heads = tuple(families.names), tuple(families.representatives.tolist())
    return Segments(found, behaviours, names, heads, surprise, known.unusual(surprise, log))


def smoothed(labels: Ids, lengths: NDArray[np.integer], window: int) -> Ids:
    """[N] the most frequent label in the window around each row, of episodes [E] end to end."""
    best, found = np.full(len(labels), -1.0, np.float32), np.zeros(len(labels), np.int64)
    for label in range(int(labels.max()) + 1):
        share = means((labels == label).astype(np.float32)[:, None], lengths, window)[:, 0]
        better = share > best
        best[better], found[better] = share[better], label
    return found
