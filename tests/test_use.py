"""Skills as people use them: found, switched, composed. One small real run, and the command line in this process."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import Done
from commands import skills as command

import skills
from skills.errors import USAGE

K = 4
TINY = {
    "data.steps": 3000,
    "experts.max_iterations": 5,
    "reward.hidden": 16,
    "reward.iterations": 40,
    "policy.steps": 60,
    "rollout.horizon": 60,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("use")


@pytest.fixture(autouse=True)
def _shared(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(home / "minari"))
    monkeypatch.setenv("SKILLS_RUNS", str(home / "runs"))


@pytest.fixture(scope="module")
def run(home: Path) -> skills.Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(home / "minari"))
        return skills.discover(
            "hopper-medium",
            preset="smoke",
            skills=K,
            set=TINY,
            run=home / "runs" / "hopper",
            progress=False,
        )


def asked(home: Path, *arguments: object) -> Done:
    done = command(home, *arguments)
    assert done.returncode == 0, done.stderr
    return done


def test_find_lists_the_skills_best_first_with_the_command_that_films_each(run, home) -> None:
    printed = asked(home, "find", "hopper", "--reward", "vx - energy").stdout.splitlines()
    found = skills.find(run, "vx - energy")
    assert [int(line.split()[0]) for line in printed[1 : K + 1]] == [one.skill for one in found]
    assert f"skills render {run.path} --skill {found[0].skill}" in printed[1]
    assert sorted(one.skill for one in found) == list(range(K))
    expected = [one.expected for one in found]
    assert expected == sorted(expected, reverse=True)


def test_what_is_expected_is_what_the_data_hold(run) -> None:
    """Of one class by hand: the mean of the windows' means whose middle is of the class."""
    data = [episode for episode in skills.load(run.path).dataset(skill=0)]
    labels, worth = [], []
    for episode in data:
        speed = np.asarray(episode.observations)[1:, 5].astype(np.float32)
        classes = run.classify(episode.observations[:-1], episode.actions, episode.observations[1:])
        window = 200
        for first in range(0, max(len(speed) - window, 0) + 1, 8):
            part = slice(first, min(first + window, len(speed)))
            labels.append(classes[(part.start + (part.stop - part.start) // 2)])
            worth.append(speed[part].mean())
    for one in skills.find(run, "vx"):
        mine = np.asarray(worth)[np.asarray(labels) == one.skill]
        assert one.windows == len(mine)
        assert one.expected == pytest.approx(mine.mean(), rel=1e-4)


def test_find_says_the_quantities_of_a_goal_and_json_is_all_of_stdout(run, home) -> None:
    document = json.loads(asked(home, "find", "hopper", "--goal", "vx=1.5, height=1.2", "--json").stdout)
    assert document["schema_version"] == 1
    assert document["task"] == "vx=1.5, height=1.2"
    assert set(document["skills"][0]["values"]) == {"vx", "height"}
    assert document["skills"][0]["verified"] is None
    assert document["data"]["best"] >= document["skills"][0]["expected"]


def test_verify_plays_and_says_achieved_over_predicted(run, home) -> None:
    document = json.loads(asked(home, "find", "hopper", "--reward", "vx", "--verify", "2", "--json", "-q").stdout)
    first, second, *rest = document["skills"]
    for one in (first, second):
        found = one["verified"]
        assert found["skill"] == one["skill"]
        assert found["achieved"]["low"] <= found["achieved"]["value"] <= found["achieved"]["high"]
        assert 0 < found["survival"] <= 1
    assert all(one["verified"] is None for one in rest)
    gain = first["expected"] - document["data"]["mean"]
    share = (first["verified"]["achieved"]["value"] - document["data"]["mean"]) / gain
    assert first["verified"]["over_predicted"]["value"] == pytest.approx(share)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Neither a reward nor a goal"),
        (("--reward", "vx", "--goal", "vx=1"), "Both a reward and a goal"),
        (("--reward", "open('x')"), "There is no function 'open'"),
        (("--reward", "v"), "There is no quantity 'v'"),
        (("--goal", "vx"), "is no goal"),
        (("--reward", "vx", "--top", "0"), "lists nothing"),
    ],
)
def test_a_wrong_search_says_what_is_right(run, home, arguments, said) -> None:
    done = command(home, "find", "hopper", *arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert said in done.stderr


def test_help_names_every_quantity_with_its_unit(home) -> None:
    printed = asked(home, "find", "--help").stdout
    assert "vx, m/s: velocity of the torso" in printed
    assert "yaw_rate, rad/s" in printed
