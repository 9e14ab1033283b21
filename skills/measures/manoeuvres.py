"""What a body does in an episode, by fixed rules on measured motion: a verb, a direction, a speed, a posture.

Directions are the world's, +x forward and +y left, and those of the body itself, which may face elsewhere: a planar one
always faces forward, a free one goes "sideways to the left" or, having turned there, "to the left".

Letters: T steps of an episode, P size of qpos.
"""

from dataclasses import dataclass

import numpy as np

from skills.arrays import Float32s
from skills.bodies import gaits, motion
from skills.bodies.body import body_of
from skills.bodies.fates import Fate, Outcome

_STILL = 0.1  # m/s; slower is standing
_STRAIGHT = 0.5  # share of its way by which a body must have come away from its start, to have a direction
_TURNING = 10.0  # deg/s
_CIRCLE = 300.0  # deg that a course turns in all: about once round
_UPSIDE_DOWN = 0.1  # share of the time with the torso's up pointing down, above which it is said
_FOR_GOOD = 0.9  # share of the rest of the time that a body is upright, from which on it has got up
_SOMERSAULT = 1.0  # full turns of a planar body's pitch
_REARED = 45.0  # deg of a planar body's mean pitch
_EARLY = (2.5, 0.1)  # s, share of an episode: what begins earlier is what the episode is of
_SETTLING = 1.0  # s from the start in which a body drops and finds its gait; no part of how it moves
_FACES_FORWARD = 22.5  # deg
_DIRECTIONS = ("forward", "forward left", "left", "back left", "backward", "back right", "right", "forward right")
_OWN = (  # the same of a body that faces forward
    "forward",
    "forward to the left",
    "sideways to the left",
    "backwards to the left",
    "backwards",
    "backwards to the right",
    "sideways to the right",
    "forward to the right",
)


@dataclass(frozen=True)
class Recorded:
    """An episode.   qpos: [T + 1, P] of it.   fate: what became of it."""

    qpos: Float32s
    env_id: str
    fate: Fate

    @property
    def stretch(self) -> Float32s:
        """The states that its manoeuvre is of: before what became of it, or since, where that came early."""
        if self.fate.outcome not in (Outcome.LIES, Outcome.STANDS, Outcome.STUCK):
            return self.qpos
        return self.qpos[self.fate.step :] if self.is_early else self.qpos[: self.fate.step + 1]

    @property
    def is_early(self) -> bool:
        """Whether what becomes of the body comes so early that the episode is of that."""
        seconds, share = _EARLY
        return self.fate.step < max(seconds / self.step, share * len(self.qpos))

    @property
    def settled(self) -> Float32s:
        """The same states without the first second, where there is more than twice that."""
        first = round(_SETTLING / self.step)
        return self.stretch[first:] if len(self.stretch) > 2 * first else self.stretch

    @property
    def step(self) -> float:
        """s that a step lasts."""
        return body_of(self.env_id).seconds_per_step


@dataclass(frozen=True)
class Manoeuvre:
    """What a body does.

    does: "trots sideways to the left", "lies on its back and kicks".   speed: m/s; 0 where it goes nowhere.
    how: what else is remarkable, "turns left 20 deg/s", or "".
    """

    does: str
    speed: float
    how: str = ""

    @property
    def words(self) -> str:
        """All of it: "trots forward 2.9 m/s, turns left 20 deg/s"."""
        pace = f" {self.speed:.1f} m/s" if self.speed >= _STILL else ""
        return ", ".join(part for part in (self.does + pace, self.how) if part)


def manoeuvre(one: Recorded) -> Manoeuvre:
    """What the body does before its fate, or since, where that came early."""
    states, step = one.stretch, one.step
    if one.fate.outcome is Outcome.LIES and one.is_early:
        return _on_its_back(states, step)
    pace, how = speed(states, step), posture(states, step)
    if pace < _STILL:
        if how.startswith("turns"):
            return Manoeuvre(how, 0.0)
        verb = gaits.on_the_spot(one.settled, one.env_id)
        return Manoeuvre("stands still" if verb == "stands" else f"{verb} on the spot", 0.0, how)
    verb = gaits.gait(one.settled, one.env_id, pace)
    return Manoeuvre(f"{verb} {_where(states, step)}", pace, how)


