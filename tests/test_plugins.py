"""Plug-ins of another package, which lies in tests/outside as an installer would leave it: processes that have it."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from skills.errors import NOT_FOUND, USAGE, SkillsError
from skills.plugins import LEARNERS, MAKERS, MEASURES, SOURCES, configured
from skills.runs.began import source_of
from skills.runs.folder import open_run
from skills.runs.manifest import checksum, read_manifest, write_manifest

OUTSIDE = Path(__file__).parent / "outside"
KINDS = (MAKERS, LEARNERS, SOURCES, MEASURES)
BEGIN = """
from pathlib import Path
from skills.discovery import discover
from skills.progress import silent_reporter
from skills.runs.command import command
from skills.runs.configure import make_config
from skills.runs.folder import open_or_create
config = make_config("their/waves-v0", preset="smoke", skills=2, maker="mine", learner="mine",
                     set={"policy.my_setting": "3", "reward.height": 0.25, "rollout.horizon": 50})
run = open_or_create(Path("their run"), config)
with run.writing():
    discover(run, source="mine", reporter=silent_reporter, notify=lambda line: None, last="rewards")
print(command(config, run.path))
"""

EVALUATE = """
import shutil
from skills.cli.app import app
from skills.measures import intervals
intervals.DRAWS = 20
options = ["evaluate", "their run", "--against", "segments", "--trials", "2", "-q"]
for name, more in (("first", []), ("again", ["--set", "mine.unit=0.5"])):
    app([*options, *more], standalone_mode=False)
    shutil.copyfile("their run/measures.json", f"{name}.json")
"""


def skills(folder: Path, *arguments: str, installed: bool = True) -> subprocess.CompletedProcess[str]:
    """A command of a machine that has the other package installed, or has not."""
    return process(folder, "-m", "skills.cli.app", *arguments, installed=installed)


def process(folder: Path, *arguments: str, installed: bool = True) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[1]
    path = os.pathsep.join([str(root), *([str(folder / "site")] if installed else [])])
    own = {"PYTHONPATH": path, "SKILLS_RUNS": str(folder / "runs"), "MINARI_DATASETS_PATH": str(folder / "minari")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=os.environ | own, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine with the other package, where a run of its plug-ins has stopped after the rewards and is continued."""
    folder = tmp_path_factory.mktemp("plugins")
    shutil.copytree(OUTSIDE, folder / "site")
    begun = process(folder, "-c", BEGIN)
    assert begun.returncode == 0, begun.stderr
    assert open_stages(folder) == ["experts", "rewards"]
    continued = skills(folder, *shlex.split(begun.stdout)[1:], "--no-videos", "-q")
    assert continued.returncode == 0, continued.stderr
    return folder


def open_stages(folder: Path) -> list[str]:
    return list(json.loads((folder / "their run" / "manifest.json").read_text())["stages"])


def test_a_run_of_another_packages_plugins_is_continued_and_shown(folder):
    shown = json.loads(skills(folder, "show", "their run", "--json").stdout)
    assert shown["config"]["reward"] == {"maker": "mine", "scaled": True, "height": 0.25}
    assert shown["config"]["policy"] == {"learner": "mine", "my_setting": 3, "hidden": 64}  # smoke's
    assert shown["command"].startswith("skills discover their/waves-v0 --preset smoke --skills 2 --rewards mine")
    assert "--learner mine" in shown["command"]
    assert "--set policy.my_setting=3" in shown["command"]
    assert open_stages(folder) == ["experts", "rewards", "policy", "rollouts", "measures"]
    assert shown["manifest"]["dataset"]["source"] == "mine"
    assert shown["manifest"]["packages"] == dict.fromkeys(["reward", "policy"], "their-skills==1.2")
    assert shown["summary"]


def test_their_settings_are_listed(folder):
    found = json.loads(skills(folder, "show", "--settings", "--json").stdout)["settings"]
    meant = {(one["of"], one["name"]): one["meaning"] for one in found}
    assert meant["--learner mine", "policy.my_setting"] == "how many updates"
    assert meant["--rewards mine", "reward.height"] == "the reward of a row of the class"
    assert meant["measure mine", "mine.unit"] == "m/s"


def test_their_measure_stands_in_the_table_and_the_document(folder):
    done = process(folder, "-c", EVALUATE)
    assert "their speed" in done.stdout, done.stderr
    first, again = (json.loads((folder / name).read_text()) for name in ("first.json", "again.json"))
    for usual, halved in zip(*((one["measures"], one["nulls"]["segments"]) for one in (first, again)), strict=True):
        assert halved["mine"]["value"] == pytest.approx(2 * usual["mine"]["value"])
    assert again["protocol"]["settings"] == {"mine.unit": "0.5"}


def test_a_run_says_which_package_it_misses(folder):
    done = skills(folder, "show", "their run", installed=False)
    assert done.returncode == 1
    assert "The reward maker 'mine', which this run was made with, is not installed" in done.stderr
    assert "pip install their-skills==1.2" in done.stderr
    shutil.copytree(folder / "their run", folder / "runs" / "one")
    listed = json.loads(skills(folder, "list", "--json", installed=False).stdout)
    assert "is not installed" in listed["runs"][0]["problem"]
    document = json.loads((folder / "their run" / "config.json").read_text())
    other = {**document, "reward": {"maker": "clue"}, "policy": {"learner": "iql"}}
    (folder / "runs" / "one" / "config.json").write_text(json.dumps(other))
    manifest = folder / "runs" / "one" / "manifest.json"
    write_manifest(manifest, {**read_manifest(manifest), "config": checksum(other)})
    dataset = open_run(folder / "runs" / "one").manifest["dataset"]
    with pytest.raises(SkillsError, match="The source 'mine'") as caught:
        source_of(dataset)
    assert "their-skills" in caught.value.hint


@pytest.mark.parametrize("plugins", KINDS, ids=lambda one: one.kind)
def test_every_plugin_of_this_package_is_found_by_the_name_of_its_file(plugins):
    assert plugins.names()
    for name in plugins.names():
        found = plugins.load(name)
        assert found.name == name
        assert found.__module__.startswith(plugins.folder)
        assert plugins.package(name) is None
        found()  # every setting has a value before any preset
    with pytest.raises(SkillsError, match=f"Unknown {plugins.kind} 'nothing'") as caught:
        plugins.load("nothing")
    assert caught.value.exit_code == USAGE


def test_a_setting_that_a_plugin_has_not_is_refused():
    with pytest.raises(SkillsError, match="clue has no setting 'calibrations'") as caught:
        configured(MAKERS.load("clue"), {"calibrations": 1})
    assert "calibration" in caught.value.hint
    assert caught.value.exit_code == USAGE != NOT_FOUND
