"""Cases out of other people's bug reports, as scripts beside this checkout: the right result, or one clear message.

A script makes its file or its dataset here; what the program then says of it, or stores, is compared with the file.
"""

import os
import re
import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import gymnasium
import h5py
import minari
import numpy as np
import pytest
from commands import COMMAND, Done, skills
from minari.data_collector import EpisodeBuffer

from skills.files import Arrays
from skills.runs.folder import open_run

CASES = Path(__file__).parents[2] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not beside this checkout")
SMOKE = ("--preset", "smoke", "--skills", "2", "--no-videos", "-q", "--set", "reward.iterations=10")
SHORT = (*SMOKE, "--set", "policy.steps=20", "--set", "rollout.horizon=20", "--set", "data.steps=1000")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, as the scripts want it, with a `skills` on the PATH that is the one that is tested."""
    for name in ("in", "runs", "nohome", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "cases").symlink_to(CASES)
    command = tmp_path / "bin" / "skills"
    command.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    command.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    return tmp_path


def made(place: Path, name: str) -> None:
    """Runs a script that makes something; what it calls `./` is the place."""
    script = place / name
    script.write_text((CASES / name).read_text().replace('"./', f'"{place}/'))
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(sys, "argv", [name])
        patch.setattr(sys, "path", list(sys.path))
        runpy.run_path(str(script), run_name="__main__")


def shell(name: str, *arguments: str, **variables: str) -> str:
    """Runs a script that calls `skills`; returns what it says."""
    done = subprocess.run(
        ["bash", str(CASES / name), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **variables},
        timeout=900,
        check=False,
    )
    assert "Traceback" not in done.stdout
    assert "fault of skills" not in done.stdout
    return done.stdout


def one_message(done: Done, *words: str) -> None:
    """A command that is refused says so once, in a few lines, with these words."""
    assert done.returncode not in (0, 70), done.stdout
    assert done.stderr.count("error: ") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 10
    for word in words:
        assert re.search(word, done.stderr), done.stderr


def rows(minari_id: str) -> Arrays:
    """What is stored, as rows."""
    episodes = list(minari.load_dataset(minari_id).iterate_episodes())
    return {
        "observations": np.concatenate([one.observations[:-1] for one in episodes]),
        "next_observations": np.concatenate([one.observations[1:] for one in episodes]),
        "actions": np.concatenate([one.actions for one in episodes]),
        "rewards": np.concatenate([one.rewards for one in episodes]),
    }


def assert_as_in(file: Path, minari_id: str, order: np.ndarray | None = None) -> None:
    """Every row is stored as the file has it, its next state too.   order: of the file's rows."""
    stored = rows(minari_id)
    with np.load(file) as given:
        for name, column in stored.items():
            np.testing.assert_allclose(column, given[name][order if order is not None else ...], atol=1e-5)


def test_01_next_states_of_the_file_cut_episodes_that_nothing_ends(place: Path) -> None:
    made(place, "01_no_timeouts_but_next_observations.py")
    done = skills(place, "data", "import", "in/01.npz", "--env", "HalfCheetah-v5", "--name", "bugs/case01-v0")
    assert done.returncode == 0, done.stderr
    assert "3 episodes, the longest of 299 rows" in done.stderr
    assert_as_in(place / "in" / "01.npz", "bugs/case01-v0")


def test_03_dones_end_episodes(place: Path) -> None:
    made(place, "03_dones.py")
    done = skills(place, "data", "import", "in/03.npz", "--env", "Hopper-v5", "--name", "bugs/case03-v0")
    assert done.returncode == 0, done.stderr
    assert_as_in(place / "in" / "03.npz", "bugs/case03-v0")
    episodes = list(minari.load_dataset("bugs/case03-v0").iterate_episodes())
    assert [bool(one.terminations[-1]) for one in episodes] == [True] * 20


