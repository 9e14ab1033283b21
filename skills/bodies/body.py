"""What is known of a body: derived from its environment and its model, not typed in.

Letters: O observation columns, A action size, P size of qpos, V of qvel, S states.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import gymnasium
import mujoco
import numpy as np

from skills.arrays import Floats, Ids
from skills.bodies import environments
from skills.bodies.actions import ActionRange
from skills.bodies.environments import ENVIRONMENTS, GOAL_COLUMNS, load_model, muted
from skills.bodies.keys import is_log, read_key
from skills.bodies.making import make
from skills.bodies.mazes import Maze
from skills.bodies.model_env import read_model
from skills.bodies.observing import flat_observation, observation_parts
from skills.bodies.physics import physics_of
from skills.bodies.poses import joint_columns, pose_size
from skills.bodies.roots import Root, names_of_joints, root_of
from skills.errors import SkillsError

_EPISODE_STEPS = 1000  # of an environment without a time limit
_SECONDS = 0.05  # of a step where nothing says how long it lasts
_EPISODES, _STEPS = 6, 20  # that are played at random to see what is observed
_SAME = 1e-5  # by which an observed number may differ from the one that it is
_OFTEN = 0.2  # share of the states in which it must be the same, and not cut off at a limit
_MOST_PLANAR = 9  # numbers in qpos of a body that `motion.py` takes for a planar one


@dataclass(frozen=True, eq=False)
class Body:
    """env_id: see `skills.bodies.keys`.

    observation_size: O.   motion_size: the leading columns that are pose and motion; O where they are not apart.
    actions: the bounds of its actions.   seconds_per_step: s.   episode_steps: its time limit.
    model: None where there is no simulator of MuJoCo's.   root: None then, too.   tracked: the body that is followed.
    pose: [P] int64, the observation column of each number of qpos; -1 of one that is not observed.
    rates: [V] int64, of each number of qvel.
    rest: [P] a state of its model that an episode begins in; None without a model.
    maze: where it is in one.   batched: simulated here, see `fast.py`.   plays: whether it can be simulated at all.
    """

    env_id: str
    observation_size: int
    motion_size: int
    actions: ActionRange
    seconds_per_step: float
    episode_steps: int
    model: mujoco.MjModel | None
    root: Root | None
    tracked: int
    pose: Ids
    rates: Ids
    rest: Floats | None = None
    maze: Maze | None = None
    batched: bool = False
    plays: bool = True

    @property
    def name(self) -> str:
        """What people call the environment: its id, or its model's file."""
        return read_key(self.env_id).name

    @property
    def leads(self) -> bool:
        """Whether qpos is a pose as `skills.bodies.motion` reads it: the root leads, and its size says which it is."""
        if self.root is None or self.model is None or self.root.first:
            return False
        planar = self.model.nq <= _MOST_PLANAR
        return self.root.kind == ("planar" if planar else "free")

    @property
    def state_size(self) -> int:
        """P, the numbers of a recorded state: qpos, or what is observed where there is no simulator of MuJoCo's."""
        return self.observation_size if self.model is None else int(self.model.nq)

    @property
    def joint_names(self) -> tuple[str, ...] | None:
        """Of a body that stands fast, what the numbers are called that tell what it does; None of one that goes.

        Of a model its joints; without one the observation's columns, "" where nobody says what these are called.
        """
        if self.root is None or self.model is None or not self.plays:
            return tuple(read_key(self.env_id).made_with.get("names", ("",) * self.observation_size))
        return None if self.root.kind != "fixed" else names_of_joints(self.model, self.root)

    @property
    def pose_size(self) -> int:
        """J, of poses in the common layout."""
        if self.root is None or self.model is None:
            return pose_size(self.observation_size)
        return pose_size(len(joint_columns(self.root, self.model.nq)))

    @property
    def travels(self) -> bool:
        """Whether it moves freely or in a plane, and its observations tell how: all but where on the ground it is."""
        if self.root is None or self.root.kind not in ("free", "planar") or self.root.first:
            return False
        return set(np.flatnonzero(self.pose < 0).tolist()) <= set(self.root.ground) and bool((self.rates >= 0).all())

    @property
    def planar(self) -> bool:
        """Whether it moves in the plane of x and z."""
        return self.root is not None and self.root.kind == "planar"


