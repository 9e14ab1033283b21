"""Skills as people use them: found, switched, composed. One small real run, and the command line in this process."""

import json
import re
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import minari
import numpy as np
import pytest
from commands import Done
from commands import skills as command
from conftest import TINY_SETTINGS
from constant import constant_run

import skills
from skills.errors import PARTLY_DONE, USAGE
from skills.playing.rollout import Rollouts

K = 4


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
            "halfcheetah-medium",
            preset="smoke",
            skills=K,
            set=TINY_SETTINGS,
            run=home / "runs" / "cheetah",
            progress=False,
        )


def asked(home: Path, *arguments: object) -> Done:
    done = command(home, *arguments)
    assert done.returncode == 0, done.stderr
    return done


def test_find_lists_the_skills_best_first_with_the_command_that_films_each(run, home) -> None:
    printed = asked(home, "find", "cheetah", "--reward", "vx - energy").stdout.splitlines()
    found = skills.find(run, "vx - energy")
    assert [int(line.split()[0]) for line in printed[1 : K + 1]] == [one.skill for one in found]
    assert f"skills render {run.path} --skill {found[0].skill}" in printed[1]
    assert sorted(one.skill for one in found) == list(range(K))
    expected = [one.expected for one in found]
    assert expected == sorted(expected, reverse=True)


