"""OpenGL against rays: the same camera, the same body. Skipped, with the reason, where there is no OpenGL."""

import subprocess
import sys

import numpy as np
import pytest
from recordings import states_of

from skills.bodies.environments import ENVIRONMENTS, load_model
from skills.errors import ENVIRONMENT, USAGE, SkillsError
from skills.videos.films import children, renderers
from skills.videos.films.ray import RayRenderer


@pytest.fixture(scope="session")
def gl_works() -> None:
    answer = renderers.available()["gl"]
    if isinstance(answer, str):
        pytest.skip(f"no OpenGL: {answer}")


@pytest.mark.usefixtures("gl_works")
@pytest.mark.parametrize("env_id", sorted(env_id for env_id, known in ENVIRONMENTS.items() if known.maze is None))
def test_both_renderers_see_the_same_body(env_id: str) -> None:
    from skills.videos.films.gl import GlRenderer

    qpos = states_of(env_id, 8)
    rays = RayRenderer(env_id, 128, 128)
    with GlRenderer(env_id, 128, 128) as opengl:
        seen, expected = opengl.body_mask(qpos), rays.body_mask(qpos)
        pictures = opengl.render(qpos)
    overlap = ((seen >= 0) & (expected >= 0)).sum() / ((seen >= 0) | (expected >= 0)).sum()
    assert overlap > 0.95
    inside = (seen >= 0) & (expected >= 0)
    assert (seen == expected)[inside].mean() > 0.95
    difference = np.abs(pictures.astype(int) - rays.render(qpos))
    assert difference.mean() < 30  # one look: the same floor, sky and colours, if not the same shadow


@pytest.mark.usefixtures("gl_works")
def test_the_ant_of_a_maze_is_drawn_as_the_ant_without_walls() -> None:
    from skills.videos.films.gl import GlRenderer

    qpos, pictures = states_of("AntMaze_UMaze-v4", 2), []
    for env_id in ("AntMaze_UMaze-v4", "Ant-v5"):
        with GlRenderer(env_id, 64, 64) as renderer:
            pictures.append(renderer.render(qpos))
    np.testing.assert_array_equal(*pictures)


@pytest.mark.usefixtures("gl_works")
def test_renderers_of_several_bodies_do_not_disturb_each_other() -> None:
    from skills.videos.films.gl import GlRenderer

    qpos = states_of("Hopper-v5", 2)
    first = GlRenderer("Hopper-v5", 64, 64)
    before = first.render(qpos)
    other = GlRenderer("Ant-v5", 64, 64, "good")
    assert other.render(states_of("Ant-v5", 2)).std() > 5
    other.close()
    np.testing.assert_array_equal(first.render(qpos), before)
    first.close()
    first.close()  # twice does no harm


def test_available_measures_or_explains_every_renderer() -> None:
    measured = renderers.available()
    assert set(measured) == {"ray", "gl"}
    assert isinstance(measured["ray"], float)
    assert measured["ray"] > 1
    assert isinstance(measured["gl"], float) or len(measured["gl"]) > 5


def test_auto_takes_the_faster_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for speeds, expected in (
        ({"ray": 50.0, "gl": 200.0}, "gl"),
        ({"ray": 50.0, "gl": 20.0}, "ray"),
        ({"ray": 50.0, "gl": "no EGL library was found"}, "ray"),
    ):
        monkeypatch.setattr(renderers, "available", lambda env_id, answer=speeds: answer)
        assert renderers.resolve("auto") == expected


def test_a_renderer_that_does_not_work_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderers, "available", lambda env_id: {"ray": 50.0, "gl": "no EGL library was found"})
    with pytest.raises(SkillsError, match="no EGL library") as caught:
        renderers.resolve("gl", "Ant-v5")
    assert caught.value.exit_code == ENVIRONMENT


def test_unknown_names_are_refused() -> None:
    with pytest.raises(SkillsError, match="Unknown renderer") as caught:
        renderers.resolve("rays", "Ant-v5")
    assert caught.value.exit_code == USAGE
    assert "ray" in caught.value.hint