@cache
def body_of(env_id: str) -> Body:
    """The body of an environment, see `skills.bodies.keys`.

    Raises: SkillsError where there is no such environment, or it cannot be made here, or skills cannot act in it.
    """
    if env_id in ENVIRONMENTS:
        return _batched(env_id)
    if is_log(env_id):
        return _logged(env_id)
    return derive(env_id)


def derive(env_id: str) -> Body:
    """What an environment and its model say of a body, see `body_of`."""
    env = make(env_id)
    try:
        return _derived(env_id, env)
    finally:
        env.close()


def _batched(env_id: str) -> Body:
    known, model = environments.environment(env_id), load_model(env_id)
    low, high = model.actuator_ctrlrange.T.astype(np.float32)
    hidden = known.position_columns
    seen = np.arange(environments.observation_size(env_id))
    if known.maze is not None:
        seen = np.delete(seen, GOAL_COLUMNS)
    pose = np.concatenate([np.full(hidden, -1), seen[: model.nq - hidden]])
    return Body(
        env_id=env_id,
        observation_size=environments.observation_size(env_id),
        motion_size=environments.motion_size(env_id) if known.contact_forces else environments.observation_size(env_id),
        actions=ActionRange(low, high),
        seconds_per_step=environments.seconds_per_step(env_id),
        episode_steps=known.episode_steps,
        model=model,
        root=root_of(model),
        tracked=1,
        pose=pose.astype(np.int64),
        rates=seen[model.nq - hidden :][: model.nv].astype(np.int64),
        rest=model.qpos0,
        maze=known.maze,
        batched=True,
    )


def _logged(env_id: str) -> Body:
    about = read_key(env_id).made_with
    size = int(about["observations"])
    model = read_model(about["model"]) if "model" in about else None
    root = None if model is None else root_of(model)
    low, high = (np.array(about[name], np.float32) for name in ("low", "high"))
    unseen = [np.full(0 if model is None else count, -1, np.int64) for count in _sizes(model)]
    return Body(
        env_id=env_id,
        observation_size=size,
        motion_size=size,
        actions=ActionRange(low, high),
        seconds_per_step=float(about.get("seconds", _SECONDS)),
        episode_steps=_EPISODE_STEPS,
        model=model,
        root=root,
        tracked=0 if root is None else root.body,
        pose=unseen[0],
        rates=unseen[1],
        rest=None if model is None else model.qpos0,
        plays=False,
    )


def _sizes(model: mujoco.MjModel | None) -> tuple[int, int]:
    return (0, 0) if model is None else (int(model.nq), int(model.nv))


def _derived(env_id: str, env: gymnasium.Env[Any, Any]) -> Body:
    parts = observation_parts(env.observation_space, env_id)
    size = sum(columns for _, columns in parts)
    actions = ActionRange.of_space(env.action_space, env_id)
    limit = env.spec.max_episode_steps if env.spec is not None else read_key(env_id).made_with.get("steps")
    physics = physics_of(env)
    seen = _played(env, parts, actions)
    if seen.observations.shape[1] != size:
        raise SkillsError(f"{env_id} observes {seen.observations.shape[1]} columns, and says that they are {size}.")
    pose = _observed(seen.observations, seen.qpos)
    rates = _observed(seen.observations, seen.qvel)
    root = None if physics is None else root_of(physics.model)
    tracked = 0 if root is None else root.body
    if root is not None and root.kind == "fixed" and physics is not None:
        tracked = _liveliest(physics.model, root, seen.places)
    found = Body(
        env_id=env_id,
        observation_size=size,
        motion_size=size,
        actions=actions,
        seconds_per_step=_seconds(env, physics is not None and physics.model.opt.timestep),
        episode_steps=int(limit or _EPISODE_STEPS),
        model=None if physics is None else physics.model,
        root=root,
        tracked=tracked,
        pose=pose,
        rates=rates,
        rest=seen.qpos[0] if physics is not None else None,
    )
    return found if not found.travels else _with_motion(found)