def test_04_rows_of_environments_that_take_turns_are_refused_with_what_takes_them_apart(place: Path) -> None:
    made(place, "04_interleaved_vector_env.py")
    words = ("data", "import", "in/04.npz", "--env", "HalfCheetah-v5", "--name", "bugs/case04-v0")
    one_message(skills(place, *words), "4 environments that take turns", "--interleaved 4")
    done = skills(place, *words, "--interleaved", "4")
    assert done.returncode == 0, done.stderr
    assert_as_in(place / "in" / "04.npz", "bugs/case04-v0", np.arange(1000).reshape(250, 4).T.ravel())


def record(minari_id: str, env: gymnasium.Env, episodes: int) -> None:
    """Stores random episodes of an environment, as the scripts do with a collector that needs another package."""
    env.action_space.seed(0)
    buffers = []
    for seed in range(episodes):
        states, actions, done = [env.reset(seed=seed)[0]], [], False
        rewards, ends = [], []
        while not done:
            actions.append(env.action_space.sample())
            state, reward, terminated, truncated, _ = env.step(actions[-1])
            states.append(state)
            rewards.append(reward)
            ends.append((terminated, truncated))
            done = terminated or truncated
        named = isinstance(states[0], dict)
        together = {key: np.stack([one[key] for one in states]) for key in states[0]} if named else np.stack(states)
        flags = np.array(ends)
        buffers.append(
            EpisodeBuffer(
                observations=together, actions=np.stack(actions), rewards=np.array(rewards),
                terminations=flags[:, 0], truncations=flags[:, 1],
            )
        )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minari.create_dataset_from_buffers(minari_id, buffers, env=env)


@pytest.mark.parametrize("argument", [None, "frame_skip", "xml_file"])
def test_07_what_a_spec_says_is_played_or_refused_by_name(place: Path, argument: str | None) -> None:
    body = (Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "hopper.xml").read_text()
    (place / "long_hopper.xml").write_text(body.replace('gear="200.0"', 'gear="60.0"').replace("1000", "300"))
    arguments = {"frame_skip": {"frame_skip": 1}, "xml_file": {"xml_file": str(place / "long_hopper.xml")}}
    record("bugs/other-v0", gymnasium.make("Hopper-v5", **arguments.get(argument, {})), 60)
    done = skills(place, "discover", "bugs/other-v0", *SHORT, "--run", "runs/other")
    if argument is None:
        assert done.returncode == 0, done.stderr
    elif done.returncode == 0:
        assert argument in str(open_run(place / "runs" / "other").manifest), "it is played as its spec says"
    else:
        one_message(done, argument)


def test_09_a_maze_is_the_one_of_the_spec(place: Path) -> None:
    robotics = pytest.importorskip("gymnasium_robotics", reason="mazes need gymnasium-robotics")
    gymnasium.register_envs(robotics)
    mirrored = [[1, 1, 1, 1, 1], [1, "r", 0, 0, 1], [1, 0, 1, 1, 1], [1, 0, 0, "g", 1], [1, 1, 1, 1, 1]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the next version of the maze is out
        env = gymnasium.make("AntMaze_UMaze-v4", maze_map=mirrored, max_episode_steps=100)
    record("bugs/mirrored-v0", env, 12)
    done = skills(place, "discover", "bugs/mirrored-v0", *SHORT, "--run", "runs/mirrored")
    if done.returncode == 0:
        assert "maze_map" in str(open_run(place / "runs" / "mirrored").manifest)
    else:
        one_message(done, "maze")


def imported(place: Path) -> None:
    """`bugs/rows-v0`: 150 random episodes of a hopper."""
    made(place, "00_make_hopper.py")
    done = skills(place, "data", "import", "in/hopper.npz", "--env", "Hopper-v5", "--name", "bugs/rows-v0")
    assert done.returncode == 0, done.stderr
    assert_as_in(place / "in" / "hopper.npz", "bugs/rows-v0")


def test_11_a_set_that_another_process_writes_is_busy_not_damaged(place: Path) -> None:
    imported(place)
    with h5py.File(place / "minari" / "bugs" / "rows-v0" / "data" / "main_data.hdf5", "a"):
        # a process of its own: HDF5's locks are between processes
        done = subprocess.run([*COMMAND, "data", "show", "bugs/rows-v0"], capture_output=True, text=True, check=False,
                              env={**os.environ, "MINARI_DATASETS_PATH": str(place / "minari")})  # fmt: skip
    one_message(done, "(?i)another program|another process|busy|in use")
    assert not re.search("(?i)damaged|delete", done.stderr)
    assert skills(place, "data", "show", "bugs/rows-v0").returncode == 0


def test_12_a_filter_that_is_not_here_is_named(place: Path) -> None:
    """The script needs a package to write with; these are the same bytes for who has it not: a filter 32015, zstd."""
    made(place, "00_make_hopper.py")
    with np.load(place / "in" / "hopper.npz") as given, h5py.File(place / "in" / "12.hdf5", "w") as file:
        for name in given.files:
            array = given[name].astype(np.uint8) if given[name].dtype == bool else given[name]
            settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            settings.set_chunk(array.shape)
            settings.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))
            space, kind = h5py.h5s.create_simple(array.shape), h5py.h5t.py_create(array.dtype)
            made_set = h5py.h5d.create(file.id, name.encode(), kind, space, settings)
            h5py.Dataset(made_set).id.write_direct_chunk((0,) * array.ndim, array.tobytes(), filter_mask=0)
    done = skills(place, "data", "import", "in/12.hdf5", "--env", "Hopper-v5", "--name", "bugs/case12-v0")
    one_message(done, "(?i)filter|plugin", "hdf5plugin|zstd|32015")
    assert not re.search("(?i)damaged", done.stderr)


