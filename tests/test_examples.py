"""The files of examples/ and the snippets of docs/api.md and docs/use.md, run as they stand on a small run."""

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import skills

ROOT = Path(__file__).parents[1]
TINY = {"experts.max_iterations": 5, "reward.iterations": 20, "policy.steps": 20, "rollout.horizon": 40}
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of eight skills in runs/ant-medium."""
    folder = tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(folder / "minari"))
        path = folder / "runs" / "ant-medium"
        skills.discover(
            "ant-medium", preset="smoke", skills=20, set={"data.steps": 3000, **TINY}, run=path, progress=False
        )
    return folder


@pytest.fixture(autouse=True)
def _there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    monkeypatch.delenv("SKILLS_RUNS")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(home / "minari"))


def output(capsys: pytest.CaptureFixture[str], name: str, *arguments: str) -> str:
    """What an example prints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
    return capsys.readouterr().out


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_short_and_tested(path):
    assert len(path.read_text().splitlines()) <= 40
    assert f'"{path.name}"' in Path(__file__).read_text()


def test_act(capsys):
    told = output(capsys, "act.py", "runs/ant-medium", "17", "--steps", "30")
    assert re.match(r"skill 17 \(.+\): moved \[.+\] m, return -?[0-9.]+\n", told)


def test_hierarchical(capsys):
    pytest.importorskip("stable_baselines3", reason="Stable-Baselines3 is installed with the extra `test`")
    arguments = ("--decisions", "256", "--steps", "3", "--episodes", "1", "--limit", "60")
    told = output(capsys, "hierarchical.py", "runs/ant-medium", *arguments)
    assert re.fullmatch(r"-?[0-9.]+ m to the left by chance, -?[0-9.]+ m after 256 decisions\n", told)


def test_offline_rl(capsys):
    pytest.importorskip("torchrl", reason="TorchRL is installed with the extra `test`")
    told = output(capsys, "offline_rl.py", "runs/ant-medium", "17", "40")
    own, others = re.findall(r"-?[0-9]+\.[0-9]+", told)
    assert float(own) > float(others)


def test_own_data(capsys, home):
    data = skills.load().dataset(3)
    episodes = list(data)[:4]
    ends = np.concatenate([np.arange(len(one.actions)) == len(one.actions) - 1 for one in episodes])
    np.savez(
        "steps.npz",
        observations=np.concatenate([one.observations[:-1] for one in episodes]),
        next_observations=np.concatenate([one.observations[1:] for one in episodes]),
        actions=np.concatenate([one.actions for one in episodes]),
        timeouts=ends,
    )
    settings = str({**TINY, "rollout.rollouts": 1}).replace("'", '"')
    arguments = ("steps.npz", "Ant-v5", "mine/ant-v0", "--preset", "smoke", "--skills", "2", "--set", settings)
    told = output(capsys, "own_data.py", *arguments).splitlines()
    assert len(told) == 3
    assert "m/s" in told[0]
    page = Path(told[-1])
    assert page == Path("runs/mine-ant-v0/gallery/index.html")
    assert page.is_file()
    assert len(list((page.parent / "skills").glob("00?.mp4"))) == 2


def snippets_of(page: str, names: dict[str, object]) -> int:
    """Runs the Python of a page of docs/, one piece after the other; how many there are."""
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    for snippet in snippets:
        exec(compile(snippet, page, "exec"), names)
    return len(snippets)


def test_the_snippets_of_use_run(capsys):
    assert snippets_of("use.md", {}) >= 1


def test_the_snippets_of_the_documentation_run(capsys):
    page = (ROOT / "docs" / "api.md").read_text()
    assert snippets_of("api.md", {}) >= 5
    assert [name for name in skills.__all__ if f"skills.{name}" not in page] == []
