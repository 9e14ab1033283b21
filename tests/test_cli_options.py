"""Options of the command line: what can be chosen, and what a value means."""

from typing import get_args

import pytest

from skills import choices
from skills.cli import evaluate, render
from skills.errors import SkillsError


def test_choices_are_those_of_the_library() -> None:
    from skills.playing import protocol
    from skills.videos.films import films, renderers, scene

    assert protocol.Protocol.trials == evaluate.TRIALS
    assert get_args(choices.RendererName) == renderers.NAMES
    assert get_args(choices.Quality) == renderers.QUALITIES
    assert get_args(choices.Camera) == scene.CAMERAS
    assert get_args(choices.Format) == films.FORMATS


def test_skills_to_render_are_sorted_and_unique() -> None:
    assert render.choose_skills("8,3,8", False, 10) == [3, 8]
    assert render.choose_skills(None, True, 3) == [0, 1, 2]
    with pytest.raises(SkillsError, match="skills 0 to 9"):
        render.choose_skills("10", False, 10)


def test_sizes_are_width_by_height() -> None:
    assert render.parse_size("256") == (256, 256)
    assert render.parse_size("320x240") == (320, 240)