def test_13_objects_beside_good_arrays_are_left_out(place: Path) -> None:
    made(place, "00_make_hopper.py")
    made(place, "13_object_infos.py")
    done = skills(place, "data", "import", "in/13.npz", "--env", "Hopper-v5", "--name", "bugs/case13-v0")
    assert done.returncode == 0, done.stderr
    assert "infos" in done.stderr
    assert_as_in(place / "in" / "13.npz", "bugs/case13-v0")


def test_16b_a_relative_root_is_one_place(place: Path) -> None:
    made(place, "00_make_hopper.py")
    script = (CASES / "16b_relative_root.sh").read_text().replace("./in/", f"{place}/in/")
    script = script.replace("--run $D/run", "--run run " + " ".join(SHORT[4:])).replace("./relXXXX", f"{place}/relXXXX")
    (place / "16b.sh").write_text(script)
    said = subprocess.run(["bash", "16b.sh"], capture_output=True, text=True, check=False, env=dict(os.environ))
    for command in ("make", "import", "discover"):
        assert f"{command}: exit 0" in said.stdout, said.stderr
    folder = next(place.glob("rel*"))
    assert (folder / "mindata" / "skills" / "hopper" / "random-v0").is_dir()
    assert (folder / "mindata" / "mine" / "a-v0").is_dir()


def test_17_no_home_is_no_trouble_or_one_message(place: Path) -> None:
    said = shell("17_no_home.sh", DROP="")
    for part in said.split("--- skills ")[1:]:
        assert re.search(r"exit [01234]\b", part), part
    assert "exit 0" in said.split("--- skills --version")[1].splitlines()[1]


def test_20_another_programs_mujoco_gl_is_no_trouble(place: Path) -> None:
    said = shell("20_mujoco_gl.sh")
    for value in ("osmesa", "egl", "glfw", "mesa"):
        assert re.search(rf"MUJOCO_GL={value} skills data make hopper-random --steps 300 -q: exit 0", said), said
        assert re.search(rf"MUJOCO_GL={value} skills doctor: exit [04]", said), said


def test_21_rewards_that_are_no_numbers_are_said(place: Path) -> None:
    (place / "minari").mkdir(exist_ok=True)
    made(place, "21_nan_reward.py")
    for name, value in (("nan", "(?i)nan"), ("inf", "(?i)inf")):
        shown = skills(place, "data", "show", f"bugs/{name}-v0")
        assert "Traceback" not in shown.stderr
        assert re.search(value, shown.stdout + shown.stderr)
        assert "NaN" not in skills(place, "data", "show", f"bugs/{name}-v0", "--json").stdout
        one_message(skills(place, "discover", f"bugs/{name}-v0", *SHORT), "NaN or infinity in rewards")
    assert not list((place / "runs").rglob("manifest.json"))


