"""The skills of a run as a table, and the groups of those that behave alike."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from skills.arrays import Ids
from skills.errors import SkillsError
from skills.measures.families import find_families
from skills.measures.overview import SkillMeasures
from skills.playing.rollout import Rollouts


@dataclass(frozen=True)
class Skill:
    """One skill.

    number: 0..K-1, what `skill=` takes.   label: what it does, in words: "trots forward 4.2 m/s, turns left 20 deg/s".
    measures: what it did when it was played: speed (m/s), displacement (m), survival (0..1), episode_return,
        occupancy (0..1), and what else `SkillMeasures` says.
    """

    number: int
    label: str
    measures: SkillMeasures


@dataclass(frozen=True)
class Behaviour:
    """Skills that behave alike.

    number: 0..F-1, the largest first.   name: what most of them do, in words.   skills: their numbers.
    representative: the skill that stands for them.
    """

    number: int
    name: str
    skills: tuple[int, ...]
    representative: int


def read_skills(document: Mapping[str, Any]) -> tuple[Skill, ...]:
    """Every skill of a `measures.json`. Raises: SkillsError where it is of another version."""
    known = {one.name for one in fields(SkillMeasures)}
    try:
        measures = [
            SkillMeasures(**{name: value for name, value in entry.items() if name in known})
            for entry in document["skills"]
        ]
    except (KeyError, TypeError) as error:
        raise SkillsError(f"This run's measures.json does not fit this version of skills: {error}.") from error
    return tuple(Skill(one.skill, one.label, one) for one in measures)


def group(rollouts: Rollouts, env_id: str, of_classes: Ids) -> tuple[Behaviour, ...]:
    """The skills in groups, by the behaviours of their classes or by how they move: `find_families`."""
    families = find_families(rollouts, env_id, of_classes)
    return tuple(
        Behaviour(number, name, tuple(np.flatnonzero(families.family == number).tolist()), int(head))
        for number, (name, head) in enumerate(zip(families.names, families.representatives, strict=True))
    )
