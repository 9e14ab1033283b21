"""Opens the world of a body: batched where it is simulated here to the bit, else Gymnasium's own environments."""

from skills.bodies.body import body_of
from skills.bodies.fast import Simulation
from skills.bodies.gym import GymWorld
from skills.bodies.world import World
from skills.errors import USAGE, SkillsError

_MOST = 128  # environments of Gymnasium's at once: each has a model of its own in memory


def open_world(env_id: str, count: int, *, task: str | None = None) -> World:
    """N simulations of an environment, see `skills.bodies.keys`.

    task: in a maze, see `Maze.starts`.   Raises: SkillsError where nothing can be played.
    """
    body = body_of(env_id)
    if body.batched:
        return Simulation(env_id, count, task=task)
    if not body.plays:
        raise SkillsError("Nothing can be played: these are logs without an environment.", "Name one: --env ID", USAGE)
    if task is not None:
        raise SkillsError(f"{body.name} has no task to choose.", "Leave rollout.task as it is.", USAGE)
    return GymWorld(body, count)


def most_at_once(env_id: str, count: int) -> int:
    """How many of N simulations of an environment are to be open at a time."""
    return count if body_of(env_id).batched else min(count, _MOST)
