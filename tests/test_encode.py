"""Videos re-opened: what a browser will find in them."""

import re
import subprocess
from pathlib import Path

import imageio.v3 as imageio
import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from skills.errors import ENVIRONMENT, SkillsError
from skills.videos.films.encode import write_gif, write_mp4, write_poster, write_webp


@pytest.fixture(scope="module")
def frames() -> NDArray[np.uint8]:
    """[33, 48, 64, 3] a red square that moves over a gradient."""
    film = np.tile(np.linspace(40, 200, 64, dtype=np.uint8)[None, None, :, None], (33, 48, 1, 3))
    for index, frame in enumerate(film):
        frame[12:28, index : index + 16] = (220, 60, 50)
    return film


def test_an_mp4_holds_every_frame_at_its_size_and_rate(tmp_path: Path, frames: NDArray[np.uint8]) -> None:
    path = tmp_path / "deep" / "017.mp4"
    write_mp4(path, frames, 20.0)
    film = imageio.imread(path)
    assert film.shape == frames.shape
    assert np.abs(film.astype(int) - frames).mean() < 6
    about = imageio.immeta(path, plugin="FFMPEG")
    assert about["fps"] == 20.0
    assert about["codec"] == "h264"
    assert about["pix_fmt"].startswith("yuv420p")
    assert about["duration"] == pytest.approx(33 / 20, abs=0.06)
    assert [entry.name for entry in path.parent.iterdir()] == ["017.mp4"]


def test_fractional_rates_are_kept(tmp_path: Path, frames: NDArray[np.uint8]) -> None:
    write_mp4(tmp_path / "a.mp4", frames, 1 / 0.048)
    assert imageio.immeta(tmp_path / "a.mp4", plugin="FFMPEG")["fps"] == pytest.approx(1 / 0.048, abs=0.02)


def test_the_index_comes_before_the_pictures(tmp_path: Path, frames: NDArray[np.uint8]) -> None:
    path = tmp_path / "a.mp4"
    write_mp4(path, frames, 25.0)
    content = path.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_colours_are_tagged_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_mp4(path, np.full((5, 32, 32, 3), (228, 103, 74), dtype=np.uint8), 25.0)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert re.search(r"yuv420p\(.*bt709", told)
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    assert np.abs(np.frombuffer(raw, np.uint8).reshape(-1, 3).mean(axis=0) - (228, 103, 74)).max() < 6


@pytest.mark.parametrize("shape", [(4, 40, 32, 3), (4, 32, 30, 3)])
def test_sides_that_would_be_resized_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(SkillsError, match=f"{shape[2]} x {shape[1]}") as caught:
        write_mp4(tmp_path / "a.mp4", np.zeros(shape, np.uint8), 20.0)
    assert "multiples of 16" in caught.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("array", [np.zeros((0, 16, 16, 3), np.uint8), np.zeros((2, 16, 16, 3)), np.zeros((16, 16, 3))])
def test_what_is_no_film_is_refused(tmp_path: Path, array: NDArray[np.generic]) -> None:
    with pytest.raises(SkillsError, match="Expected frames"):
        write_mp4(tmp_path / "a.mp4", array, 20.0)  # type: ignore[arg-type]


def test_a_missing_ffmpeg_is_a_matter_of_the_environment(
    tmp_path: Path, frames: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> str:
        raise RuntimeError("No ffmpeg exe could be found. Install ffmpeg on your system.")

    monkeypatch.setattr("imageio_ffmpeg._io.get_ffmpeg_exe", missing)
    with pytest.raises(SkillsError, match="ffmpeg") as caught:
        write_mp4(tmp_path / "a.mp4", frames, 20.0)
    assert caught.value.exit_code == ENVIRONMENT
    assert not list(tmp_path.iterdir())


def test_an_ffmpeg_that_fails_leaves_the_old_file(
    tmp_path: Path, frames: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    monkeypatch.setattr("imageio_ffmpeg._io.get_ffmpeg_exe", lambda: "/bin/false")
    with pytest.raises(SkillsError):
        write_mp4(path, frames, 20.0)
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == [b"old"]


def test_posters_and_animations(tmp_path: Path, frames: NDArray[np.uint8]) -> None:
    write_poster(tmp_path / "a.webp", frames[3])
    with Image.open(tmp_path / "a.webp") as poster:
        assert (poster.format, poster.size) == ("WEBP", (64, 48))
        assert np.abs(np.asarray(poster.convert("RGB")).astype(int) - frames[3]).mean() < 8
    write_webp(tmp_path / "b.webp", frames, 20.0)
    write_gif(tmp_path / "b.gif", frames, 20.0)
    for name in ("b.webp", "b.gif"):
        with Image.open(tmp_path / name) as animation:
            assert getattr(animation, "n_frames", 1) == 33
            assert animation.info["loop"] == 0