def _with_motion(body: Body) -> Body:
    """What travels learns from its pose and motion alone where these lead: a humanoid's inertias come behind them."""
    seen = np.sort(np.concatenate([body.pose[body.pose >= 0], body.rates]))
    leading = np.array_equal(seen, np.arange(len(seen)))
    return Body(**{**vars(body), "motion_size": len(seen)}) if leading else body


@dataclass(frozen=True)
class _Seen:
    """observations: [S, O].   qpos: [S, P].   qvel: [S, V].   places: [S, bodies, 3] m."""

    observations: Floats
    qpos: Floats
    qvel: Floats
    places: Floats


def _played(env: gymnasium.Env[Any, Any], parts: tuple[tuple[str, int], ...], actions: ActionRange) -> _Seen:
    """States of some episodes under random actions, always the same ones."""
    generator = np.random.default_rng(0)
    rows: list[tuple[Floats, Floats, Floats, Floats]] = []
    none = np.zeros(0)

    def note(observation: Any) -> None:
        physics = physics_of(env)
        state = (none, none, none) if physics is None else (physics.data.qpos, physics.data.qvel, physics.data.xpos)
        seen = np.asarray(flat_observation(parts, observation), np.float64)
        rows.append((seen, state[0].copy(), state[1].copy(), state[2].copy()))

    with muted():
        for episode in range(_EPISODES):
            note(env.reset(seed=episode)[0])
            for _ in range(_STEPS):
                drawn = generator.uniform(-1, 1, len(actions.low)).astype(np.float32)
                observation, _, terminated, truncated, _ = env.step(actions.outward(drawn))
                note(observation)
                if terminated or truncated:
                    break
    return _Seen(*(np.stack(column) for column in zip(*rows, strict=True)))


def _observed(observations: Floats, state: Floats) -> Ids:
    """[P] which observation column each number of a state [S, P] is; -1 where none is, or it never changes.

    Some environments clip velocities: a column may stand at its own limit where the number is beyond.
    """
    found = np.full(state.shape[1], -1, np.int64)
    limit = np.abs(observations).max(axis=0)
    for number in range(state.shape[1]):
        values = state[:, number, None]
        if np.ptp(values) > _SAME:
            same = np.abs(observations - values) <= _SAME * np.maximum(1.0, np.abs(values))
            clipped = (np.abs(observations) == limit) & (observations * values > 0) & (np.abs(values) > limit)
            is_it = (same | clipped).all(axis=0) & (same.mean(axis=0) >= _OFTEN)
            is_it[found[found >= 0]] = False
            found[number] = int(np.argmax(is_it)) if is_it.any() else -1
    return found


def _liveliest(model: mujoco.MjModel, root: Root, places: Floats) -> int:
    """Of what stands fast the body that moves most, such as a hand."""
    moves = np.abs(np.diff(places, axis=0)).sum(axis=(0, 2))
    moves[model.body_rootid != model.body_rootid[root.body]] = -1.0
    return int(np.argmax(moves))


def _seconds(env: gymnasium.Env[Any, Any], timestep: float) -> float:
    """Of a step: what the environment says, else of its model's, else a guess."""
    inner = [env.unwrapped, *(value for value in vars(env.unwrapped).values() if isinstance(value, gymnasium.Env))]
    for one in inner:
        said = getattr(one, "dt", None)
        if isinstance(said, int | float) and said > 0:
            return float(said)
    skipped = getattr(env.unwrapped, "n_substeps", getattr(env.unwrapped, "frame_skip", None))
    return float(timestep) * int(skipped) if timestep and skipped else _SECONDS
