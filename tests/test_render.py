"""Rendering a small run for real: what is written, skipped, made again, and told when it fails."""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
import pytest
from PIL import Image
from recordings import page_of, random_rollouts, write_rollouts

from skills.bodies.environments import load_model, seconds_per_step
from skills.errors import NOT_FOUND, USAGE, SkillsError
from skills.playing.rollout import Rollouts
from skills.runs.layout import Layout
from skills.videos.films.clips import clip
from skills.videos.films.films import Style, skill_film
from skills.videos.films.grid import columns_for, still_path, tile_side, write_grid
from skills.videos.films.marks import caption
from skills.videos.films.ray import RayRenderer
from skills.videos.films.record import Finished
from skills.videos.films.render import Rendered, read_rollouts, render_skills
from skills.videos.films.sheet import contact_sheet
from skills.videos.gallery.write import write_gallery

SMALL = (48, 48)


@pytest.fixture(scope="module")
def hoppers() -> Rollouts:
    """Four skills with three rollouts each, all of which fall within 100 steps (0.8 s)."""
    return random_rollouts("Hopper-v5", skills=4, rollouts=3, steps=100)


@pytest.fixture
def run_folder(tmp_path: Path, hoppers: Rollouts) -> Path:
    folder = tmp_path / "run"
    write_rollouts(folder, hoppers)
    return folder


def test_videos_are_written_skipped_resumed_and_forced(run_folder: Path, hoppers: Rollouts) -> None:
    heard: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        heard.append((done, total))

    def render(skills: list[int], *, force: bool = False, seconds: float = 8.0) -> tuple[tuple[int, ...], ...]:
        done = render_skills(
            run_folder,
            "Hopper-v5",
            skills,
            renderer="ray",
            size=SMALL,
            workers=1,
            force=force,
            seconds=seconds,
            progress=progress,
        )
        assert done.failures == ()
        return done.written, done.skipped

    assert render([2, 0]) == ((0, 2), ())
    assert heard == [(done, 4) for done in range(5)]  # a film of each skill, and one of its other starts
    film = imageio.imread(Layout(run_folder).film(2))
    shown = hoppers.shown[2]
    made = clip(hoppers.qpos[2, shown], int(hoppers.lengths[2, shown]), "Hopper-v5", 8.0)
    assert film.shape == (len(made.qpos), 48, 48, 3)
    assert imageio.immeta(Layout(run_folder).film(2), plugin="FFMPEG")["fps"] == 25.0
    with Image.open(Layout(run_folder).poster(0)) as poster:
        assert (poster.format, poster.size) == ("WEBP", SMALL)

    written_at = Layout(run_folder).film(0).stat().st_mtime_ns
    assert render([0, 1, 2]) == ((1,), (0, 2))  # resumes
    assert Layout(run_folder).film(0).stat().st_mtime_ns == written_at
    Layout(run_folder).poster(1).unlink()
    assert render([0, 1, 2]) == ((1,), (0, 2))  # half finished is not finished
    assert render([2], seconds=0.05) == ((2,), ())  # another request
    assert render([0], force=True) == ((0,), ())
    assert Layout(run_folder).film(0).stat().st_mtime_ns > written_at
    changed = hoppers.qpos.copy()
    changed[1] = hoppers.qpos[3]
    write_rollouts(run_folder, replace(hoppers, qpos=changed))
    assert render([0, 1]) == ((1,), (0,))  # new rollouts make the old video stale
    digests = json.loads((run_folder / "gallery" / "videos.json").read_text())["digests"]
    assert set(digests) == {f"skills/{skill:03d}{kind}.mp4" for skill in (0, 1, 2) for kind in ("", "-starts")}
    assert not list((run_folder / "gallery").rglob(".*"))


