"""Where nothing can be played: stretches of the data stand where rollouts would, one of each class.

What a policy does is not known then. The stretches show and name what its class is; the measures leave out the rest.

Letters: K classes, E stretches of each, W states of a stretch, T = W - 1 steps, P numbers of a state.
"""

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Ids
from skills.bodies.body import body_of
from skills.bodies.poses import standing
from skills.data.transitions import Transitions
from skills.playing.rollout import Rollouts

UNPLAYED = (
    "Nothing can be played without an environment: rollouts are left out, and so are measures of what skills do. "
    "Films, labels and families are of the data's own stretches of each class."
)


def of_data(
    transitions: Transitions,
    labels: NDArray[np.int32],
    starts: Ids,
    episodes: Ids,
    lengths: NDArray[np.int32],
    states: NDArray[np.float32],
) -> Rollouts:
    """The first stretch of each class [K, 1] in the place of a rollout.

    starts, episodes, lengths: [K, E] where stretches are in the data, and their states.   states: [K, E, W, P].
    """
    body = body_of(transitions.env_id)
    count, horizon = len(states), states.shape[2] - 1
    begins = transitions.episode_starts[episodes[:, 0]] + starts[:, 0]
    steps = np.maximum(lengths[:, 0] - 1, 1)
    rows = begins[:, None] + np.minimum(np.arange(horizon), steps[:, None] - 1)
    inside = np.arange(horizon) < steps[:, None]
    seen = transitions.observations[begins[:, None] + np.minimum(np.arange(horizon + 1), lengths[:, :1] - 1)]
    poses = np.stack([standing(np.asarray(one, np.float64)) for one in seen]).astype(np.float32)
    return Rollouts(
        qpos=states[:, :1],
        lengths=steps[:, None].astype(np.int32),
        terminated=np.zeros((count, 1), np.bool_),
        rewards=(transitions.rewards[rows] * inside)[:, None],
        classes=np.where(inside, labels[rows], -1).astype(np.int16)[:, None],
        seconds_per_step=np.array(body.seconds_per_step),
        laid_out=poses[:, None],
    )
