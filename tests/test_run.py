"""The run folder: begun, continued, protected."""

import hashlib
import json
import subprocess
import sys
from importlib.metadata import version

import pytest

from skills.errors import NOT_FOUND, USAGE, SkillsError
from skills.runs.configure import make_config
from skills.runs.folder import all_paths, default_path, find, open_or_create, open_run
from skills.runs.manifest import write_manifest
from skills.settings.config import with_number

CONFIG = make_config("hopper-random", preset="smoke")
DATASET = {"name": "a", "minari_id": "a/b-v0", "env_id": "Hopper-v5", "made_here": False, "steps": 9, "episodes": 1}


@pytest.fixture
def run():
    return open_or_create(default_path("hopper-random"), CONFIG)


def finish_stage(run, name, file, content=b"x"):
    with run.stage(name, [file]):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)


def test_opening_again_gives_the_same_run(run):
    assert open_or_create(run.path, CONFIG) == run
    assert open_run(run.path).config == CONFIG
    assert find(None) == find("hopper-random") == find(str(run.path)) == run


def test_another_configuration_shows_the_difference(run):
    with pytest.raises(SkillsError, match="seed: 1 there, 5 here") as caught:
        open_or_create(run.path, make_config("hopper-random", preset="smoke", seed=5))
    assert caught.value.exit_code == USAGE
    assert "--fresh" in caught.value.hint


def test_fresh_keeps_the_old_run_beside_the_new(run):
    finish_stage(run, "experts", run.experts_file, b"precious")
    new = open_or_create(run.path, make_config("hopper-random", preset="smoke", seed=5), fresh=True)
    assert new.finished_stages() == []
    assert (run.path.with_name("hopper-random.1") / "experts.npz").read_bytes() == b"precious"


def test_a_run_in_the_making_is_not_moved(run):
    with run.writing(), pytest.raises(SkillsError, match="Another process is writing"):
        open_or_create(run.path, CONFIG, fresh=True)
    assert run.path.exists()


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_of_other_things_is_left_alone(tmp_path, fresh):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(SkillsError, match="not empty"):
        open_or_create(tmp_path, CONFIG, fresh=fresh)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["thesis.tex"]


def test_a_run_killed_as_it_began_can_begin_again(tmp_path):
    (tmp_path / ".manifest.123.partial.json").write_text("{")
    (tmp_path / "config.json").write_text("{}")
    assert open_or_create(tmp_path, CONFIG).finished_stages() == []


def test_a_run_whose_files_are_gone_says_how_to_get_them_back(run):
    finish_stage(run, "measures", run.measures_file)
    run.measures_file.unlink()
    with pytest.raises(SkillsError, match="no measures yet"):
        run.require("measures")


def test_a_stage_is_done_when_its_files_are_the_recorded_ones(run):
    assert not run.is_done("experts")
    finish_stage(run, "experts", run.experts_file)
    assert run.is_done("experts")
    run.experts_file.write_bytes(b"y")
    assert not run.is_done("experts")
    run.experts_file.unlink()
    assert not run.is_done("experts")


def test_a_stage_that_fails_is_not_done(run):
    with pytest.raises(RuntimeError), run.stage("experts", [run.experts_file]):
        raise RuntimeError
    assert run.finished_stages() == []


def test_remaking_a_stage_undoes_what_came_after(run):
    finish_stage(run, "experts", run.experts_file)
    finish_stage(run, "rewards", run.rewards_folder / "labels.f16")
    finish_stage(run, "experts", run.experts_file)
    assert run.finished_stages() == ["experts"]


def test_other_data_is_refused(run):
    run.record_dataset({**DATASET, "digest": "1"})
    run.record_dataset({**DATASET, "digest": "1"})
    assert run.env_id == "Hopper-v5"
    with pytest.raises(SkillsError, match="not what this run began with"):
        run.record_dataset({**DATASET, "digest": "2"})


def test_a_second_writer_is_kept_out(run):
    program = (
        "import sys; from pathlib import Path; from skills.runs.folder import open_run\n"
        "with open_run(Path(sys.argv[1])).writing(): pass"
    )
    with run.writing():
        second = subprocess.run([sys.executable, "-c", program, str(run.path)], capture_output=True, text=True)
    assert "Another process is writing" in second.stderr
    assert subprocess.run([sys.executable, "-c", program, str(run.path)]).returncode == 0


def test_leftovers_of_a_killed_writer_are_swept(run):
    leftover = run.path / ".labels.99.partial.f16"
    leftover.write_bytes(b"half")
    with run.writing():
        assert not leftover.exists()


def test_an_unfinished_run_says_which_command_finishes_it(run):
    with pytest.raises(SkillsError, match="no rollouts yet") as caught:
        run.require("rollouts")
    assert caught.value.hint == f"Finish it: skills discover --run {run.path}"


