"""Imitation and sparse mode as a person meets them: one real run made once."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from commands import Done, skills
from conftest import play_randomly

from skills.errors import NOT_FOUND, USAGE
from skills.plugins import LEARNERS, MAKERS, SOURCES

DATASET = "hopper-random"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with demonstrations, for the datasets and runs of this module."""
    folder = tmp_path_factory.mktemp("home")
    played = play_randomly("Hopper-v5", episodes=6, steps=60, seed=3)
    ends = np.isin(np.arange(len(played)) + 1, [*played.episode_starts, len(played)])
    np.savez(
        folder / "demos.npz",
        observations=played.observations,
        next_observations=played.next_observations,
        actions=played.actions,
        rewards=played.rewards,
        terminals=played.terminated,
        timeouts=ends & ~played.terminated,
    )
    return folder


@pytest.fixture(scope="module")
def discovered(home: Path) -> Done:
    """The one whole run, with its videos."""
    options = ("--mode", "imitation", "--expert", home / "demos.npz", "--trajectories", 2, "--seeds", 2)
    done = skills(home, "discover", DATASET, "--preset", "smoke", *options)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def run(home: Path, discovered: Done) -> Path:
    return home / "runs" / f"{DATASET}-imitation"


def test_the_score_comes_first_and_the_expert_is_named(home: Path, discovered: Done) -> None:
    first, *rest = discovered.stdout.splitlines()
    assert first.startswith("Normalised score")
    assert "Student's t over seeds" in discovered.stdout
    assert any(line.startswith("Reward AUC, held out") for line in rest)
    assert f"of the 6 episodes of {home / 'demos.npz'} these:" in discovered.stderr
    assert "Own-class occupancy" not in discovered.stdout


def test_the_gallery_has_a_card_a_seed_and_the_expert_beside_it(run: Path) -> None:
    page = json.loads((run / "gallery" / "manifest.json").read_text())
    assert page["mode"] == "imitation"
    assert [skill["label"][:7] for skill in page["skills"]] == ["seed 1:", "seed 2:"]
    assert all(skill["video"] and skill["data"] for skill in page["skills"])
    assert page["exemplars"]["origin"] == "rebuilt"  # a file of observations has no simulator states
    assert page["expert"].startswith("The expert: of demos.npz the episodes ")


def test_list_and_show_know_it(home: Path, run: Path) -> None:
    listed = skills(home, "list").stdout
    assert "imitation" in listed
    assert "score " in listed
    shown = skills(home, "show", run.name).stdout
    assert "Expert: of " in shown
    assert "Normalised score" in shown
    assert "--mode imitation --expert" in json.loads(skills(home, "show", run.name, "--json").stdout)["command"]
    seed = skills(home, "show", run.name, "--skill", 1).stdout
    assert "seed 2:" in seed
    assert "occupancy" not in seed


def test_evaluate_compares_with_and_without_calibration(home: Path, run: Path) -> None:
    done = skills(home, "evaluate", run.name)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("calibration")]
    assert [row[1:3] for row in rows] == [["0.1", "expected"], ["0.1", "sample"], ["0", "expected"], ["0", "sample"]]
    table = json.loads((run / "gallery" / "manifest.json").read_text())["measures"]
    assert table["columns"] == ["calibration 0.1", "calibration 0"]


def test_the_same_command_continues_and_another_expert_is_another_run(home: Path, run: Path) -> None:
    options = ("--mode", "imitation", "--expert", home / "demos.npz", "--trajectories", 3, "--seeds", 2)
    done = skills(home, "discover", DATASET, "--preset", "smoke", *options)
    assert done.returncode == USAGE
    assert "experts.trajectories: 2 there, 3 here" in done.stderr


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--mode", "imitation"), USAGE, "needs an expert"),
        (("--mode", "imitation", "--expert", "nowhere.npz"), NOT_FOUND, "There is no file nowhere.npz"),
        (("--mode", "imitation", "--expert", "hopper-exprt"), NOT_FOUND, "Did you mean hopper-expert"),
        (("--mode", "imitation", "--expert", "hopper-random", "--episodes", "3,x"), USAGE, "no list of episodes"),
        (("--mode", "sparse", "--preset", "smoke", "-q"), USAGE, "has no test of success"),
    ],
)
def test_refusals(home: Path, options: tuple[str, ...], code: int, said: str) -> None:
    done = skills(home, "discover", DATASET, *options)
    assert done.returncode == code, done.stderr
    assert said in done.stderr


def test_the_help_offers_every_plug_in(home: Path) -> None:
    shown = skills(home, "discover", "--help", COLUMNS="240").stdout  # no name is broken in two there
    for plugins in (MAKERS, LEARNERS, SOURCES):
        assert set(plugins.names()) <= set(re.findall(r"\w+", shown)), plugins.kind