def test_each_skills_own_film_comes_first_and_an_interrupted_call_goes_on_where_it_was(run_folder: Path) -> None:
    seen: list[Finished] = []

    def stops(films: Finished) -> None:
        seen.append(films)
        if len(films.names) == 3:
            raise KeyboardInterrupt

    def render(**options: Any) -> Rendered:
        return render_skills(
            run_folder, "Hopper-v5", range(4), renderer="ray", size=SMALL, seconds=0.2, workers=1, **options
        )

    with pytest.raises(KeyboardInterrupt):
        render(first=[2], finished=stops)
    before = {path: path.read_bytes() for path in Layout(run_folder).film(0).parent.iterdir()}
    assert render(first=[2], finished=seen.append).failures == ()
    come = [
        (after.names - earlier.names) for earlier, after in itertools.pairwise(seen) if after.names != earlier.names
    ]
    own = [{f"skills/{skill:03d}.mp4"} for skill in (2, 0, 1, 3)]
    assert come == [*own, *({f"skills/{skill:03d}-starts.mp4"} for skill in (2, 0, 1, 3))]
    assert {films.total for films in seen} == {8}
    assert {path: path.read_bytes() for path in before} == before
    whole = {path: path.read_bytes() for path in Layout(run_folder).film(0).parent.iterdir()}
    assert render(force=True).written == (0, 1, 2, 3)
    assert {path: path.read_bytes() for path in whole} == whole


def test_a_film_shows_what_its_label_tells_of(tmp_path: Path) -> None:
    """Of hoppers of which 2 s are filmed: one that falls at 6 s, one that falls at once, one that stays up."""
    step = seconds_per_step("Hopper-v5")
    qpos = np.zeros((3, 1, 1001, 6), np.float32)
    qpos[..., 1] = 1.25
    qpos[..., 0] = np.arange(1001) * step
    lengths = np.array([[750], [100], [1000]], np.int32)
    for skill, length in enumerate(lengths[:2, 0]):
        qpos[skill, 0, length:, 1] = 0.6
    rollouts = Rollouts(
        qpos, lengths, lengths < 1000, np.zeros((3, 1, 1000), np.float32), np.zeros((3, 1, 1000), np.int16),
        np.array(step),
    )  # fmt: skip
    write_rollouts(tmp_path, rollouts)
    style = Style("Hopper-v5", width=48, height=48)
    late, early, never = (skill_film(rollouts, skill, style, 2.0, "mp4", "").panes[0].shown for skill in range(3))
    assert (late.begin, early.begin, never.begin) == (pytest.approx(4.0), 0, 0)
    assert late.moving == pytest.approx(2.0 * late.fps, abs=1)
    assert late.qpos[-1, 1] == early.qpos[-1, 1] == np.float32(0.6)
    assert len(late.qpos) - late.moving == late.fps  # the end is held for a second
    assert render_skills(tmp_path, "Hopper-v5", range(3), renderer="ray", size=SMALL, seconds=2.0, workers=1).written
    shown = json.loads(write_gallery(tmp_path, page_of(3)).with_name("manifest.json").read_text())["skills"]
    assert [skill["begin"] for skill in shown] == [pytest.approx(4.0), 0, 0]
    short = clip(qpos[0, 0], 750, "Hopper-v5", 2.0, event=400)  # what is told is in the middle of an episode
    assert (short.begin, short.moving) == (pytest.approx(400 * step - 1.2, abs=0.04), 51)


def test_films_that_are_not_as_they_were_written_are_rendered_again(run_folder: Path) -> None:
    def render() -> tuple[tuple[int, ...], ...]:
        done = render_skills(run_folder, "Hopper-v5", [0, 1, 2, 3], renderer="ray", size=SMALL, workers=2)
        return done.written, done.skipped

    assert render() == ((0, 1, 2, 3), ())
    gallery = Layout(run_folder).gallery_folder
    before = {path: path.read_bytes() for path in (gallery / "skills").iterdir()}
    cut, still, another = (gallery / "skills" / name for name in ("000.mp4", "001.webp", "002-starts.mp4"))
    for path in (cut, still):
        path.write_bytes(before[path][:100])
    another.write_bytes(before[another.with_name("003-starts.mp4")])
    assert another.read_bytes() != before[another]
    assert render() == ((0, 1, 2), (3,))
    assert {path: path.read_bytes() for path in (gallery / "skills").iterdir()} == before


def test_a_film_by_another_renderer_is_rendered_again_where_one_is_asked_for(run_folder: Path) -> None:
    def render(renderer: str) -> tuple[int, ...]:
        done = render_skills(run_folder, "Hopper-v5", [0], renderer=renderer, size=SMALL, workers=1, extras=False)
        return done.written

    assert render("ray") == (0,)
    record = Layout(run_folder).films_file
    document = json.loads(record.read_text())
    assert document["renderers"] == {"skills/000.mp4": "ray"}
    record.write_text(json.dumps({**document, "renderers": {"skills/000.mp4": "gl"}}))
    assert render("auto") == ()  # either will do
    assert render("ray") == (0,)
    assert json.loads(record.read_text()) == document


