"""Loss curves: what is noted when, and what is said of them."""

import pytest
import torch

from skills.learning.engine.curves import Curves, ends


def test_ends_are_medians_over_skills_of_the_first_and_last_tenth(tmp_path):
    curves = Curves(("loss", "unseen"), 1000, 3)
    assert len(curves.steps) == 100
    for step in filter(curves.due, range(1000)):
        curves.note(step, 0, {"loss": torch.tensor([1.0, 2.0, 9.0]) * (1000 - step)})
    curves.save(tmp_path)
    assert ends(tmp_path) == {"loss": (pytest.approx(2.0 * 955), pytest.approx(2.0 * 55))}


def test_a_training_that_stopped_ends_where_it_stopped(tmp_path):
    curves = Curves(("loss",), 10, 2)
    for step in range(4):
        curves.note(step, 0, {"loss": torch.full((2,), 4.0 - step)})
    curves.save(tmp_path)
    assert curves.parts["loss"][4:].isnan().all()
    assert ends(tmp_path) == {"loss": (4.0, 1.0)}


def test_a_folder_without_curves_has_nothing_to_say(tmp_path):
    assert ends(tmp_path) == {}