def test_24_old_names_say_the_new_ones(place: Path) -> None:
    made(place, "00_make_hopper.py")
    for name in ("Hopper-v2", "Hopper-v3", "Hopper-v4", "hopper-medium-v2", "Hopper"):
        minari_id = f"bugs/{name.lower()}-of-old-v0"
        done = skills(place, "data", "import", "in/hopper.npz", "--env", name, "--name", minari_id)
        if done.returncode == 0:  # Gymnasium has it; it cannot be played here
            done = skills(place, "discover", minari_id, *SHORT, "--run", "runs/old")
        if name == "Hopper-v4":  # which Gymnasium makes still
            assert done.returncode == 0, done.stderr
            continue
        one_message(done, "Hopper-v5")
    for name in ("Humanoid-v5", "CarRacing-v3", "mine:Hopper-v5"):
        done = skills(place, "data", "import", "in/hopper.npz", "--env", name, "--name", "bugs/old-v0")
        if done.returncode:
            one_message(done, re.escape(name))
        else:
            pytest.fail(f"rows of a hopper are imported as {name}")
    for name, other in (
        ("hopper-medium-v2", "hopper-medium"), ("door-human-v2", "door-human"), ("antmaze-umaze-v2", "antmaze-umaze"),
        ("halfcheetah-medium-expert-v2", "halfcheetah-medium-expert"), ("d4rl/hopper/medium-v2", "hopper"),
    ):  # fmt: skip
        done = skills(place, "discover", name, "--preset", "smoke", "--offline", "--no-videos", "--run", "runs/old")
        one_message(done, other)


def test_26_no_ffmpeg_is_said(place: Path) -> None:
    done = skills(place, "discover", "hopper-random", *SHORT, "--source", "embedded", "--run", "runs/filmed")
    assert done.returncode == 0, done.stderr
    said = shell(
        "26_no_ffmpeg.sh", "filmed", SKILLS_RUNS=str(place / "runs"), MINARI_DATASETS_PATH=str(place / "minari")
    )
    first, second = re.findall(r"exit (\d+)", said)
    assert first not in ("0", "70")
    assert re.search("(?i)ffmpeg", said.split("exit")[0]), said
    assert second == "2", "1080 is no multiple of 16"
    assert "multiples of 16" in said


def test_49_a_refused_set_does_not_hide_the_last_run(place: Path) -> None:
    (place / "minari").mkdir(exist_ok=True)
    made(place, "21_nan_reward.py")
    done = skills(place, "discover", "hopper-random", *SHORT, "--source", "embedded")
    assert done.returncode == 0, done.stderr
    one_message(skills(place, "discover", "bugs/inf-v0", *SHORT))
    page = skills(place, "gallery")
    assert page.returncode == 0, page.stderr
    assert "hopper-random" in page.stdout
    assert "inf" not in skills(place, "list").stdout


def test_50_an_exported_policy_takes_what_the_sets_environment_observes(place: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="exports need the extra `onnx`")
    made(place, "50_export_ant_without_contact_forces.py")
    words = ("data", "import", "in/50.npz", "--env", "Ant-v5", "--name", "bugs/ant27-v0")
    assert skills(place, *words).returncode == 0
    done = skills(place, "discover", "bugs/ant27-v0", *SHORT, "--run", "runs/R")
    assert done.returncode == 0, done.stderr
    done = skills(place, "export", "runs/R", "--skill", "0")
    assert done.returncode == 0, done.stderr
    session = onnxruntime.InferenceSession(done.stdout.strip().splitlines()[-1])
    assert session.get_inputs()[0].shape[-1] == 27
    with np.load(place / "in" / "50.npz") as given:
        action = session.run(None, {session.get_inputs()[0].name: given["observations"][:1]})[0]
    assert action.shape[-1] == 8
    assert np.abs(action).max() <= 1