def test_a_skill_that_fails_is_reported_and_stops_no_other(tmp_path: Path, hoppers: Rollouts) -> None:
    broken = hoppers.qpos.copy()
    broken[1, hoppers.shown[1], 3] = np.nan  # a diverged simulation; the shown rollout stays the same
    rollouts = replace(hoppers, qpos=broken)
    assert rollouts.shown[1] == hoppers.shown[1]
    write_rollouts(tmp_path, replace(rollouts, lengths=np.maximum(hoppers.lengths, 30).astype(np.int32)))
    strided = np.array(broken)
    strided[1, :, 5] = np.nan  # state 5 is in the video, whatever the stride picks around it
    write_rollouts(tmp_path, replace(rollouts, qpos=strided))
    done = render_skills(tmp_path, "Hopper-v5", [0, 1, 2], renderer="ray", size=SMALL, workers=2)
    assert done.written == (0, 2)
    assert [failure.skill for failure in done.failures] == [1]
    assert "not finite" in done.failures[0].reason
    assert not Layout(tmp_path).film(1).exists()
    assert not list((tmp_path / "gallery").rglob(".*"))


def test_impossible_sides_are_told(run_folder: Path) -> None:
    done = render_skills(run_folder, "Hopper-v5", [0], renderer="ray", size=(50, 48), workers=1)
    assert "50 x 48" in done.failures[0].reason


@pytest.mark.parametrize(("skills", "message"), [([4], "no skill 4"), ([-1], "no skill -1")])
def test_unknown_skills_are_refused(run_folder: Path, skills: list[int], message: str) -> None:
    with pytest.raises(SkillsError, match=message) as caught:
        render_skills(run_folder, "Hopper-v5", skills, renderer="ray")
    assert caught.value.exit_code == USAGE
    assert "0 to 3" in caught.value.hint


def test_a_run_without_rollouts_is_told(tmp_path: Path) -> None:
    with pytest.raises(SkillsError, match="no rollouts") as caught:
        read_rollouts(tmp_path)
    assert caught.value.exit_code == NOT_FOUND


@pytest.mark.parametrize("env_id", ["Ant-v5", "HalfCheetah-v5", "Walker2d-v5", "Hopper-v5"])
def test_videos_play_at_true_speed(env_id: str) -> None:
    step = seconds_per_step(env_id)
    count = round(8 / step)
    qpos = np.arange(count + 1)[:, None].repeat(6, 1)  # each state tells its step
    made = clip(qpos, count, env_id, 4.0)
    assert 20 <= made.fps <= 25
    assert len(made.qpos) / made.fps == pytest.approx(4.0, abs=1 / made.fps + 1e-9)
    np.testing.assert_allclose(np.diff(made.qpos[:, 0]) * step, 1 / made.fps)


def test_a_fall_holds_its_last_state_a_second() -> None:
    qpos = np.arange(1001.0)[:, None].repeat(6, 1)
    made = clip(qpos, 63, "Hopper-v5", 8.0)
    assert len(made.qpos) == made.moving + 25
    assert (made.qpos[made.moving :, 0] == 63).all()
    assert made.qpos[: made.moving, 0].max() <= 63
    assert clip(qpos, 999, "Hopper-v5", 1.0).moving == len(clip(qpos, 999, "Hopper-v5", 1.0).qpos)  # falls later
    assert len(clip(qpos, 1000, "Hopper-v5", 8.0).qpos) == 201


def test_a_contact_sheet_shows_every_skill(run_folder: Path) -> None:
    path = run_folder / "sheet.png"
    contact_sheet(run_folder, "Hopper-v5", [0, 1, 3], 2, path)
    with Image.open(path) as sheet:
        assert (sheet.format, sheet.size) == ("PNG", (2 * 246 + 6, 2 * 182 + 6))
        pixels = np.asarray(sheet)
    assert pixels[6:182, 6:246].std() > 10
    assert np.ptp(pixels[200:, 260:], axis=(0, 1)).max() == 0  # the fourth place is empty paper
    with pytest.raises(SkillsError):
        contact_sheet(run_folder, "Hopper-v5", [], 2, path)


