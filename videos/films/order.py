"""In which order films are made: the skills that stand for a behaviour first, so that these are there the soonest."""

from pathlib import Path

import numpy as np

from skills.learning.classes import Classes
from skills.measures.families import find_families
from skills.playing.rollout import Rollouts
from skills.runs.layout import Layout


def heads_first(run_folder: Path, env_id: str, rollouts: Rollouts) -> list[int]:
    """Every skill: those that stand for a behaviour, the largest first, then the rest by number.

    By number alone where the folder has no classes, or a simulation has diverged and nothing can be compared.
    """
    everyone = list(range(len(rollouts.qpos)))
    classes = Layout(run_folder).experts_file
    if not classes.is_file() or not np.isfinite(rollouts.qpos).all():
        return everyone
    heads = find_families(rollouts, env_id, Classes.load(classes).behaviours).representatives.tolist()
    return list(dict.fromkeys([*heads, *everyone]))
