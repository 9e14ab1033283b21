"""Cells, recall and precision on constructed trials with known answers."""

import numpy as np
import pytest

from skills.measures.intervals import every_trial
from skills.measures.judged.coverage import cell_count, coverage, visited_cells
from skills.measures.nearby import is_reached, reach


def walks(*speeds: float) -> np.ndarray:
    """[K, 1, 11, 2] m: ten steps along x at `speed` m a step, from the origin."""
    places = np.zeros((len(speeds), 1, 11, 2))
    places[..., 0] = np.array(speeds)[:, None, None] * np.arange(11)
    return places


def test_a_walk_of_ten_metres_visits_eleven_cells():
    visited = visited_cells(walks(1.0), np.array([[11]]))
    assert cell_count(visited, every_trial(1, 1)) == 11
    assert visited_cells(walks(1.0), np.array([[4]])).sum() == 4  # only the steps that were played


def test_copies_visit_no_more_than_one_and_opposites_twice_as_much_but_the_start():
    def cells(*speeds: float) -> int:
        count = len(speeds)
        return cell_count(visited_cells(walks(*speeds), np.full((count, 1), 11)), every_trial(count, 1))

    assert cells(*[1.0] * 10) == 11
    assert cells(1.0, -1.0) == 21
    assert cells(0.0, 0.04) == 1


def test_a_window_reaches_as_far_as_its_fifth_neighbour():
    line = np.arange(20.0)[:, None]
    assert reach(line)[10] == 3  # the third on one side is the fifth or sixth nearest
    hits = is_reached(np.array([[0.5], [40.0]]), line, reach(line))
    assert hits[0, :3].all()
    assert not hits[1].any()


def test_recall_and_precision_of_all_none_and_half():
    reached = np.zeros((4, 10), np.float32)
    inside = np.array([[1.0, 1.0], [0.0, 0.0]])
    visited = np.ones((4, 3), np.float32)
    found = coverage(visited, 6, reached, inside, every_trial(2, 2))
    assert found == {"cells_ratio": 0.5, "recall": 0.0, "precision": 0.5}
    reached[0, :5] = 1
    reached[1, 5:] = 1
    assert coverage(visited, 6, reached, inside, every_trial(2, 2))["recall"] == 1.0
    only_first = np.zeros((2, 2), np.int64)  # the second trial is not chosen, nor is what it alone reached
    assert coverage(visited, 6, reached, inside, only_first)["recall"] == pytest.approx(0.5)
