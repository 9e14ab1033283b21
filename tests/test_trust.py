"""A dataset names code; reading it runs none that is not an environment of a known or trusted package."""

import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import minari
import numpy as np
import pytest
from commands import skills
from files import hops, write
from gymnasium.spaces import Box
from hub import serving
from minari.data_collector import EpisodeBuffer
from naming_code import hostile, running, spec
from test_remote import point_at

from skills.data import importing, trust
from skills.data import minari as reader
from skills.data.hub import download
from skills.data.minari_root import minari_root
from skills.errors import USAGE, SkillsError

NAME = "other/hops-v0"
ROOT = Path(__file__).parents[1]


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that the code which datasets name here would make."""
    return tmp_path / "executed"


@pytest.fixture(autouse=True)
def _nothing_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(trust.VARIABLE, "")


def stored(**changes: Any) -> Path:
    """A Minari dataset of one short episode, some of its metadata changed; None takes one out."""
    rng = np.random.default_rng(0)
    buffer = EpisodeBuffer(
        observations=rng.normal(size=(31, 11)),
        actions=rng.uniform(-1, 1, (30, 3)).astype(np.float32),
        rewards=np.zeros(30),
        terminations=np.arange(30) == 29,
        truncations=np.zeros(30, bool),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minari.create_dataset_from_buffers(
            NAME, [buffer], env="Hopper-v5",
            observation_space=Box(-np.inf, np.inf, (11,)), action_space=Box(-1, 1, (3,)),
        )  # fmt: skip
    path = minari_root() / NAME / "data" / "metadata.json"
    metadata = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({name: value for name, value in metadata.items() if value is not None}))
    return path


@pytest.mark.parametrize("bare", [False, True], ids=["with spaces", "without"])
@pytest.mark.parametrize("what", hostile(""))
def test_code_that_a_dataset_names_is_refused_and_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marker: Path, what: str, bare: bool
) -> None:
    (tmp_path / "trap.py").write_text(f"open({str(marker)!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    stored(**hostile(marker)[what], **({"observation_space": None, "action_space": None} if bare else {}))
    with pytest.raises(SkillsError, match=f"{NAME} (says that|does not name)") as caught:
        reader.load(NAME, NAME, steps=None, columns="motion")
    assert "\n" not in caught.value.message
    assert not marker.exists()
    assert "trap" not in sys.modules


@pytest.mark.parametrize(
    "command",
    [
        ("data", "show", NAME),
        ("show", NAME),
        ("discover", NAME, "--preset", "smoke", "--no-videos"),
        ("discover", "hopper-random", "--preset", "smoke", "--no-videos", "--mode", "imitation", "--expert", NAME),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_no_command_runs_it(tmp_path: Path, marker: Path, command: tuple[str, ...]) -> None:
    stored(env_spec=spec(**running(marker)), observation_space=None)
    done = skills(tmp_path, *command)
    assert done.returncode != 0
    assert "'subprocess:run': code that is no environment of Gymnasium's. It was not run." in done.stderr
    assert "--trust subprocess" in done.stderr
    assert "Traceback" not in done.stderr
    assert not marker.exists()


def test_lists_read_only_what_is_said(tmp_path: Path, marker: Path) -> None:
    stored(env_spec=spec(**running(marker)), observation_space=None)
    assert NAME in skills(tmp_path, "data", "list").stdout
    assert not marker.exists()


@pytest.mark.parametrize("columns", [None, 27], ids=["its own", "another space's"])
def test_spaces_that_are_not_said_are_those_of_the_environment(tmp_path: Path, columns: int | None) -> None:
    changes: dict[str, Any] = {"observation_space": None, "action_space": None}
    if columns:
        ant = {"id": "Ant-v5", "entry_point": "gymnasium.envs.mujoco.ant_v5:AntEnv"}
        changes["env_spec"] = spec(**ant, kwargs={"include_cfrc_ext_in_observation": False})
    stored(**changes)
    opened = reader.open_dataset(NAME)
    assert opened.observation_space.shape == (columns or 11,)
    assert opened.action_space.shape == (8 if columns else 3,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"env_spec": None}, "does not say what its observations and actions are"),
        ({"env_spec": spec(additional_wrappers=[{"name": "T", "entry_point": "gymnasium.wrappers:TimeLimit",
                                                 "kwargs": {}}])}, "does not say what its observations"),
        ({"env_spec": spec(entry_point="gymnasium_robotics.gone:GoneEnv")}, "cannot be made here: ModuleNotFoundError"),
        ({"env_spec": spec(entry_point="gymnasium.envs.mujoco.hopper_v5:Box")}, "no environment of Gymnasium's"),
        ({"env_spec": spec(kwargs={"frame_skip": "many"})}, "cannot be made here"),
    ],
)  # fmt: skip
def test_spaces_that_nothing_says_are_one_clear_error(changes: dict[str, Any], message: str) -> None:
    stored(**changes, observation_space=None)
    with pytest.raises(SkillsError, match=message):
        reader.open_dataset(NAME)


def test_a_package_that_is_trusted_makes_its_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marker: Path
) -> None:
    (tmp_path / "mine_of_trust.py").write_text(
        "import gymnasium, pathlib\n"
        "from gymnasium.envs.mujoco.hopper_v5 import HopperEnv\n"
        f"pathlib.Path({str(marker)!r}).touch()\n"
        "def make(**options): return HopperEnv(**options)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    stored(env_spec=spec(id="mine/Hop-v0", entry_point="mine_of_trust:make"), observation_space=None)
    refused = skills(tmp_path, "data", "show", NAME)
    assert (refused.returncode, marker.exists()) == (1, False)
    assert "--trust mine_of_trust" in refused.stderr
    shown = skills(tmp_path, "data", "show", NAME, "--trust", "mine_of_trust")
    assert (shown.returncode, shown.stderr.count("error")) == (0, 0)
    assert re.search(r"observation\s+11 columns", shown.stdout)
    assert marker.exists()


@pytest.mark.parametrize("package", ["no_such_package", "os; rm", "../here", ""])
def test_what_is_no_package_cannot_be_trusted(tmp_path: Path, package: str) -> None:
    done = skills(tmp_path, "data", "show", "hopper-random", "--trust", package)
    assert (done.returncode, "no installed package" in done.stderr) == (USAGE, True)


def test_an_environment_named_on_the_command_line_imports_nothing_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marker: Path
) -> None:
    (tmp_path / "trap.py").write_text(f"open({str(marker)!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SkillsError, match="'trap:Hopper-v5'"):
        importing.import_file(write(tmp_path / "hops.npz", hops()), NAME, "trap:Hopper-v5")
    assert not marker.exists()


def test_a_download_does_not_run_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marker: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="downloads need the extra `hf`")
    metadata = stored(env_spec=spec(**running(marker)), observation_space=None)
    served = minari_root().rename(tmp_path / "served")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    with serving(served) as hub:
        point_at(hub.url, monkeypatch)
        with pytest.raises(SkillsError, match="'subprocess:run'"):
            download(NAME)
    assert not metadata.exists()
    assert not marker.exists()


def test_datasets_are_opened_in_one_place() -> None:
    openers = re.compile(r"load_dataset|MinariDataset\(|MinariStorage\.read\(|recover_environment\(|EnvSpec\.from_json")
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("skills", "cli", "videos", "bench", "examples", "tools")
        for path in (ROOT / folder).rglob("*.py")
        if openers.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"skills/data/opening.py", "skills/data/trust.py"}
