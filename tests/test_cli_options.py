"""Options of the command line: what can be chosen, and what a value means."""

from typing import get_args

import pytest

from skills.cli import discover, evaluate, render
from skills.errors import SkillsError


def test_choices_are_those_of_the_library() -> None:
    from skills.data import sources
    from skills.playing import protocol
    from skills.settings import config
    from skills.videos.films import films, renderers, scene

    assert discover.Preset == config.Preset
    assert get_args(discover.Source) == get_args(sources.Source)
    assert discover.Trunk == config.Trunk
    assert set(get_args(discover.Device)) == {"auto", *get_args(config.Device)}
    assert evaluate.Unit == protocol.Unit
    assert protocol.Protocol.trials == evaluate.TRIALS
    assert get_args(render.RendererName) == renderers.NAMES
    assert get_args(render.Quality) == renderers.QUALITIES
    assert get_args(render.Camera) == scene.CAMERAS
    assert get_args(render.Format) == films.FORMATS


def test_skills_to_render_are_sorted_and_unique() -> None:
    assert render.choose_skills("8,3,8", False, 10) == [3, 8]
    assert render.choose_skills(None, True, 3) == [0, 1, 2]
    with pytest.raises(SkillsError, match="skills 0 to 9"):
        render.choose_skills("10", False, 10)


def test_sizes_are_width_by_height() -> None:
    assert render.parse_size("256") == (256, 256)
    assert render.parse_size("320x240") == (320, 240)
