"""The data of a run belong to it: whatever else its name stands for by now, that is what is read, or it is refused."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import minari
import numpy as np
import pytest
from commands import Done, skills
from conftest import TINY_STAGES, play_randomly

from skills.data import catalog
from skills.data.made import embedded
from skills.data.minari_root import minari_root
from skills.discovery import discover
from skills.evaluation import ablate, plots
from skills.evaluation.evaluate import evaluate
from skills.learning.matrix import LABELS
from skills.measures import intervals
from skills.progress import silent_reporter
from skills.runs.configure import make_config
from skills.runs.folder import RunFolder, open_or_create, open_run
from skills.settings.config import DataConfig

DATASET, MADE, OFFICIAL = "hopper-medium", "skills/hopper/medium-v0", "mujoco/hopper/medium-v0"
ROWS = 2000


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny run of a set made here, and another set of the same body."""
    home = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(home / "minari"))
        config = replace(make_config(DATASET, preset="smoke"), skills=3, data=DataConfig(steps=ROWS), **TINY_STAGES)
        run = open_or_create(home / "runs" / "one", config)
        with run.writing():
            discover(run, source="auto", reporter=silent_reporter, notify=print)
        embedded.make(catalog.resolve("hopper-expert"), ROWS)
    return home


@pytest.fixture
def home(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to be spoilt."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(intervals, "DRAWS", 20)
    return tmp_path


@pytest.fixture
def run(home: Path) -> RunFolder:
    return open_run(home / "runs" / "one")


def put_in_place_of(minari_id: str) -> None:
    """Other rows of the same body under that id."""
    target = minari_root() / minari_id
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(minari_root() / "skills/hopper/expert-v0", target)


def flip(path: Path, place: int = -100) -> None:
    """Another value of one bit."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def flip_stored(name: str) -> None:
    """The same of a number of the dataset."""
    with h5py.File(minari_root() / MADE / "data" / "main_data.hdf5", "a") as file:
        stored = file["episode_0"][name]
        values = stored[()]
        values.reshape(-1).view(np.uint8)[5] ^= 1
        stored[()] = values


def learned_from(run: RunFolder) -> tuple[str, int]:
    dataset = run.manifest["dataset"]
    return dataset["minari_id"], dataset["steps"]


def test_seeds_ablations_and_plots_learn_from_the_run_s_own_rows(home: Path, run: RunFolder) -> None:
    put_in_place_of(OFFICIAL)  # as if it had been downloaded since
    with run.writing():
        evaluate(run, against=(), seeds=2, reporter=silent_reporter, notify=print)
        cases = ablate.cases("data", run.config, ROWS, [50])
        ablate.ablate(run, cases, "data", silent_reporter, print)
        plots.make(run, silent_reporter)
    half = open_run(run.evaluation_folder / "ablation-data" / "50-percent")
    assert learned_from(half) == (MADE, ROWS // 2)
    assert half.manifest["part_of"] == run.manifest["dataset"]
    others = [open_run(path) for path in run.inner_runs()]
    assert {made.path.name for made in others} == {"seed-2", "returns-calibrated", "returns-uncalibrated"}
    for made in others:
        assert made.manifest["dataset"] == run.manifest["dataset"]


def test_half_of_the_rows_are_those_that_are_read_when_half_is_asked_for(run: RunFolder, home: Path) -> None:
    from skills.data import sources

    whole, half = (sources.load(DATASET, source="local", steps=steps) for steps in (ROWS, ROWS // 2))
    assert whole.first(ROWS // 2).digest == half.digest
    assert whole.first(ROWS).digest == whole.digest == run.manifest["dataset"]["digest"]


@pytest.mark.parametrize("what", ["label", "evaluate", "plot", "ablate"])
def test_other_rows_in_the_place_of_the_run_s_are_refused(home: Path, run: RunFolder, what: str) -> None:
    put_in_place_of(MADE)
    done = COMMANDS[what](home)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert f"The data of {MADE} are not what this run began with" in done.stderr
    assert not (minari_root() / "mine").exists()


@pytest.mark.parametrize("name", ["rewards", "observations"])
def test_a_bit_of_the_dataset_that_is_another_is_found(home: Path, run: RunFolder, name: str) -> None:
    flip_stored(name)
    done = COMMANDS["label"](home)
    assert done.returncode == 1
    what = "rewards" if name == "rewards" else "data"
    assert f"The {what} of {MADE} are not what this run began with" in done.stderr


@pytest.mark.parametrize(
    ("what", "file"),
    [
        ("label", f"rewards/{LABELS}"),
        ("export", "policy/weights.safetensors"),
        ("evaluate", "experts.npz"),
        ("evaluate", "policy/weights.safetensors"),
        ("plot", f"rewards/{LABELS}"),
        ("ablate", "experts.npz"),
        ("render", "rollouts/rollouts.npz"),
        ("gallery", "rollouts/rollouts.npz"),
    ],
)
def test_a_bit_of_the_run_that_is_another_is_found_and_mended(home: Path, run: RunFolder, what: str, file: str) -> None:
    before = (run.path / file).read_bytes()
    flip(run.path / file)
    done = COMMANDS[what](home)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert f"{file} is damaged, or not what this run made" in done.stderr
    assert f"skills discover --run {run.path}" in done.stderr
    with run.writing():
        discover(run, source="auto", reporter=silent_reporter, notify=print)
    assert (run.path / file).read_bytes() == before


COMMANDS: dict[str, Callable[[Path], Done]] = {
    "label": lambda home: skills(home, "label", "one", "--skill", 1, "--out", "mine/labelled-v0", "-q"),
    "export": lambda home: skills(home, "export", "one", "--skill", 1, "-q"),
    "evaluate": lambda home: skills(home, "evaluate", "one", "--against", "none", "-q"),
    "plot": lambda home: skills(home, "plot", "one", "-q"),
    "ablate": lambda home: skills(home, "ablate", "data", "one", "--values", "50", "-q"),
    "render": lambda home: skills(home, "render", "one", "--skill", "0", "-q"),
    "gallery": lambda home: skills(home, "gallery", "one"),
}


def test_an_ant_without_contact_forces_keeps_its_columns(home: Path) -> None:
    """As Ant-v4 and D4RL's: what is written for others speaks of 27 columns, and so does the environment it names."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is installed with the extra `test`")
    played = play_randomly("Ant-v5", episodes=6, steps=60)
    ends = np.append(played.episode_starts[1:], len(played)) - 1
    arrays = {"observations": played.observations[:, :27], "next_observations": played.next_observations[:, :27]}
    arrays |= {"actions": played.actions, "rewards": played.rewards, "terminals": played.terminated}
    timeouts = np.zeros(len(played), bool)
    timeouts[ends] = ~played.terminated[ends]
    np.savez(home / "ant.npz", timeouts=timeouts, **arrays)
    assert skills(home, "data", "import", home / "ant.npz", "--env", "Ant-v5", "--name", "mine/ant-v0").returncode == 0
    config = replace(make_config("mine/ant-v0", preset="smoke"), skills=2, data=DataConfig(), **TINY_STAGES)
    run = open_or_create(home / "runs" / "ant", config)
    with run.writing():
        discover(run, source="auto", reporter=silent_reporter, notify=print)
    assert run.manifest["dataset"]["columns"] == 27
    done = skills(home, "export", "ant", "--skill", 0, "-q")
    assert "[batch, 27] float32, as the dataset's environment gives it" in done.stdout
    session = onnxruntime.InferenceSession(run.exported_file(0))
    assert [(one.name, one.shape) for one in session.get_inputs()] == [("observation", ["batch", 27])]
    assert session.run(None, {"observation": played.observations[:5, :27]})[0].shape == (5, 8)
    assert skills(home, "label", "ant", "--skill", 0, "--out", "mine/labelled-v0", "-q").returncode == 0
    labelled = minari.load_dataset("mine/labelled-v0")
    assert labelled.observation_space.shape == (27,)
    assert labelled.recover_environment().observation_space.shape == (27,)
    np.testing.assert_array_equal(labelled[0].observations[:-1], arrays["observations"][: len(labelled[0].rewards)])
