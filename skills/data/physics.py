"""Whether transitions are of the body that they are said to be: a step of its simulation must end where theirs do.

HalfCheetah and Walker2d have observations and actions of the same sizes, so that nothing else would tell one from the
other. Columns in quite another order are mostly found as well.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.bodies.environments import ENVIRONMENTS, GOAL_COLUMNS, environment, motion_size, muted
from skills.bodies.fast import Simulation
from skills.data.transitions import Transitions

# Measured: sets made with other versions of MuJoCo stay below 0.3, those of another body above 0.7.
STRANGE = 0.45
_ROWS = 500
_RESTING = 1e-3  # a step that changes less is of a body at rest, of which rounding is a large part


def step_error(transitions: Transitions) -> float:
    """How far a simulated step misses the next row, as a part of what the step changes; the median over some rows.

    Of the columns of pose and motion: |s'_simulated - s'| / |s' - s|; 0 where nothing moves. The place, where it is not
    observed, is taken as 0: a floor is the same everywhere. In a maze it is, and the walls stand where they do.
    """
    env_id = transitions.env_id
    rows = np.unique(np.linspace(0, len(transitions) - 1, _ROWS).astype(np.int64))
    states, nexts = (
        _motion(array[rows], env_id) for array in (transitions.observations, transitions.next_observations)
    )
    simulation = Simulation(env_id, len(rows))
    place = environment(env_id).position_columns
    positions = simulation.model.nq - place
    with muted():  # another body's numbers may be too much for the simulation
        simulation.set_state(np.pad(states[:, :positions], ((0, 0), (place, 0))), states[:, positions:])
        ends = _motion(simulation.step(transitions.actions[rows]).observations, env_id)
    missed, changed = np.linalg.norm(ends - nexts, axis=1), np.linalg.norm(nexts - states, axis=1)
    moves = changed > _RESTING
    return float(np.median(np.nan_to_num(missed[moves] / changed[moves], nan=np.inf))) if moves.any() else 0.0


def _motion(observations: NDArray[Any], env_id: str) -> NDArray[np.float64]:
    """The columns of pose and motion, of observations [T, O]; in a maze without the goal."""
    if environment(env_id).maze is not None:
        observations = np.delete(observations, GOAL_COLUMNS, axis=1)
    return observations[:, : motion_size(env_id)].astype(np.float64)


def notify_if_strange(transitions: Transitions, notify: Callable[[str], None]) -> None:
    """Gives `notify` a line where the body moves otherwise, of one that is simulated here."""
    env_id = transitions.env_id
    if env_id not in ENVIRONMENTS:
        return
    error = step_error(transitions)
    if error > STRANGE:
        notify(
            f"{transitions.name} does not move as {env_id} does: a step simulated from one of its rows misses the next "
            f"row by {error:.1f} times what the step changes (half of them by more). Is it of another body, are its "
            "columns in another order, or do the rows of several environments take turns (--interleaved)?"
        )
