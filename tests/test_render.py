"""Videos of recorded rollouts: made, skipped, made again, and failed without taking others along."""

import imageio_ffmpeg
import numpy as np
import pytest

from skills.errors import SkillsError
from skills.rollout import Rollouts
from skills.simulate import Simulation
from videos.clips import clip
from videos.render import render_skills, video_path
from videos.sheet import contact_sheet

K, R, T = 3, 2, 40


@pytest.fixture(scope="module")
def recorded() -> Rollouts:
    """Three skills of a hopper that act at random; the last falls."""
    simulation = Simulation("Hopper-v5", K * R)
    simulation.reset([np.random.default_rng(index) for index in range(K * R)])
    qpos = np.empty((K * R, T + 1, 6), np.float32)
    qpos[:, 0] = simulation.qpos
    generator = np.random.default_rng(0)
    for step in range(T):
        simulation.step(0.3 * generator.uniform(-1, 1, (K * R, 3)))
        qpos[:, step + 1] = simulation.qpos
    lengths = np.full((K, R), T, np.int32)
    lengths[2] = 20
    return Rollouts(
        qpos.reshape(K, R, T + 1, 6), lengths, lengths < T, np.zeros((K, R, T), np.float32),
        np.zeros((K, R, T), np.int16), np.array(0.008),
    )  # fmt: skip


@pytest.fixture
def folder(recorded, tmp_path):
    recorded.save(tmp_path / "rollouts" / "rollouts.npz")
    return tmp_path


def make(folder, skills=range(K), **options):
    return render_skills(folder, "Hopper-v5", list(skills), renderer="ray", size=(64, 64), **options)


def test_finished_skills_are_skipped_and_remade_on_demand(folder):
    first = make(folder, [0, 2])
    assert (first.written, first.skipped, first.failures) == ((0, 2), (), ())
    assert [path.name for path in sorted((folder / "gallery" / "skills").iterdir())] == [
        "000.mp4", "000.webp", "002.mp4", "002.webp",
    ]  # fmt: skip
    again = make(folder)
    assert (again.written, again.skipped) == ((1,), (0, 2))
    assert make(folder, [1], force=True).written == (1,)
    video_path(folder, 0).unlink()
    assert make(folder, [0, 1]).written == (0,)


def test_videos_of_older_rollouts_are_made_again(folder, recorded):
    make(folder, [0, 1])
    changed = recorded.qpos.copy()
    changed[1] += 0.1
    Rollouts(**{**vars(recorded), "qpos": changed}).save(folder / "rollouts" / "rollouts.npz")
    again = make(folder, [0, 1])
    assert (again.written, again.skipped) == ((1,), (0,))


def test_a_video_has_true_speed_and_holds_a_fall(folder, recorded):
    make(folder, [0, 2])
    for skill, seconds in ((0, T * 0.008), (2, 20 * 0.008 + 1.0)):
        meta = next(imageio_ffmpeg.read_frames(str(video_path(folder, skill))))
        assert 20 <= meta["fps"] <= 25
        assert meta["duration"] == pytest.approx(seconds, abs=0.1)
        assert meta["size"] == (64, 64)


def test_a_clip_takes_states_at_even_times(recorded):
    made = clip(recorded.qpos[0, 0], T, "Hopper-v5", seconds=8.0)
    np.testing.assert_array_equal(made.qpos, recorded.qpos[0, 0, ::5])
    assert made.fps == pytest.approx(25.0)
    assert clip(recorded.qpos[0, 0], T, "Hopper-v5", seconds=0.16).moving == 5


def test_a_skill_that_fails_is_named_and_the_others_are_made(folder, recorded):
    broken = recorded.qpos.copy()
    broken[1] = np.nan
    Rollouts(**{**vars(recorded), "qpos": broken}).save(folder / "rollouts" / "rollouts.npz")
    result = make(folder)
    assert result.written == (0, 2)
    assert [failure.skill for failure in result.failures] == [1]
    assert result.failures[0].reason
    assert not video_path(folder, 1).exists()


def test_unknown_skills_and_missing_rollouts_are_refused(folder, tmp_path_factory):
    with pytest.raises(SkillsError, match="no skill 3") as caught:
        make(folder, [3])
    assert "0 to 2" in caught.value.hint
    with pytest.raises(SkillsError, match="no rollouts"):
        make(tmp_path_factory.mktemp("empty"))


def test_a_contact_sheet_has_a_tile_a_skill(folder):
    from PIL import Image

    contact_sheet(folder, "Hopper-v5", [0, 1, 2], 2, folder / "sheet.png")
    with Image.open(folder / "sheet.png") as picture:
        assert picture.size == (2 * 246 + 6, 2 * 182 + 6)
