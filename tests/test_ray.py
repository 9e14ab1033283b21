"""Rays against what does not depend on them: full-picture casting, projection, and the states themselves."""

import numpy as np
import pytest
from mujoco.batch import Batch
from recordings import states_of

from skills.bodies.body import body_of
from skills.bodies.environments import ENVIRONMENTS, load_model
from skills.errors import SkillsError
from skills.videos.films.floor import box_mean
from skills.videos.films.ray import RayRenderer
from skills.videos.films.scene import camera_focus, pixel_focal, project, torso_track, view_of
from skills.videos.films.windows import window_around

BODIES = sorted(env_id for env_id, known in ENVIRONMENTS.items() if known.maze is None)


@pytest.mark.parametrize("env_id", BODIES)
def test_bounded_casting_finds_what_a_ray_through_every_pixel_finds(env_id: str) -> None:
    qpos = states_of(env_id, 10)
    renderer = RayRenderer(env_id, 96, 80)
    found = renderer.body_mask(qpos)
    view, model = view_of(env_id), load_model(env_id)
    column, row = np.meshgrid(np.arange(96) + 0.5, np.arange(80) + 0.5)
    local = np.stack([column - 48, 40 - row, np.full(column.shape, pixel_focal(view, 80))], axis=-1).reshape(-1, 3)
    batch = Batch(model, len(qpos), nthread=1)
    batch.reset()
    batch.bind("qpos")[:] = qpos
    eyes = camera_focus(view, qpos) - view.distance * view.forward
    _, geom = batch.ray(np.repeat(eyes[:, None], len(local), 1), local @ view.axes, flg_static=False)
    assert (found >= 0).any(axis=(1, 2)).all()
    full = geom.reshape(found.shape)
    np.testing.assert_array_equal(found >= 0, full >= 0)
    assert (found != full)[full >= 0].mean() < 0.03  # at joints two geoms end in one ball, and rounding picks either


def test_a_ball_is_drawn_where_projection_puts_it() -> None:
    qpos = states_of("Ant-v5", 4)
    view, model = view_of("Ant-v5"), load_model("Ant-v5")
    renderer = RayRenderer("Ant-v5", 128, 128)
    torso = model.geom("torso_geom").id
    masks = renderer.body_mask(qpos)
    for state, focus, mask in zip(qpos, camera_focus(view, qpos), masks, strict=True):
        column, row, depth = project(view, focus, state[:3], 128, 128)
        rows, columns = np.nonzero(mask == torso)
        radius = pixel_focal(view, 128) * model.geom_size[torso, 0] / depth
        assert np.hypot(rows + 0.5 - row, columns + 0.5 - column).max() < radius * 1.1 + 1
        assert len(rows) > 0.3 * np.pi * radius**2


@pytest.mark.parametrize("env_id", BODIES)
def test_pictures_show_a_body_its_shadow_and_nothing_else(env_id: str) -> None:
    qpos = states_of(env_id, 9)
    view = view_of(env_id)
    renderer = RayRenderer(env_id, 96, 96)
    focus = camera_focus(view, qpos)
    away = qpos.copy()
    away[:, view.columns[0]] += 1e3
    with_body, empty = renderer.render(qpos, focus).astype(int), renderer.render(away, focus).astype(int)
    changed = np.abs(with_body - empty).max(axis=-1) > 3
    mask = renderer.body_mask(qpos) >= 0
    assert (changed | ~mask).mean() > 0.999  # the body is visible against floor and sky
    darker = changed & ~mask & (with_body.sum(-1) < empty.sum(-1))
    assert darker[:, 48:].sum() > 30  # a shadow on the floor
    assert not changed[:, :, 0].any()  # far from the body nothing changes
    assert changed.mean() < 0.4


def test_the_ant_of_a_maze_is_drawn_as_the_ant_without_walls() -> None:
    qpos = states_of("AntMaze_UMaze-v4", 3)
    pictures = [RayRenderer(env_id, 64, 64).render(qpos) for env_id in ("AntMaze_UMaze-v4", "Ant-v5")]
    np.testing.assert_array_equal(*pictures)


