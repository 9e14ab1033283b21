"""A hand of Adroit's, taught by a human: an expert and a policy that nobody here made, through the whole program."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import skills

from skills.files import read_json

SHARED = Path(__file__).parents[2] / "shared" / "data"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="needs the third-party policies in ../shared/data")
FEW = ("--set", "policy.steps=40", "--set", "reward.iterations=40", "--set", "data.steps=1000")


def rollouts(path: Path) -> Path:
    """Five episodes of the DAPG policy with some noise, by the script that lies beside it."""
    pytest.importorskip("gymnasium_robotics", reason="gymnasium-robotics is installed with the extra `test`")
    command = [sys.executable, "make_rollouts.py", str(path), "AdroitHandDoor-v1", "dapg_door:0.1:0:5"]
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(command, cwd=SHARED, env=variables, check=True, capture_output=True)
    return path


def test_a_humans_demonstrations_of_a_door_are_imitated(tmp_path: Path) -> None:
    path = rollouts(tmp_path / "door.npz")
    done = skills(tmp_path, "data", "import", path, "--env", "AdroitHandDoor-v1", "--name", "door/dapg-v0")
    assert done.returncode == 0, done.stderr
    assert "do not move as" not in done.stderr
    human = SHARED / "demos" / "dapg_door_human.npz"
    run = (
        "--mode",
        "imitation",
        "--expert",
        human,
        "--trajectories",
        "2",
        "--preset",
        "smoke",
        "--run",
        tmp_path / "run",
    )
    begun = skills(tmp_path, "discover", "door/dapg-v0", *run, *FEW, "--no-videos")
    assert begun.returncode == 0, begun.stderr
    manifest = read_json(tmp_path / "run" / "manifest.json")
    assert (manifest["dataset"]["steps"], manifest["dataset"]["env_id"]) == (1000, "AdroitHandDoor-v1")
    expert = manifest["expert"]
    assert (expert["episodes"], expert["steps"]) == ([11, 22], 490)  # the two of 25 that opened the door soonest
    assert expert["returns"] == pytest.approx([1456.27, 1476.25], abs=0.01)
    summary = read_json(tmp_path / "run" / "measures.json")["summary"]
    assert summary["score_is"] == "normalised return"  # by D4RL's returns of this hand
    assert summary["score"]["value"] == pytest.approx(
        100 * (summary["return"]["value"] + 56.512833) / (2880.5693 + 56.512833)
    )
    assert summary["fates"] == {"stays up": 2}
    for command in (
        ("render", tmp_path / "run", "--all", "--size", "64", "--seconds", "1"),
        ("gallery", tmp_path / "run"),
        ("export", tmp_path / "run", "--skill", "0"),
        ("evaluate", tmp_path / "run"),
    ):
        done = skills(tmp_path, *command)
        assert done.returncode == 0, done.stderr
    assert read_json(tmp_path / "run" / "gallery" / "manifest.json")["skills"][0]["video"]
    ranked = read_json(tmp_path / "run" / "measures.json")["ranking"]
    assert set(ranked) == {"calibration 0.1", "calibration 0"}