@pytest.mark.parametrize("form", ["gif", "webp"])
def test_slides_keep_clear_of_the_pages_own_files(run_folder: Path, hoppers: Rollouts, form: str) -> None:
    done = render_skills(run_folder, "Hopper-v5", [1], renderer="ray", size=SMALL, workers=1, form=form, seconds=0.2)
    assert (done.written, done.failures) == ((1,), ())
    assert sorted(path.name for path in (run_folder / "gallery").rglob("*.*")) == [f"001.{form}", "videos.json"]
    with Image.open(run_folder / "gallery" / "slides" / f"001.{form}") as animation:
        assert animation.size == SMALL
        animation.seek(1)
        animation.load()
        assert animation.info["duration"] == pytest.approx(1000 / done.fps)
    again = render_skills(run_folder, "Hopper-v5", [1], renderer="ray", size=SMALL, workers=1, form=form, seconds=0.2)
    assert again.skipped == (1,)


def test_a_long_caption_goes_on_in_a_second_line() -> None:
    plain = np.zeros((256, 256, 3), np.uint8)
    short, long, longer = (caption(plain, [text]) for text in ("forward", "forward " * 6, "forward " * 60))
    heights = [int((picture.max(axis=(1, 2)) > 0).sum()) for picture in (short, long, longer)]
    assert heights[0] < heights[1] == heights[2]


def test_cameras_trace_and_caption_change_the_picture() -> None:
    """From above a body that goes +x goes to the right; the trace lies behind it; the caption is at the foot."""
    qpos = np.tile(load_model("Ant-v5").qpos0, (12, 1))
    qpos[:, 0] = np.linspace(0, 1.5, 12)
    track = np.zeros((12, 3))
    for name in ("follow", "top", "side"):
        renderer = RayRenderer("Ant-v5", 96, 96, camera=name)
        columns = [np.nonzero(mask >= 0)[1].mean() for mask in renderer.body_mask(qpos, track)]
        assert (np.diff(columns) > 0).all(), name
        plain, traced = renderer.render(qpos, track), renderer.render(qpos, track, trace=True)
        changed = np.abs(plain[-1].astype(int) - traced[-1]).sum(axis=-1) > 40
        assert changed.sum() > 15, name
        assert np.nonzero(changed)[1].mean() < columns[-1], name
        assert not changed[renderer.body_mask(qpos[-1:], track[-1:])[0] >= 0].any(), name  # under the body
    captioned = caption(plain[0], ["#001 forward", "1.0 m/s"])
    np.testing.assert_array_equal(captioned[:60], plain[0][:60])
    assert np.abs(captioned[-12:].astype(int) - plain[0][-12:]).mean() > 20


def test_unknown_cameras_and_formats_are_refused(run_folder: Path) -> None:
    for option in ({"camera": "behind"}, {"form": "avi"}):
        with pytest.raises(SkillsError, match="Unknown") as caught:
            render_skills(run_folder, "Hopper-v5", [0], renderer="ray", **option)  # type: ignore[arg-type]
        assert caught.value.exit_code == USAGE


def test_a_moving_contact_sheet_shows_every_skill(run_folder: Path, hoppers: Rollouts) -> None:
    path = run_folder / "grid.mp4"
    style = Style("Hopper-v5", width=64, height=64)
    assert write_grid(run_folder, style, [0, 1, 3], path, renderer="ray", seconds=0.4, workers=1) == []
    film = imageio.imread(path)
    assert film.shape[1:] == (128, 128, 3)
    assert film[0, :64, :64].std() > 10
    assert np.ptp(film[0, 70:, 70:].astype(int), axis=(0, 1)).max() < 12  # the fourth place is empty
    with Image.open(still_path(path)) as still:
        assert still.size == (128, 128)
    changed = hoppers.qpos.copy()
    changed[1] = np.nan
    write_rollouts(run_folder, replace(hoppers, qpos=changed, lengths=np.maximum(hoppers.lengths, 30).astype(np.int32)))
    failures = write_grid(run_folder, style, [0, 1], path, renderer="ray", seconds=0.4, workers=1)
    assert [failure[:2] for failure in failures] == ["1:"]


def test_a_hundred_tiles_fit_a_screen() -> None:
    assert columns_for(100) == 10
    assert 10 * tile_side(10) <= 1280
    assert tile_side(10) % 16 == 0