def test_the_floor_stands_still_in_the_world() -> None:
    """Two squares (one period) further along x the same pose gives the same picture; one square further it does not."""
    pose = states_of("HalfCheetah-v5", 1)
    renderer = RayRenderer("HalfCheetah-v5", 96, 96)
    pictures = [renderer.render(pose + np.eye(1, 9) * shift)[0].astype(int) for shift in (0.0, 2.0, 1.0)]
    assert np.abs(pictures[0] - pictures[1]).max() <= 2
    assert np.abs(pictures[0] - pictures[2]).max() > 20


@pytest.mark.parametrize("quality", ["fast", "good"])
def test_rendering_does_not_depend_on_how_frames_are_grouped(quality: str) -> None:
    qpos = states_of("Hopper-v5", 11)
    focus = camera_focus(view_of("Hopper-v5"), qpos)
    renderer = RayRenderer("Hopper-v5", 64, 64, "good" if quality == "good" else "fast")
    together = renderer.render(qpos, focus)
    assert together.shape == (11, 64, 64, 3)
    assert together.dtype == np.uint8
    alone = np.concatenate([renderer.render(qpos[i : i + 1], focus[i : i + 1]) for i in range(11)])
    # A shadow's window is wider in some groups, and a little of the hidden sky is cut off with it.
    assert np.abs(together.astype(int) - alone).max() <= 6
    assert np.abs(together.astype(int) - alone).mean() < 0.05


def test_good_quality_smooths_outlines_of_the_same_picture() -> None:
    qpos = states_of("Ant-v5", 3)
    fast = RayRenderer("Ant-v5", 96, 96, "fast").render(qpos).astype(int)
    good = RayRenderer("Ant-v5", 96, 96, "good").render(qpos).astype(int)
    assert 0 < np.abs(fast - good).mean() < 2.5


def test_a_body_beside_and_behind_the_eye_still_renders() -> None:
    view = view_of("Ant-v5")
    qpos = np.tile(load_model("Ant-v5").qpos0, (3, 1))
    focus = np.array([[0, 0, 0], [0, view.distance, 0], [0, 2 * view.distance, 0]], dtype=np.float64)
    assert RayRenderer("Ant-v5", 48, 48).render(qpos, focus).shape == (3, 48, 48, 3)


def test_the_camera_does_not_fall_behind_at_the_end() -> None:
    qpos = np.zeros((60, 15))
    qpos[:, 0] = np.linspace(0, 12, 60)
    assert camera_focus(view_of("Ant-v5"), qpos)[[0, -1], 0] == pytest.approx([0, 12])


def test_the_camera_follows_smoothly_at_constant_height() -> None:
    qpos = np.zeros((60, 15))
    qpos[:, 0] = np.linspace(0, 12, 60) + 0.2 * (-1.0) ** np.arange(60)
    qpos[:, 2] = np.linspace(0.3, 2.0, 60)
    view = view_of("Ant-v5")
    focus = camera_focus(view, qpos)
    assert np.abs(np.diff(focus[:, 0], 2)).max() < 0.1 * np.abs(np.diff(qpos[:, 0], 2)).max()
    assert np.abs(focus[15:-15, 0] - np.linspace(0, 12, 60)[15:-15]).max() < 0.05
    assert (focus[:, 2] == view.height).all()
    assert (torso_track(view_of("Hopper-v5"), np.ones((2, 6)))[:, 1] == 0).all()


@pytest.mark.parametrize("env_id", BODIES)
def test_forward_is_to_the_right(env_id: str) -> None:
    view = view_of(env_id)
    ahead = project(view, np.zeros(3), np.array([[-1.0, 0, 0], [1.0, 0, 0]]), 100, 100)
    assert ahead[1, 0] > ahead[0, 0] + 10
    assert view.axes[0, 2] == 0  # level


