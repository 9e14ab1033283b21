"""Where the episodes of a dataset lie."""

import numpy as np


def test_episodes_are_found_by_their_rows(hopper):
    """Against a walk over all rows."""
    for episode, (first, end) in enumerate(zip(hopper.bounds[:-1], hopper.bounds[1:], strict=True)):
        assert first == hopper.episode_starts[episode]
        assert hopper.lengths[episode] == end - first
        assert hopper.left[first:end].tolist() == list(range(end - first, 0, -1))
        assert hopper.rows_of(np.array([episode])).tolist() == list(range(first, end))
    assert hopper.bounds[-1] == hopper.lengths.sum() == len(hopper.left) == len(hopper)
