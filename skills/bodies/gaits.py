"""What legs do, in a verb, from recorded positions: walks, runs, trots, bounds, gallops, hops on one leg.

Which legs are off the ground together tells a gait, and how fast it is for the body's size: Froude's number v^2 / (g h)
is about 0.5 where animals that walk begin to run, and 2.5 where those that trot begin to gallop (Alexander 1989).

Letters: T states, P size of qpos, L legs.
"""

import numpy as np

from skills.arrays import Floats
from skills.bodies import motion
from skills.bodies.body import body_of
from skills.bodies.legs import Leg, clearances, legs_of

_MOST_SECONDS = 6.0  # of states that are looked at, the last ones
_FRAME = 0.02  # s between these, or a step
_OFF = 0.02  # m above the ground; a leg that is lower stands
_FLIGHT = 0.1  # share of the time without a leg on the ground, above which a body does not walk
_IDLE = 0.1  # a leg that stands for less than this share of what another does is not used
_TOGETHER = 0.5  # correlation of the heights of two legs that move as one
_PAIRED = 0.4  # the same of two pairs of four legs
_RUNS, _GALLOPS = 0.5, 2.5  # Froude's numbers
_GRAVITY = 9.81
_JOINTS_REST = 0.05  # rad, standard deviation of the joint that swings most
_ABREAST = 0.2  # m; legs nearer to each other along the body are left and right, not hind and front
_ASTRAY = np.pi / 6  # rad off the body's axes; further off, four legs have no front pair
_STEADY = 0.8  # length of the mean of the directions, below which there is none


def rests(qpos: motion.Positions) -> bool:
    """Whether the joints of a body hold still, [T, P]."""
    return bool(motion.joints(qpos).std(axis=0).max(initial=0.0) < _JOINTS_REST)


def gait(qpos: motion.Positions, env_id: str, speed: float) -> str:
    """The verb for what the legs do in states [T, P] at a speed, m/s: "trots"; "slides" where they do nothing."""
    step, legs = body_of(env_id).seconds_per_step, legs_of(env_id)
    some = qpos[-round(_MOST_SECONDS / step) :: max(1, round(_FRAME / step))]
    if rests(some):
        return "slides"
    if not legs or len(some) < 3:
        return "moves"
    heights = clearances(some, env_id)
    stands = heights < _OFF
    flight, used = float((~stands.any(axis=1)).mean()), stands.mean(axis=0)
    if len(legs) == 1:
        return "hops" if flight > _FLIGHT else "shuffles"
    together = _correlations(heights)
    if len(legs) == 2:
        if used.min() < _IDLE * used.max():
            return f"hops on {_one(legs, int(used.argmax()))}" if flight > _FLIGHT else "drags one leg"
        if together[0, 1] > _TOGETHER and flight > _FLIGHT:
            return "hops"
    if len(legs) == 4 and (name := _pairs(some, legs, together)):
        return name
    froude = speed**2 / (_GRAVITY * _stature(env_id))
    if flight <= _FLIGHT or (len(legs) > 2 and froude < _RUNS):
        return "walks"
    return "gallops" if froude > _GALLOPS and not _are_abreast(legs) else "runs"


def on_the_spot(qpos: motion.Positions, env_id: str) -> str:
    """The verb for legs that go nowhere, [T, P]: "stands", "steps", "hops"."""
    step = body_of(env_id).seconds_per_step
    some = qpos[-round(_MOST_SECONDS / step) :: max(1, round(_FRAME / step))]
    if rests(some) or not legs_of(env_id):
        return "stands"
    stands = clearances(some, env_id) < _OFF
    if (~stands.any(axis=1)).mean() > _FLIGHT:
        return "hops"
    return "steps" if stands.mean(axis=0).min() < 1.0 - _IDLE else "sways"


def _pairs(qpos: motion.Positions, legs: tuple[Leg, ...], together: Floats) -> str:
    """The gait of four legs by which of them move as one; "" where no pairs do."""
    around = np.argsort([np.arctan2(leg.y, leg.x) for leg in legs])
    near = together[np.ix_(around, around)]
    sides = [(near[0, 1] + near[2, 3]) / 2, (near[1, 2] + near[3, 0]) / 2]
    across = (near[0, 2] + near[1, 3]) / 2
    if min(*sides, across) > _PAIRED:
        return "hops"
    if across > max(_PAIRED, *sides):
        return "trots"
    towards = _direction(qpos)
    if max(sides) <= _PAIRED or towards is None:
        return ""
    pair = int(np.argmax(sides))
    first, second = (legs[around[pair + place]] for place in range(2))
    middle = np.arctan2(first.y + second.y, first.x + second.x)
    off = abs((towards - middle + np.pi / 2) % np.pi - np.pi / 2)  # 0: the pair is in front or behind
    return "bounds" if off < _ASTRAY else "paces" if off > np.pi / 2 - _ASTRAY else ""


def _direction(qpos: motion.Positions) -> float | None:
    """rad from where the body faces to where it goes, to the left; None where that is no one direction."""
    moved = np.diff(motion.ground(qpos), axis=0)
    turned = np.arctan2(moved[:, 1], moved[:, 0]) - motion.heading(qpos)[:-1]
    mean = complex(np.average(np.exp(1j * turned), weights=np.linalg.norm(moved, axis=1) + 1e-9))
    return float(np.angle(mean)) if abs(mean) > _STEADY else None


def _correlations(heights: Floats) -> Floats:
    """[T, L] -> [L, L]; 0 with a leg whose height never changes."""
    centred = heights - heights.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    return np.asarray((centred.T @ centred) / np.maximum(np.outer(length, length), 1e-9))


def _are_abreast(legs: tuple[Leg, ...]) -> bool:
    return len(legs) == 2 and abs(legs[0].x - legs[1].x) < _ABREAST


def _one(legs: tuple[Leg, ...], which: int) -> str:
    if _are_abreast(legs):
        return "one leg"
    return "its front leg" if legs[which].x > legs[1 - which].x else "its hind leg"


def _stature(env_id: str) -> float:
    """m, of the torso above the ground as the model is built."""
    model = body_of(env_id).model
    if model is None:
        return 0.1
    return max(float(model.body_pos[model.jnt_bodyid[0], 2]), 0.1)