def test_states_that_cannot_be_rendered_are_refused() -> None:
    renderer = RayRenderer("Hopper-v5", 32, 32)
    with pytest.raises(SkillsError, match="not finite"):
        renderer.render(np.full((2, 6), np.nan))
    with pytest.raises(SkillsError, match=r"expected \[T, 6\]"):
        renderer.render(np.zeros((2, 7)))
    with pytest.raises(SkillsError, match="Pendulum-v1 has no model of MuJoCo's to draw"):
        RayRenderer("Pendulum-v1")


def test_windows_bound_a_ball_exactly() -> None:
    """A ball's outline, found by projecting points on its surface, fills its window up to the spare pixels."""
    generator = np.random.default_rng(1)
    centre, radius, focal = np.array([0.4, -0.2, 4.0]), 0.5, 100.0
    surface = generator.normal(size=(20000, 3))
    surface = centre + radius * surface / np.linalg.norm(surface, axis=1, keepdims=True)
    column = 100 + focal * surface[:, 0] / surface[:, 2]
    row = 100 - focal * surface[:, 1] / surface[:, 2]
    window = window_around(centre[None, None], np.array([radius]), focal, 200, 200)
    assert window.left[0] <= column.min()
    assert column.min() - window.left[0] < 3
    assert window.left[0] + window.columns >= column.max()
    assert window.left[0] + window.columns - column.max() < 3
    assert window.top[0] <= row.min()
    assert window.top[0] + window.rows >= row.max()


def test_box_mean_of_every_tile_position_sees_each_value_once() -> None:
    tiles = np.tile(np.arange(16.0).reshape(4, 4), (3, 3))[None]
    np.testing.assert_allclose(box_mean(tiles, 4)[0, 4:8, 4:8], 7.5)


@pytest.mark.parametrize("env_id", ["Humanoid-v5", "Reacher-v5", "Pusher-v5"])
def test_a_body_that_is_derived_stands_in_the_picture(env_id):
    """All that moves at rest is in sight, and takes a good part of it."""
    body = body_of(env_id)
    renderer = RayRenderer(env_id, 64, 64)
    mask = renderer.body_mask(np.tile(body.rest, (2, 1)))[0]
    moving = (mask >= 0) & (body.model.body_weldid[body.model.geom_bodyid[mask]] > 0)
    rows, columns = np.nonzero(moving)
    assert moving.mean() > 0.01
    assert 0 < rows.min() <= rows.max() < 63
    assert 0 < columns.min() <= columns.max() < 63


@pytest.mark.parametrize("env_id", ["AdroitHandDoor-v1", "FetchReach-v4"])
def test_what_stands_fast_is_seen_from_near(env_id: str) -> None:
    """As near as it fits; marks that are put somewhere, such as long faint rods, neither count nor are drawn."""
    pytest.importorskip("gymnasium_robotics")
    body = body_of(env_id)
    mask = RayRenderer(env_id, 64, 64).body_mask(np.tile(body.rest, (2, 1)))[0]
    marks = (body.model.geom_rgba[:, 3] < 0.25) | (body.model.body_mocapid[body.model.geom_bodyid] >= 0)
    assert not set(mask[mask >= 0].tolist()) & set(np.flatnonzero(marks).tolist())
    moving = (mask >= 0) & (body.model.body_weldid[body.model.geom_bodyid[mask]] > 0)
    rows, columns = np.nonzero(moving)
    assert moving.mean() > 0.1
    assert 0 < min(rows.min(), columns.min()) <= max(rows.max(), columns.max()) < 63


def test_what_cannot_move_is_drawn_but_for_the_floor():
    """The rim of a reacher's table; no ray meets the plane below."""
    body = body_of("Reacher-v5")
    mask = RayRenderer("Reacher-v5", 64, 64).body_mask(np.tile(body.rest, (2, 1)))
    seen = set(np.unique(mask[mask >= 0]).tolist())
    assert seen & set(np.flatnonzero(body.model.geom_bodyid == 0).tolist())
    assert not seen & set(np.flatnonzero(body.model.geom_type == 0).tolist())
