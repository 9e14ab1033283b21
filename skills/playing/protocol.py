"""Over what time behaviour is measured, and how far ahead.

The protocol was frozen in steps with bodies in mind whose steps last 0.05 s: trials of 10 s, windows of 1.6 s. On a
body with steps of 0.008 s the same counts are 1.6 s, in which it has not reached its gait, and 0.26 s, less than half
of a stride. So by default every body gets the same times; the same counts of steps can be had for comparison.
"""

from dataclasses import dataclass, replace

from skills.bodies.body import body_of
from skills.choices import Unit

_FROZEN_SECONDS = 0.05  # of a step


@dataclass(frozen=True)
class Protocol:
    """trials: R of each skill.   steps: T of a trial that are looked at; returns are of whole episodes.

    window: W steps that a descriptor describes.   discount: a step, of successor features.
    """

    trials: int = 10
    steps: int = 200
    window: int = 32
    discount: float = 0.99


def protocol_of(env_id: str, unit: Unit = "seconds", trials: int = Protocol.trials) -> Protocol:
    """The protocol for an environment, with the same times or the same counts of steps as on any other.

    A trial is at most four fifths of an episode, so that the data hold pieces as long that begin at many steps: on a
    body with steps of 0.008 s it lasts 6.4 s.
    """
    frozen = Protocol(trials)
    if unit == "steps":
        return frozen
    body = body_of(env_id)
    ratio = _FROZEN_SECONDS / body.seconds_per_step
    return replace(
        frozen,
        steps=min(round(frozen.steps * ratio), max(1, body.episode_steps * 4 // 5)),
        window=min(max(1, round(frozen.window * ratio)), max(1, body.episode_steps // 5)),
        discount=frozen.discount ** (1.0 / ratio),
    )
