"""ONNX files of single skills, and of all: ONNX Runtime, by nobody here, acts on them as the policy itself does."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import play_randomly
from typer.testing import CliRunner

from skills.cli.app import app
from skills.data.transitions import Transitions
from skills.errors import ENVIRONMENT, USAGE, SkillsError
from skills.learning.policy import Policy, Shape
from skills.runs.configure import make_config
from skills.runs.export import export, export_all
from skills.runs.folder import RunFolder, open_or_create

K, USED = 3, 27


@pytest.fixture(scope="module")
def ant() -> Transitions:
    """An ant that acts at random, with all 105 columns that Gymnasium's environment observes."""
    return play_randomly("Ant-v5", episodes=3, steps=40)


def a_run(folder: Path, ant: Transitions, trunks: int, count: int = K) -> RunFolder:
    """A run of which nothing is there but a policy, with fresh weights; of one expert where it has one skill."""
    mode = {"mode": "imitation", "skills": 1} if count == 1 else {"skills": count}
    run = open_or_create(folder, replace(make_config("ant-random", preset="smoke"), **mode))
    dataset = {"name": "ant-random", "minari_id": "skills/ant/random-v0", "env_id": "Ant-v5", "made_here": True}
    run.record_dataset({**dataset, "steps": len(ant), "episodes": len(ant.episode_starts), "digest": ant.digest})
    mean, std = (torch.from_numpy(array[:USED]) for array in ant.scaling)
    shape = Shape(USED, 8, count, hidden=32, trunks=trunks)
    policy = Policy(shape, mean, std, torch.Generator().manual_seed(0))
    with run.stage("policy", [run.policy_folder / name for name in Policy.FILES]):
        policy.save(run.policy_folder)
    return run


@pytest.fixture
def run(tmp_path: Path, ant: Transitions) -> RunFolder:
    return a_run(tmp_path / "runs" / "ant", ant, trunks=1)


@pytest.mark.parametrize(("trunks", "count", "skill"), [(1, K, 2), (K, K, 1), (1, 1, 0)])
def test_the_file_acts_as_the_policy_does(tmp_path, ant, trunks, count, skill):
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is installed with the extra `test`")
    run = a_run(tmp_path / "run", ant, trunks, count)
    policy = Policy.load(run.policy_folder)
    session = onnxruntime.InferenceSession(export(run, skill if count > 1 else None).path)
    assert [(one.name, one.shape) for one in session.get_inputs()] == [("observation", ["batch", 105])]
    assert [(one.name, one.shape) for one in session.get_outputs()] == [("action", ["batch", 8])]
    for batch in (1, 7, len(ant)):
        observations = ant.observations[:batch]
        (actions,) = session.run(None, {"observation": observations})
        np.testing.assert_allclose(actions, policy.act(observations, np.full(batch, skill)), atol=1e-5)
    assert np.ptp(actions, axis=0).min() > 1e-3  # it does look


@pytest.mark.parametrize("trunks", [1, K])
def test_the_file_of_all_acts_as_each_skill_does(tmp_path, ant, trunks):
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is installed with the extra `test`")
    run = a_run(tmp_path / "run", ant, trunks)
    policy = Policy.load(run.policy_folder)
    written = export_all(run)
    assert written.path == run.path / "export" / "skills.onnx"
    session = onnxruntime.InferenceSession(written.path)
    inputs = [(one.name, one.shape, one.type) for one in session.get_inputs()]
    assert inputs == [("observation", ["batch", 105], "tensor(float)"), ("skill", ["batch"], "tensor(int64)")]
    for batch in (1, 2, 7, len(ant)):
        observations = ant.observations[:batch]
        skills = (np.arange(batch) * 2 + 1) % K
        (actions,) = session.run(None, {"observation": observations, "skill": skills})
        np.testing.assert_allclose(actions, policy.act(observations, skills), atol=1e-5)
    assert np.ptp(actions, axis=0).min() > 1e-3
    one_by_one = [session.run(None, {"observation": ant.observations[:1], "skill": np.array([k])})[0] for k in range(K)]
    assert min(np.abs(one_by_one[0] - one).max() for one in one_by_one[1:]) > 1e-3  # it does choose
    with pytest.raises(SkillsError, match="is there already"):
        export_all(run)
    assert export_all(run, force=True).metadata["skills"] == str(K)


