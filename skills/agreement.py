"""How the classes that K-means found agree with the policies that made the data, where the dataset names them.

Letters: N transitions, K classes, P policies.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, homogeneity_score


@dataclass(frozen=True)
class Agreement:
    """rand: adjusted Rand index (Hubert and Arabie 1985), 1 for the same partition, 0 for chance; it counts it against
    K classes that they are more than P. homogeneity: 1 where every class is of a single policy, however many classes
    (Rosenberg and Hirschberg 2007); 0 where a class says nothing about the policy.   classes, policies: K and P.
    """

    rand: float
    homogeneity: float
    classes: int
    policies: int


def agreement(classes: NDArray[np.int32], policies: NDArray[np.int32]) -> Agreement:
    """Compares the class [N] and the policy [N] of each transition."""
    return Agreement(
        float(adjusted_rand_score(policies, classes)),
        float(homogeneity_score(policies, classes)),
        len(np.unique(classes)),
        len(np.unique(policies)),
    )