def test_a_driver_that_crashes_only_ends_its_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run

    def crashing(command: list[str], **options: object) -> "subprocess.CompletedProcess[str]":
        return run([sys.executable, "-c", "import os; os.abort()"], **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(renderers.subprocess, "run", crashing)
    assert "signal 6" in str(renderers._probe("gl", "Ant-v5"))


def test_rays_never_load_opengl() -> None:
    """Rendering and its imports leave PyOpenGL alone, so a broken GL library cannot hurt them."""
    code = (
        "import sys; from skills.videos.films.renderers import construct;"
        "from skills.bodies.fast import load_model;"
        "r = construct('ray', 'Hopper-v5', 32, 32, 'fast'); r.render(load_model('Hopper-v5').qpos0[None]);"
        "sys.exit(any(name.split('.')[0] == 'OpenGL' or name == 'mujoco.egl' for name in sys.modules))"
    )
    assert load_model("Hopper-v5").nq == 6
    assert subprocess.run([sys.executable, "-c", code], check=False, env=children.environment()).returncode == 0


@pytest.mark.usefixtures("gl_works")
def test_the_floor_never_ends() -> None:
    """However far a body has run, it stands on the same squares: 410 m are 205 pairs of them."""
    from skills.videos.films.gl import GlRenderer

    qpos = np.zeros((2, 9))
    qpos[1, 0] = 410.0
    focus = np.array([[0.0, 0.0, 0.0], [410.0, 0.0, 0.0]])
    with GlRenderer("HalfCheetah-v5", 96, 96) as renderer:
        here, far = renderer.render(qpos, focus).astype(int)
    assert np.abs(here - far).mean() < 1.0
    assert here[-8:].std() > 5  # squares, not one colour


@pytest.mark.usefixtures("gl_works")
def test_a_small_picture_shows_limbs_of_fewer_faces_and_nobody_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from skills.videos.films import gl

    qpos = states_of("Ant-v5", 4)
    with gl.GlRenderer("Ant-v5", 256, 256) as renderer:
        quick, faces = renderer.render(qpos).astype(int), renderer._model.vis.quality.numslices
    monkeypatch.setattr(gl, "_COARSE", (0, 16, 8))
    with gl.GlRenderer("Ant-v5", 256, 256) as renderer:
        slow = renderer.render(qpos).astype(int)
        assert renderer._model.vis.quality.numslices > faces
    assert (quick != slow).any()
    assert 10 * np.log10(255**2 / np.square(quick - slow).mean()) > 35  # dB; the encoder leaves 33


@pytest.mark.usefixtures("gl_works")
def test_the_sky_is_a_gradient_wherever_no_body_is() -> None:
    from skills.videos.films.gl import GlRenderer

    qpos = states_of("Walker2d-v5", 3)
    qpos[:, 1] += 0.5  # it leaps: its head is before the sky
    with GlRenderer("Walker2d-v5", 128, 128) as renderer:
        bodies, pictures = renderer.body_mask(qpos) >= 0, renderer.render(qpos)
    rows = 15
    rays = RayRenderer("Walker2d-v5", 128, 128).render(qpos)[0, :rows, 0].astype(int)
    assert np.ptp(rays, axis=0).max() > 20  # a gradient
    body = bodies[:, :rows]
    assert body.sum() > 50
    away = np.abs(pictures[:, :rows].astype(int) - rays[:, None]).max(axis=-1)
    assert away[~body].max() <= 1
    assert away[body].min() > 20


@pytest.mark.usefixtures("gl_works")
@pytest.mark.parametrize("env_id", ["Ant-v5", "Walker2d-v5"])
def test_the_floor_fades_into_the_horizon(env_id: str) -> None:
    """No seam where the squares that are drawn end, and no hole behind them."""
    from skills.videos.films.gl import GlRenderer

    with GlRenderer(env_id, 128, 128) as renderer:
        column = renderer.render(states_of(env_id, 1))[0, :48, 0].astype(int)
    assert column.min() > 120
    assert np.abs(np.diff(column[:24], axis=0)).max() < 20
