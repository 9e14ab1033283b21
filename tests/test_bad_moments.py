"""Machines as they are: variables of other programs, no home, a stdout of few letters, no encoder; and old names."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import minari
import numpy as np
import pytest
from commands import environment, process, skills
from files import hops, write
from gymnasium.spaces import Box
from minari.data_collector import EpisodeBuffer

from skills.data import catalog, importing
from skills.data.minari_root import local_ids, minari_root
from skills.errors import ENVIRONMENT, FAILED, NOT_FOUND, SkillsError
from skills.videos.films import encode

NAME = "mine/hops-v0"
HOMELESS = """
import os, pwd, sys
def unknown(uid): raise KeyError(f"getpwuid(): uid not found: {uid}")
pwd.getpwuid = unknown  # as in a container whose user is in no list
os.environ.pop("HOME", None)
os.environ.pop("MINARI_DATASETS_PATH", None)
from skills.cli.app import main
main()
"""
FEW_LETTERS = {"PYTHONIOENCODING": "ascii"}


@pytest.mark.parametrize("choice", ["osmesa", "mesa", "egl", "glfw", ""])
def test_mujoco_gl_of_another_program_is_no_matter(tmp_path: Path, choice: str) -> None:
    done = process(tmp_path, "data", "make", "hopper-random", "--steps", 20, "-q", MUJOCO_GL=choice)
    assert (done.returncode, done.stdout.strip()) == (0, "skills/hopper/random-v0"), done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("list", 0, "There are no runs"),
        ("--version", 0, "skills "),
        ("data list", ENVIRONMENT, "Datasets have no folder: there is no home folder here"),
        ("data show hopper-random", ENVIRONMENT, "Set MINARI_DATASETS_PATH to a folder"),
    ],
)
def test_there_may_be_no_home(tmp_path: Path, words: str, code: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOMELESS, *words.split()],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        cwd=tmp_path,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "~").exists()


def test_the_root_of_datasets_may_be_written_in_any_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for given, right in {
        "": tmp_path / "home" / ".minari" / "datasets",
        "  ": tmp_path / "home" / ".minari" / "datasets",
        "~/sets": tmp_path / "home" / "sets",
        "sets": tmp_path / "sets",
        "./sets/": tmp_path / "sets",
        str(tmp_path / "whole"): tmp_path / "whole",
    }.items():
        monkeypatch.setenv("MINARI_DATASETS_PATH", given)
        assert minari_root() == right
    monkeypatch.delenv("MINARI_DATASETS_PATH")
    assert minari_root() == tmp_path / "home" / ".minari" / "datasets"


@pytest.mark.parametrize("given", ["", "~/sets", "sets", "link"])
def test_a_set_is_made_and_found_below_such_a_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "hops.npz", hops())
    place = {"HOME": str(tmp_path / "home"), "MINARI_DATASETS_PATH": given}
    done = skills(tmp_path, "data", "import", path, "--env", "Hopper-v5", "--name", NAME, **place)
    assert done.returncode == 0, done.stderr
    listed = json.loads(skills(tmp_path, "data", "list", "--json", **place).stdout)
    assert NAME in [row["name"] for row in listed["datasets"]]
    assert Path(listed["minari_root"]).is_absolute()
    assert "12 steps in 3 episodes" in skills(tmp_path, "data", "show", NAME, **place).stdout
    assert not (tmp_path / "~").exists()


def test_sets_behind_links_are_listed_even_where_they_lead_in_a_circle(tmp_path: Path) -> None:
    importing.import_file(write(tmp_path / "hops.npz", hops()), NAME, "Hopper-v5")
    root = tmp_path / "minari"
    (root / "mine").rename(tmp_path / "other")
    (root / "mine").symlink_to(tmp_path / "other")
    (tmp_path / "other" / "circle").symlink_to(root)
    assert local_ids() == [NAME]


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    path = write(tmp_path / "hops.npz", hops())
    place = {"HOME": str(tmp_path / "home"), "MINARI_DATASETS_PATH": ""}
    done = skills(tmp_path, "data", "import", path, "--env", "Hopper-v5", "--name", NAME, **place)
    assert done.returncode != 0
    assert "Cannot write" in done.stderr
    assert "A file stands where a folder is needed" in done.stderr


def with_reward(minari_id: str, bad: float) -> None:
    """A set of four episodes, one of which has this reward."""
    rng = np.random.default_rng(0)
    episodes = []
    for number in range(4):
        rewards = np.full(6, float(number))
        rewards[2] = bad if number == 1 else rewards[2]
        ends = np.arange(6) == 5
        episodes.append(
            EpisodeBuffer(
                observations=rng.normal(size=(7, 11)),
                actions=rng.uniform(-1, 1, (6, 3)).astype(np.float32),
                rewards=rewards,
                terminations=ends,
                truncations=np.zeros(6, bool),
            )
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minari.create_dataset_from_buffers(
            minari_id,
            episodes,
            env="Hopper-v5",
            observation_space=Box(-np.inf, np.inf, (11,)),
            action_space=Box(-1.0, 1.0, (3,)),
        )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.7e308])
def test_a_set_with_rewards_that_are_no_numbers_is_shown(tmp_path: Path, bad: float) -> None:
    with_reward("bugs/bad-v0", bad)
    done = skills(tmp_path, "data", "show", "bugs/bad-v0")
    assert done.returncode == 0, done.stderr
    document = json.loads(skills(tmp_path, "data", "show", "bugs/bad-v0", "--json").stdout)["local"][0]
    if np.isfinite(bad):
        assert sum(document["returns_histogram"]["counts"]) == 4
        return
    assert "1 episodes have NaN or infinity for rewards" in done.stdout
    assert document["returns_not_finite"] == 1
    assert document["return_mean"] == pytest.approx((0 + 12 + 18) / 3)
    assert sum(document["returns_histogram"]["counts"]) == 3
    refused = skills(tmp_path, "discover", "bugs/bad-v0", "--preset", "smoke", "--run", tmp_path / "new")
    assert "has NaN or infinity in rewards, in 1 rows" in refused.stderr


def test_a_set_of_no_episodes_is_shown(tmp_path: Path) -> None:
    with_reward("bugs/none-v0", 0.0)
    path = tmp_path / "minari" / "bugs" / "none-v0" / "data" / "metadata.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "total_episodes": 0, "total_steps": 0}))
    done = skills(tmp_path, "data", "show", "bugs/none-v0")
    assert done.returncode == 0, done.stderr
    assert "0 steps in 0 episodes" in done.stdout
    shown = json.loads(skills(tmp_path, "data", "show", "bugs/none-v0", "--json").stdout)["local"][0]
    assert (shown["episodes"], shown["return_mean"], shown["length_mean"]) == (0, None, None)


@pytest.mark.parametrize("nested", ["the spec", "all"])
def test_a_set_whose_metadata_nest_without_end_is_listed(tmp_path: Path, nested: str) -> None:
    with_reward("bugs/deep-v0", 0.0)
    path = tmp_path / "minari" / "bugs" / "deep-v0" / "data" / "metadata.json"
    deep = "[" * 100_000
    path.write_text(deep if nested == "all" else json.dumps({**json.loads(path.read_text()), "env_spec": deep}))
    listed = skills(tmp_path, "data", "list")
    assert (listed.returncode, "bugs/deep-v0" in listed.stdout) == (0, True), listed.stderr
    shown = skills(tmp_path, "data", "show", "bugs/deep-v0")
    assert shown.returncode == FAILED
    assert shown.stderr.count("error: ") == 1


def test_a_stdout_of_few_letters_gets_them_spelt(tmp_path: Path) -> None:
    with_reward("bugs/bad-v0", np.nan)
    done = process(tmp_path, "data", "show", "bugs/bad-v0", **FEW_LETTERS)
    assert done.returncode == 0, done.stderr
    assert "#" * 20 in done.stdout
    run = tmp_path / "runs" / "café"
    run.mkdir(parents=True)
    (run / "manifest.json").write_text("[]")
    done = process(tmp_path, "list", "--json", **FEW_LETTERS)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["runs"][0]["name"] == "café"
    assert r"caf\xe9" in process(tmp_path, "list", **FEW_LETTERS).stdout


def test_a_stdout_that_is_closed_is_none(tmp_path: Path) -> None:
    done = process(tmp_path, "list", before=lambda: os.close(1))
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [("Hopper-v2", "--env Hopper-v5"), ("HalfCheetah-v3", "--env HalfCheetah-v5"), ("CarRacing-v3", "Box2D")],
)
def test_an_environment_that_cannot_be_made_here_is_said(tmp_path: Path, name: str, said: str) -> None:
    path = write(tmp_path / "hops.npz", hops())
    done = skills(tmp_path, "data", "import", path, "--env", name, "--name", NAME)
    assert done.returncode == ENVIRONMENT
    assert f"The environment {name} cannot be made here" in done.stderr
    assert said in done.stderr


@pytest.mark.parametrize(
    ("old", "here"),
    [
        ("hopper-medium-v2", "hopper-medium"),
        ("halfcheetah-medium-expert-v2", "halfcheetah-medium-expert"),
        ("HalfCheetah-medium-v0", "halfcheetah-medium"),
        ("door-human-v2", "door-human"),
        ("antmaze-umaze-v2", "antmaze-umaze-play"),
    ],
)
def test_the_names_of_d4rl_lead_to_those_here(tmp_path: Path, old: str, here: str) -> None:
    assert catalog.named_by_d4rl(old) == here
    done = skills(tmp_path, "discover", old, "--offline")
    assert done.returncode == NOT_FOUND
    assert f"Name the set here: {here} " in done.stderr


def test_an_id_of_minari_that_sounds_like_d4rl_is_answered_with_the_name_here(tmp_path: Path) -> None:
    done = skills(tmp_path, "discover", "d4rl/hopper/medium-v2", "--offline")
    assert done.returncode == NOT_FOUND
    assert "Did you mean hopper-medium?" in done.stderr


FRAMES = np.zeros((4, 32, 32, 3), np.uint8)


def test_where_ffmpeg_is_not_there_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none" / "ffmpeg"))
    with pytest.raises(SkillsError, match=r"Videos cannot be encoded here: .*none/ffmpeg: No such file") as caught:
        encode.write_mp4(tmp_path / "a.mp4", FRAMES, 20.0)
    assert caught.value.exit_code == ENVIRONMENT
    assert "pip install imageio-ffmpeg" in caught.value.hint
    assert list(tmp_path.glob("*.mp4")) == []


def test_where_ffmpeg_lacks_the_encoder_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poor = tmp_path / "ffmpeg"
    poor.write_text('#!/bin/sh\nif [ "$1" = -encoders ]; then echo " V..... mpeg4"; exit 0; fi\nexit 1\n')
    poor.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(poor))
    with pytest.raises(SkillsError, match="has no encoder libx264"):
        encode.write_mp4(tmp_path / "a.mp4", FRAMES, 20.0)
    assert encode.lack() == f"{poor} has no encoder libx264 (H.264)"


def test_the_ffmpeg_here_lacks_nothing() -> None:
    assert encode.lack() == ""