def test_the_file_answers_in_the_bounds_of_the_motors(tmp_path):
    """Pusher's motors take -2 to 2: whoever plays the file hands its answer on as it is."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is installed with the extra `test`")
    run = open_or_create(tmp_path / "run", replace(make_config("ant-random", preset="smoke"), skills=K))
    known = {"name": "pushes", "minari_id": "mine/pushes-v0", "env_id": "Pusher-v5", "made_here": False}
    run.record_dataset({**known, "steps": 1, "episodes": 1, "digest": "", "columns": 23})
    policy = Policy(Shape(23, 7, K, hidden=32), torch.zeros(23), torch.ones(23) / 9, torch.Generator().manual_seed(0))
    with run.stage("policy", [run.policy_folder / name for name in Policy.FILES]):
        policy.save(run.policy_folder)
    observations = np.random.default_rng(0).standard_normal((20, 23)).astype(np.float32)
    skills = np.arange(20) % K
    session = onnxruntime.InferenceSession(export_all(run).path)
    (actions,) = session.run(None, {"observation": observations, "skill": skills})
    np.testing.assert_allclose(actions, 2.0 * policy.act(observations, skills), atol=1e-5)
    assert np.abs(actions).max() > 1.0


def test_the_runner_in_cpp_acts_as_the_policy_does(tmp_path, ant):
    """With ONNX Runtime's headers, which are in no Python package, and the library of its wheel."""
    headers, compiler = os.environ.get("ONNXRUNTIME_INCLUDE"), shutil.which("g++")
    if not (headers and compiler):
        pytest.skip("needs g++, and ONNXRUNTIME_INCLUDE: the folder of onnxruntime_cxx_api.h")
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is installed with the extra `test`")
    (library,) = Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*")
    (tmp_path / "libonnxruntime.so.1").symlink_to(library)
    source, runner = Path(__file__).parents[1] / "examples" / "runner.cpp", tmp_path / "runner"
    command = [compiler, "-std=c++17", "-Wall", "-Werror", source, "-isystem", headers, library]
    subprocess.run([*command, f"-Wl,-rpath,{tmp_path}", "-o", runner], check=True)
    run = a_run(tmp_path / "run", ant, 1)
    file = export_all(run).path
    text = "\n".join(" ".join(f"{number:.9g}" for number in row) for row in ant.observations)
    done = subprocess.run([runner, file, "2"], input=text, capture_output=True, text=True, check=True)
    actions = np.array([[float(number) for number in line.split()] for line in done.stdout.splitlines()])
    expected = Policy.load(run.policy_folder).act(ant.observations, np.full(len(ant), 2))
    np.testing.assert_allclose(actions, expected, atol=1e-5)
    assert subprocess.run([runner, tmp_path / "none.onnx", "2"], input="", capture_output=True).returncode == 1


@pytest.mark.parametrize("trunks", [1, K])
def test_a_skill_alone_is_that_skill(tmp_path, ant, trunks):
    run = a_run(tmp_path / "run", ant, trunks)
    policy = Policy.load(run.policy_folder)
    with torch.no_grad():
        policy.log_std.copy_(torch.arange(K * 8).view(K, 8) / 10)
    alone, rows = policy.alone(1), np.zeros(len(ant), int)
    np.testing.assert_allclose(alone.act(ant.observations, rows), policy.act(ant.observations, rows + 1), atol=1e-6)
    assert not np.allclose(alone.act(ant.observations, rows), policy.act(ant.observations, rows), atol=1e-3)
    np.testing.assert_array_equal(alone.std_of_actions()[0], policy.std_of_actions()[1])


def test_the_file_says_where_it_comes_from_and_nothing_of_this_machine(run):
    import onnx

    first = export(run, 1)
    model = onnx.load(first.path)
    onnx.checker.check_model(model, full_check=True)
    known = {"run": "ant", "skill": "1", "env_id": "Ant-v5", "dataset": "skills/ant/random-v0"}
    assert {one.key: one.value for one in model.metadata_props} == known
    content = first.path.read_bytes()
    assert b".py" not in content
    assert str(Path.home()).encode() not in content


def test_the_command_writes_over_nothing_unasked(run, monkeypatch):
    monkeypatch.chdir(run.path)
    arguments = ["export", str(run.path), "--skill", "2"]
    path = run.path / "export" / "002.onnx"
    path.parent.mkdir()
    path.write_bytes(b"something else")
    with pytest.raises(SkillsError, match="is there already") as caught:
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert caught.value.exit_code == USAGE
    assert path.read_bytes() == b"something else"
    forced = CliRunner().invoke(app, [*arguments, "--force", "--json", "-q"], catch_exceptions=False)
    document = json.loads(forced.stdout)
    assert document["schema_version"] == 1
    assert document["input"] == {"name": "observation", "shape": ["batch", 105], "type": "float32"}
    assert Path(document["file"]) == path
    shown = CliRunner().invoke(app, [*arguments, "--out", "again.onnx", "-q"], catch_exceptions=False)
    assert shown.stdout.splitlines()[-1] == "again.onnx"
    assert Path("again.onnx").read_bytes() == path.read_bytes()  # the same policy, the same bytes


def test_what_is_missing_is_named(run, monkeypatch):
    with pytest.raises(SkillsError, match="no skill 3") as caught:
        export(run, K)
    assert caught.value.exit_code == USAGE
    with pytest.raises(SkillsError, match="has 3 skills") as caught:
        export(run, None)
    assert "--all" in caught.value.hint
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(SkillsError, match="onnxscript") as caught:
        export(run, 0)
    assert caught.value.exit_code == ENVIRONMENT
    assert "pip install onnx onnxscript" in caught.value.hint
