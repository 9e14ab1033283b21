"""Files that lie in the current folder are not run: neither by the command nor by the processes that it starts."""

import subprocess
import sys
from pathlib import Path

import pytest
from commands import environment
from recordings import random_rollouts, write_rollouts

ROOT = Path(__file__).parents[1]
# What Python and this project import by these names; multiprocessing, its tracker and the renderer's probe do too.
NAMES = ("random", "videos", "cli", "skills", "signal", "json", "mujoco", "numpy", "threading", "sitecustomize")


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder of modules that note that they were run."""
    folder = tmp_path / "somebodys data"
    for name in NAMES:
        path = folder / name / "__init__.py" if name in ("skills", "mujoco") else folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"open({str(tmp_path / 'executed')!r}, 'a').write(__name__ + ' ')\nraise ImportError(__name__)\n"
        )
    return folder


def called(tmp_path: Path, trap: Path, program: str) -> None:
    """Runs a program as an installed command is run: a script elsewhere, called from the folder of traps."""
    script = tmp_path / "bin" / "skills"
    script.parent.mkdir()
    script.write_text(f"if __name__ == '__main__':\n    {program}\n")
    variables = environment(tmp_path, PYTHONPATH=str(ROOT))
    variables.pop("PYTHONSAFEPATH", None)
    done = subprocess.run(
        [sys.executable, str(script)], cwd=trap, env=variables, capture_output=True, text=True, timeout=300, check=False
    )
    executed = tmp_path / "executed"
    assert not executed.exists(), executed.read_text()
    assert done.returncode == 0, done.stderr


def test_the_probe_of_a_renderer_runs_nothing_from_there(tmp_path: Path, trap: Path) -> None:
    called(
        tmp_path,
        trap,
        "from skills.videos.films.renderers import _probe; assert isinstance(_probe('ray', 'Hopper-v5'), float)",
    )


def test_the_processes_that_render_run_nothing_from_there(tmp_path: Path, trap: Path) -> None:
    write_rollouts(tmp_path / "run", random_rollouts("Hopper-v5", skills=2, rollouts=1, steps=20))
    called(
        tmp_path,
        trap,
        "import os, pathlib; from skills.videos.films.render import render_skills; "
        f"done = render_skills(pathlib.Path({str(tmp_path / 'run')!r}), 'Hopper-v5', [0, 1], renderer='ray', "
        "size=(48, 48), workers=2); assert (done.written, done.failures) == ((0, 1), ()), done; "
        "assert 'PYTHONSAFEPATH' not in os.environ",
    )