def test_what_a_class_is_worth_is_what_the_data_hold(run) -> None:
    """Of one class by hand: the mean of the windows' means whose middle is of the class."""
    data = [episode for episode in skills.load(run.path).dataset(skill=0)]
    labels, worth = [], []
    for episode in data:
        speed = np.asarray(episode.observations)[1:, 8].astype(np.float32)
        classes = run.classify(episode.observations[:-1], episode.actions, episode.observations[1:])
        window = 32
        for first in range(0, max(len(speed) - window, 0) + 1, 8):
            part = slice(first, min(first + window, len(speed)))
            labels.append(classes[(part.start + (part.stop - part.start) // 2)])
            worth.append(speed[part].mean())
    for one in skills.find(run, "vx"):
        mine = np.asarray(worth)[np.asarray(labels) == one.skill]
        assert one.windows == len(mine)
        assert one.in_class == pytest.approx(mine.mean(), rel=1e-4)


def test_what_is_expected_is_what_the_rollouts_did(run) -> None:
    """By hand from where they went: the way over the time, of all rollouts of a skill."""
    played = Rollouts.load(run.path / "rollouts" / "rollouts.npz")
    for one in skills.find(run, "vx"):
        assert one.rollouts == played.qpos.shape[1]
        assert one.expected == pytest.approx(played.speed[one.skill].mean(), abs=0.05)  # of velocities at steps' ends


def test_find_says_what_its_numbers_are_means_of(run, home) -> None:
    printed = asked(home, "find", "cheetah", "--reward", "vx").stdout
    assert "in its class" in printed.splitlines()[0]
    assert re.search(r"Expected is what a skill did in the first \S+ s of \w+ rollouts", printed)


def test_find_says_the_quantities_of_a_goal_and_json_is_all_of_stdout(run, home) -> None:
    document = json.loads(asked(home, "find", "cheetah", "--goal", "vx=1.5, height=1.2", "--json").stdout)
    assert document["schema_version"] == 1
    assert document["task"] == "vx=1.5, height=1.2"
    assert set(document["skills"][0]["values"]) == {"vx", "height"}
    assert document["skills"][0]["verified"] is None
    assert document["data"]["best"] >= document["skills"][0]["expected"]


def test_verify_puts_what_achieves_most_first(run, home) -> None:
    document = json.loads(asked(home, "find", "cheetah", "--reward", "-vx", "--verify", "3", "--json", "-q").stdout)
    promised = json.loads(asked(home, "find", "cheetah", "--reward", "-vx", "--json").stdout)
    best, rest = ([one["skill"] for one in promised["skills"]][part] for part in (slice(3), slice(3, None)))
    achieved = [one["verified"]["achieved"]["value"] for one in document["skills"][:3]]
    assert achieved == sorted(achieved, reverse=True)
    found = [one["skill"] for one in document["skills"]]
    assert sorted(found[:3]) == sorted(best)
    assert found[3:] == rest


def test_verify_plays_and_says_achieved_over_predicted(run, home) -> None:
    document = json.loads(asked(home, "find", "cheetah", "--reward", "-vx", "--verify", "2", "--json", "-q").stdout)
    first, second, *rest = document["skills"]
    for one in (first, second):
        found = one["verified"]
        assert found["skill"] == one["skill"]
        assert found["achieved"]["low"] <= found["achieved"]["value"] <= found["achieved"]["high"]
        assert 0 < found["survival"] <= 1
    assert all(one["verified"] is None for one in rest)
    gain = first["expected"] - document["data"]["mean"]
    assert gain > 0  # skills that have hardly learned are slower than the data
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
    done = command(home, "find", "cheetah", *arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert said in done.stderr


def test_help_names_every_quantity_with_its_unit(home) -> None:
    printed = asked(home, "find", "--help").stdout
    assert "vx, m/s: velocity of the torso" in printed
    assert "yaw_rate, rad/s" in printed


@pytest.fixture(scope="module")
def switched(run, home) -> dict[str, Any]:
    """What `skills transitions` prints as JSON."""
    return json.loads(asked(home, "transitions", "cheetah", "--seconds", "1", "--starts", "2", "--json", "-q").stdout)


def test_transitions_say_where_one_can_safely_go_and_the_page_shows_it(run, home, switched) -> None:
    assert switched["schema_version"] == 1
    assert len(switched["survived"]) == len(switched["safe"]) == K
    assert all(len(row) == K for row in switched["times"])
    page = json.loads((run.path / "gallery" / "manifest.json").read_text())
    assert len(page["switches"]["table"]) == K * K
    assert page["switches"]["seconds"] == 1.0
    printed = asked(home, "transitions", "cheetah", "--seconds", "1", "--starts", "2").stdout.splitlines()
    assert [line.split()[0] for line in printed[1 : K + 1]] == [str(skill) for skill in range(K)]
    assert printed[-1] == str(run.path / "gallery" / "index.html")


def test_compose_films_a_sequence_with_a_frame_for_every_moment(run, home, tmp_path) -> None:
    film = tmp_path / "it.mp4"
    done = command(home, "compose", "cheetah", "0*0.4s, 1*0.2s", "--out", film, "--size", "64", "--renderer", "ray")
    assert done.stdout.splitlines()[-1] == str(film)
    frames = imageio.mimread(film, memtest=False)
    assert frames[0].shape == (64, 64, 3)
    assert len(frames) == 12 + 1  # 0.6 s in steps of 0.05 s, a picture each, and the start
    assert done.returncode == 0


def test_a_fall_ends_the_film_and_is_said(home, tmp_path) -> None:
    folder = constant_run(tmp_path / "run", "Hopper-v5", [1.0, -1.0])
    film = tmp_path / "it.gif"
    done = command(home, "compose", folder.path, "0*5s", "--out", film, "--size", "64", "--renderer", "ray", "-q")
    assert done.returncode == PARTLY_DONE
    assert re.search(r"The body (falls|tips over|leaps too high) at \d\.\d s", done.stderr)
    assert film.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("0*1s", "--out", "it.txt"), "no known format"),
        (("9*1s",), "no skill 9"),
        (("zero",), "is no part of a sequence"),
        (("0*1s", "--size", "70"), "multiples of 16"),
    ],
)
def test_a_wrong_sequence_films_nothing(run, home, arguments, said) -> None:
    done = command(home, "compose", "cheetah", *arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert said in done.stderr


def test_plan_says_predicted_and_achieved_beside_the_best_single_skill(run, home, switched) -> None:
    done = asked(home, "plan", "cheetah", "--goal", "vx=0.5", "--seconds", "2", "--json", "-q")
    document = json.loads(done.stdout)
    for one in (document["plan"], document["single"]):
        assert one["achieved"]["low"] <= one["achieved"]["value"] <= one["achieved"]["high"]
        assert 0 < one["survival"] <= 1
        assert set(one["means"]) == {"vx"}
    assert document["plan"]["predicted"] >= document["single"]["predicted"]
    printed = asked(home, "plan", "cheetah", "--goal", "vx=0.5", "--seconds", "2", "-q").stdout
    assert f'skills compose {run.path} "{document["plan"]["sequence"]}"' in printed


def test_export_of_all_says_in_a_file_beside_it_what_each_skill_does(run, home, switched) -> None:
    pytest.importorskip("onnxscript", reason="onnxscript is installed with the extra `test`")
    done = asked(home, "export", "cheetah", "--all", "--force", "--json", "-q")
    document = json.loads(done.stdout)
    assert document["choice"] == {"name": "skill", "shape": ["batch"], "type": "int64"}
    about = json.loads(Path(document["behaviours"]).read_text())
    assert Path(document["behaviours"]).parent == Path(document["file"]).parent == run.path / "export"
    assert about["env_id"] == "HalfCheetah-v5"
    assert about["seconds_per_step"] == pytest.approx(0.05)
    assert about["action"] == {"low": [-1.0] * 6, "high": [1.0] * 6}
    assert [one["label"] for one in about["skills"]] == [skill.label for skill in run.skills]
    assert [[other["skill"] for other in one["safe"]] for one in about["skills"]] == switched["safe"]
    assert sorted(skill for one in about["behaviours"] for skill in one["skills"]) == list(range(K))
    wrong = command(home, "export", "cheetah", "--all", "--skill", "1")
    assert wrong.returncode == USAGE
    mine = home / "mine" / "behaviours.json"
    mine.parent.mkdir()
    mine.write_text("notes")
    beside = command(home, "export", "cheetah", "--all", "--out", mine.with_name("x.onnx"))
    assert beside.returncode == USAGE
    assert f"{mine} is there already; it is left as it is." in beside.stderr
    assert [path.name for path in mine.parent.iterdir()] == ["behaviours.json"]
    assert mine.read_text() == "notes"


@pytest.fixture
def strange(run, home) -> Path:
    """A log that the run has not seen: twelve of its episodes, the seventh with a sensor that is dead."""
    data = list(run.dataset(skill=0))[:3]
    length = 80
    parts = [
        (one.observations[first : first + length + 1], one.actions[first : first + length])
        for one in data
        for first in range(0, 4 * length, length)
    ]
    observations = np.stack([states[:-1] for states, _ in parts])
    after = np.stack([states[1:] for states, _ in parts])
    observations[6, :, 3] = after[6, :, 3] = 2.0
    ends = np.tile(np.arange(length) == length - 1, len(parts))
    path = home / "strange.npz"
    np.savez(
        path, observations=observations.reshape(-1, 17), next_observations=after.reshape(-1, 17),
        actions=np.concatenate([actions for _, actions in parts]), timeouts=ends,
    )  # fmt: skip
    return path


def test_segment_says_which_behaviour_each_step_is_the_unusual_episode_first(run, home, strange) -> None:
    table = home / "strange.csv"
    document = json.loads(asked(home, "segment", "cheetah", strange, "--csv", table, "--json", "-q").stdout)
    assert document["episodes"][0]["episode"] == 6
    assert document["episodes"][0]["unusual"] > 2 * document["episodes"][1]["unusual"]
    assert sum(one["share"] for one in document["behaviours"]) == pytest.approx(1.0)
    lines = table.read_text().splitlines()
    assert lines[0] == "episode,step,skill,behaviour,surprise"
    assert len(lines) == 1 + 12 * 80
    assert lines[1 + 80].startswith("1,0,")
    steps = np.load(strange)
    first = {name: steps[name][:80] for name in steps.files}
    classes = run.classify(first["observations"], first["actions"], first["next_observations"])
    assert [int(line.split(",")[2]) for line in lines[1:81]] == classes.tolist()
    page = Path(document["page"]).read_text()
    assert page.index('aria-label="Episode 6"') < page.index('aria-label="Episode 0"')
    assert page.count('aria-label="Episode') == 12
    assert page.count("<title>") > 12


def test_segment_writes_what_it_found_into_a_minari_dataset(run, home) -> None:
    done = asked(home, "segment", "cheetah", "--minari", "mine/cut-v0", "-q")
    assert Path(done.stdout.splitlines()[-1]) == run.path / "segments" / "skills-halfcheetah-medium-v0.html"
    own, cut = minari.load_dataset("skills/halfcheetah/medium-v0"), minari.load_dataset("mine/cut-v0")
    for before, after in zip(own, cut, strict=True):
        np.testing.assert_array_equal(before.actions, after.actions)
        np.testing.assert_array_equal(before.rewards, after.rewards)
        assert after.infos["behaviour"].shape == after.rewards.shape
    first = next(iter(cut))
    classes = run.classify(first.observations[:-1], first.actions, first.observations[1:])
    assert (first.infos["skill"] == classes).mean() > 0.99
    again = command(home, "segment", "cheetah", "--minari", "mine/cut-v0")
    assert again.returncode == USAGE
    assert "There is a dataset mine/cut-v0 already" in again.stderr


def test_a_log_of_another_body_is_refused(run, home) -> None:
    done = command(home, "segment", "cheetah", "hopper-random")
    assert done.returncode == USAGE
    assert "is of Hopper-v5" in done.stderr
