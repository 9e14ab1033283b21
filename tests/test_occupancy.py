"""Occupancy of constructed skills with known answers."""

import numpy as np

from skills.measures.intervals import every_trial
from skills.measures.judged.occupancy import occupancy, own_class_shares


def test_occupancy_is_the_share_of_played_steps_over_the_base_rate():
    classes = np.zeros((2, 1, 8), np.int16)
    classes[1, 0] = [1, 1, 0, 0, -1, -1, -1, -1]
    shares = own_class_shares(classes, np.array([[8], [4]]))
    assert shares.tolist() == [[1.0], [0.5]]
    assert occupancy(shares, np.array([0.5, 0.5]), every_trial(2, 1)) == {"median_ratio": 1.5}