def test_unknown_runs_list_the_nearest(run):
    with pytest.raises(SkillsError, match="Unknown run 'hopper-rndom'") as caught:
        find("hopper-rndom")
    assert "hopper-random" in caught.value.hint
    assert caught.value.exit_code == NOT_FOUND


def test_no_runs_at_all():
    assert all_paths() == []
    with pytest.raises(SkillsError, match="no runs"):
        find(None)


def test_a_damaged_manifest_is_named(run):
    (run.path / "manifest.json").write_text("{")
    with pytest.raises(SkillsError, match=r"manifest\.json is damaged"):
        run.finished_stages()


def words(document, place=()):
    """Each word of a document: its place, and what it is."""
    for key, value in document.items() if isinstance(document, dict) else enumerate(document):
        if isinstance(value, dict | list):
            yield from words(value, (*place, key))
        else:
            yield (*place, key), value


def edit(file, place, value):
    """Makes one word of a file another."""
    document = holder = json.loads(file.read_text())
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    file.write_text(json.dumps(document))


@pytest.mark.parametrize("name", ["manifest.json", "config.json"])
def test_a_word_of_a_run_that_is_another_is_not_believed(run, name):
    run.record_dataset({**DATASET, "digest": "1"})
    finish_stage(run, "experts", run.experts_file)
    file = run.path / name
    right = file.read_text()
    every = list(words(json.loads(right)))
    assert len(every) > 20
    for place, value in every:
        edit(file, place, f"{value}1" if isinstance(value, str) else (value or 0) + 1)
        with pytest.raises(SkillsError, match=rf"{name} is damaged|newer version|schema version"):
            open_run(run.path)
    file.write_text(json.dumps(json.loads(right), indent=7))  # the same words, laid out otherwise
    assert open_run(run.path).config == CONFIG


def test_a_manifest_of_before_has_no_checksum_and_is_read(run):
    document = json.loads(run.manifest_file.read_text())
    for later in ("checksum", "config"):
        document.pop(later)
    run.manifest_file.write_text(json.dumps(document))
    assert open_run(run.path).finished_stages() == []


def test_measures_are_what_was_measured_or_amended(run):
    finish_stage(run, "measures", run.measures_file)
    run.amend_measures({"summary": {"a": 1}})
    run.require("measures")
    manifest = run.manifest
    other = json.dumps({"summary": {"a": 2}})
    manifest["stages"]["measures"]["amended"] = {"measures.json": hashlib.sha256(other.encode()).hexdigest()}
    write_manifest(run.manifest_file, manifest)
    run.require("measures")  # killed before the amended ones were written
    run.measures_file.write_text(other)
    run.require("measures")  # and after
    run.measures_file.write_text(other.replace("2", "3"))
    with pytest.raises(SkillsError, match=r"measures\.json is damaged, or not what this run made") as caught:
        run.require("measures")
    assert caught.value.hint.startswith("Have it made again: skills discover")


def test_manifest_is_plain_json(run):
    document = json.loads((run.path / "manifest.json").read_text())
    assert document["schema_version"] == 1
    assert document["versions"]["torch"] == version("torch")


def test_an_inferred_number_is_the_runs_from_when_its_classes_are_known(tmp_path):
    asked = make_config("ant-medium", preset="smoke", skills="auto")
    run = open_or_create(tmp_path / "run", asked)
    assert run.config == asked
    with run.stage("experts", []) as notes:
        notes["skills"] = 9
    assert (run.config.skills, run.config.experts.features, run.config.experts.inferred) == (9, "behaviour", False)
    assert open_or_create(tmp_path / "run", asked).config == open_or_create(tmp_path / "run", run.config).config
    with pytest.raises(SkillsError, match="another configuration"):
        open_or_create(tmp_path / "run", with_number(asked, 8))


AMENDING = """
import os, signal, sys
from pathlib import Path
from skills import files
from skills.runs.folder import open_run
left = int(sys.argv[2])
replace = Path.replace

def replacing(self, target):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return replace(self, target)

Path.replace = replacing
open_run(Path(sys.argv[1])).amend_measures({"evaluated": True})
"""


@pytest.mark.parametrize("writes", range(4))
def test_measures_stay_done_whenever_their_amendment_is_killed(run, writes):
    finish_stage(run, "measures", run.measures_file, b"{}")
    killed = subprocess.run([sys.executable, "-c", AMENDING, str(run.path), str(writes)]).returncode
    assert killed == (-9 if writes < 3 else 0)
    assert run.is_done("measures")
    assert ("evaluated" in json.loads(run.measures_file.read_text())) == (writes >= 2)
    run.amend_measures({"evaluated": "again"})
    assert run.is_done("measures")
    assert "amended" not in run.manifest["stages"]["measures"]
    run.measures_file.write_text("{}")
    assert not run.is_done("measures")