def _on_its_back(qpos: Float32s, step: float) -> Manoeuvre:
    if _has_direction(qpos, step):
        x, _ = motion.velocity(qpos, step)
        where = ("backwards" if x < 0 else "forward") if motion.is_planar(qpos) else _world(qpos, step)
        return Manoeuvre(f"slides {where} on its back", speed(qpos, step))
    rate = motion.turn_rate(qpos, step)
    spins = f"spins {_side(rate)} {abs(rate):.0f} deg/s" if abs(rate) >= _TURNING else ""
    return Manoeuvre("lies on its back" + ("" if gaits.rests(qpos) else " and kicks"), 0.0, spins)


def _where(qpos: Float32s, step: float) -> str:
    """Where a body goes: "backwards", "sideways to the left", "in circles to the right", "around"."""
    if motion.is_planar(qpos):
        if not _has_direction(qpos, step):
            return "back and forth"
        return "forward" if motion.velocity(qpos, step)[0] > 0 else "backwards"
    if not _has_direction(qpos, step):
        turn = motion.course_turn(qpos, step)
        return f"in circles to the {_side(turn)}" if abs(turn) >= _CIRCLE else "around"
    world = _world(qpos, step)
    x, y = motion.velocity(qpos, step)
    facing = complex(np.exp(1j * motion.heading(qpos)).mean())
    if abs(facing) < _STRAIGHT:  # it turns as it goes: it faces everywhere
        return world
    astray = float(np.degrees(np.angle(complex(x, y) * np.conj(facing))))
    if abs(np.degrees(np.angle(facing))) < _FACES_FORWARD:
        return _OWN[_eighth(np.radians(astray))]
    if abs(astray) > 135.0:
        return "backwards" if world == "backward" else f"backwards {_towards(world)}"
    return world if abs(astray) < 45.0 else f"sideways {_towards(world)}"


def _towards(world: str) -> str:
    """A direction of the world behind one of the body's own: "to the back left" of "back left"."""
    return f"to the {world.replace('forward', 'front')}" if world.count(" ") == 1 else world


def _world(qpos: Float32s, step: float) -> str:
    name = direction(qpos, step)
    return f"to the {name}" if name in ("left", "right") else name


def direction(qpos: Float32s, step: float) -> str:
    """One of eight directions of the world that states [T + 1, P] go in; "" of none.   step: s."""
    x, y = motion.velocity(qpos, step)
    return _DIRECTIONS[_eighth(float(np.arctan2(y, x)))] if _has_direction(qpos, step) else ""


def _eighth(angle: float) -> int:
    return round(angle / (np.pi / 4)) % 8


def speed(qpos: Float32s, step: float) -> float:
    """m/s of net displacement where an episode [T + 1, P] has a direction, else along its way.   step: s."""
    if _has_direction(qpos, step):
        return float(np.linalg.norm(motion.velocity(qpos, step)))
    return motion.way_speed(qpos, step)


def _has_direction(qpos: Float32s, step: float) -> bool:
    """Whether a body moves, and comes away from where it was."""
    on_way = motion.way_speed(qpos, step)
    return bool(np.linalg.norm(motion.velocity(qpos, step)) >= max(_STILL, _STRAIGHT * on_way))


def posture(qpos: Float32s, step: float) -> str:
    """How an episode [T + 1, P] holds or turns its torso, where that is remarkable, or "".   step: s."""
    down = motion.uprightness(qpos) < 0
    if motion.is_planar(qpos):
        pitch = motion.pitch(qpos)
        turns = float(pitch[-1] - pitch[0]) / (2.0 * np.pi)
        if abs(turns) >= _SOMERSAULT:
            return f"somersaults {'forward' if turns > 0 else 'backward'} {_times(int(abs(turns)))}"
        lean = float(np.degrees(np.median(pitch)))
        if not down.mean() > _UPSIDE_DOWN and abs(lean) >= _REARED:
            return "nose down" if lean > 0 else "reared up"
    if down.mean() > _UPSIDE_DOWN:
        last = int(np.flatnonzero(down)[-1]) + 1
        if last < len(down) and down[:last].mean() >= _FOR_GOOD:
            return f"flips upright at {last * step:.1f} s"
        return f"on its back {100 * down.mean():.0f} % of the time"
    rate = motion.turn_rate(qpos, step)
    return f"turns {_side(rate)} {abs(rate):.0f} deg/s" if abs(rate) >= _TURNING else ""


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _side(angle: float) -> str:
    return "left" if angle > 0 else "right"


def veer(qpos: Float32s, step: float) -> float:
    """deg by which a free body leaves the one of eight directions that its words name, to the left; nan of none."""
    if motion.is_planar(qpos) or not _has_direction(qpos, step):
        return float("nan")
    x, y = motion.velocity(qpos, step)
    off = float(np.degrees(np.arctan2(y, x))) % 45.0
    return off - 45.0 if off > 22.5 else off
