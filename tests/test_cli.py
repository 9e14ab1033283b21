"""The command line as a person meets it: one real run made once, by a real process, and what is asked of it."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import filelock
import pytest
from commands import COMMAND, Done, environment, process, skills, start

from skills.errors import ENVIRONMENT, FAILED, INTERRUPTED, NOT_FOUND, PARTLY_DONE, USAGE
from skills.runs.folder import STAGES
from skills.runs.manifest import read_manifest, write_manifest

DATASET = "halfcheetah-random"
SKILLS = 8
HEAVY = {"torch", "sklearn", "mujoco", "gymnasium", "minari", "numpy"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the datasets and runs of this module."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def discovered(home: Path) -> Done:
    """The one whole run, from its command to its end."""
    done = process(home, "discover", DATASET, "--preset", "smoke")
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def run(home: Path, discovered: Done) -> Path:
    """The folder of that run; tests leave it as it is."""
    return home / "runs" / DATASET


@pytest.fixture
def copy(home: Path, run: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be spoilt; its folder is not among the runs that are listed."""
    return Path(shutil.copytree(run, tmp_path / "copy"))


def undo(run: Path, *stages: str) -> None:
    """Makes a finished run one in which these last stages are still to come."""
    manifest = read_manifest(run / "manifest.json")
    for stage in stages:
        for name in manifest["stages"].pop(stage)["files"]:
            (run / name).unlink()
    write_manifest(run / "manifest.json", manifest)


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom skills.cli.app import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('modules', *{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "discover" in done.stdout
    assert not HEAVY & set(done.stdout.splitlines()[-1].split())


def test_version_is_printed(tmp_path: Path) -> None:
    assert skills(tmp_path, "--version").stdout.startswith("skills 0.")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("ant-medum",), NOT_FOUND, "Did you mean ant-medium"),
        (("nobody/nothing/here-v0", "--offline"), NOT_FOUND, "not on this machine"),
        ((DATASET, "--source", "local"), NOT_FOUND, "not on this machine"),
        ((DATASET, "--skills", "1"), USAGE, "must be 2 or more"),
        ((DATASET, "--seed", "-1"), USAGE, "must be 0 or more"),
        ((DATASET, "--preset", "huge"), USAGE, "smoke"),
        ((DATASET, "--device", "tpu"), USAGE, "cuda"),
        ((), USAGE, "DATASET"),
    ],
)
def test_a_wrong_discover_makes_nothing(tmp_path: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = skills(tmp_path, "discover", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_discover_prints_the_result_and_the_page_last(run: Path, discovered: Done) -> None:
    lines = discovered.stdout.splitlines()
    page = Path(lines[-1])
    assert page == run / "gallery" / "index.html"
    assert page.is_file()
    assert lines[0].startswith("Own-class occupancy")
    times = next(line for line in lines if line.startswith("Time: data"))
    assert [part.split()[0] for part in times.removeprefix("Time: ").split(", ")] == ["data", *STAGES, "films"]
    assert len(list((run / "gallery" / "skills").glob("*[0-9].mp4"))) == SKILLS


def test_progress_is_plain_lines_where_stderr_is_no_terminal(discovered: Done) -> None:
    assert "cutting 8 classes ..." in discovered.stderr.splitlines()
    assert any(line.startswith("rendering 8 videos: ") for line in discovered.stderr.splitlines())
    assert f"The page is there, and fills while you look: file://{discovered.stdout.split()[-1]}" in discovered.stderr
    assert not any(ord(character) < 32 for character in discovered.stderr.replace("\n", ""))


def test_a_finished_run_is_not_made_again_and_json_is_all_of_stdout(home: Path, copy: Path) -> None:
    done = skills(home, "discover", DATASET, "--preset", "smoke", "--run", copy, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema_version"] == 1
    assert document["config"]["skills"] == SKILLS
    assert list(document["stages"]) == ["experts", "rewards", "policy", "rollouts", "measures"]
    assert document["videos"]["skipped"] == list(range(SKILLS))
    assert "training" not in done.stderr


def test_quiet_leaves_the_result(home: Path, copy: Path) -> None:
    undo(copy, "measures")
    done = skills(home, "discover", DATASET, "--preset", "smoke", "--run", copy, "-q")
    assert done.returncode == 0
    assert "ranking" not in done.stderr
    assert done.stdout.splitlines()[-1].endswith("index.html")


def test_another_configuration_is_refused_with_the_difference(home: Path, copy: Path) -> None:
    done = skills(home, "discover", DATASET, "--preset", "smoke", "--seed", "7", "--run", copy)
    assert done.returncode == USAGE
    assert "seed: 1 there, 7 here" in done.stderr
    assert "--fresh" in done.stderr


def test_a_second_writer_is_kept_out(home: Path, copy: Path) -> None:
    with filelock.FileLock(copy / ".lock"):
        done = skills(home, "gallery", copy)
    assert done.returncode == FAILED
    assert "Another process is writing" in done.stderr


def test_a_file_where_the_run_should_be_is_named(home: Path, run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = skills(home, "discover", DATASET, "--preset", "smoke", "--run", tmp_path / "file" / "run")
    assert done.returncode == FAILED
    assert "A file stands where a folder is needed" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(home: Path, run: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = skills(home, "discover", DATASET, "--preset", "smoke", "--run", tmp_path / "run")
    assert done.returncode == FAILED
    assert "cannot be written" in done.stderr


def test_a_write_that_fails_is_one_clear_message_and_the_run_goes_on_after_it(home: Path, copy: Path) -> None:
    undo(copy, "rollouts", "measures")
    command = ("discover", DATASET, "--preset", "smoke", "--run", copy, "--no-videos")
    small = 32 * 1024  # bytes: the manifest fits, the rollouts do not
    done = process(home, *command, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (small, small)))
    assert done.returncode == FAILED
    assert "Cannot write" in done.stderr
    assert "rollouts.npz" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(copy.rglob("*.partial*"))
    again = skills(home, *command)
    assert again.returncode == 0, again.stderr
    assert "experts, rewards, policy done" in again.stderr


def test_a_full_disk_behind_stdout_is_told(home: Path, run: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(home),
            check=False,
        )
    assert done.returncode == FAILED
    assert done.stderr == "error: Cannot write the output: No space left on device.\n"


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_says_how_to_go_on(home: Path, run: Path, tmp_path: Path, ending: signal.Signals) -> None:
    folder = tmp_path / "stopped"
    started = start(home, "discover", DATASET, "--preset", "smoke", "--run", folder)
    assert started.stderr is not None
    for line in started.stderr:
        if line.startswith("training"):
            break
    started.send_signal(ending)
    _, said = started.communicate(timeout=60)
    assert started.returncode == INTERRUPTED
    assert f"Continue with: skills discover --run {folder}\n" in said
    assert "Traceback" not in said


def test_render_makes_the_videos_asked_for(home: Path, copy: Path) -> None:
    shutil.rmtree(copy / "gallery")
    done = skills(home, "render", copy, "--skill", "5,2", "--size", "64", "--seconds", "1", "--renderer", "ray")
    assert done.returncode == 0, done.stderr
    folder = copy / "gallery" / "skills"
    assert done.stdout.splitlines() == [str(folder / "002.mp4"), str(folder / "005.mp4")]
    assert (copy / "gallery" / "index.html").is_file()


def test_a_sheet_is_one_picture_and_touches_no_video(home: Path, run: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (run / "gallery" / "skills").iterdir()}
    done = skills(home, "render", run, "--skill", "1,2,3", "--sheet", tmp_path / "sheet.webp")
    assert done.stdout.strip() == str(tmp_path / "sheet.webp")
    assert (tmp_path / "sheet.webp").stat().st_size > 1000
    assert {path: path.stat().st_mtime_ns for path in (run / "gallery" / "skills").iterdir()} == before
    wrong = skills(home, "render", run, "--skill", "1", "--sheet", tmp_path / "sheet.txt")
    assert wrong.returncode == 2
    assert ".webp" in wrong.stderr


def test_render_says_which_skills_failed(home: Path, copy: Path) -> None:
    (copy / "gallery" / "skills" / "001.mp4").unlink()
    (copy / "gallery" / "skills" / "001.mp4" / "in the way").mkdir(parents=True)
    done = skills(home, "render", copy, "--skill", "0,1", "--force", "--seconds", "1", "--renderer", "ray")
    assert done.returncode == PARTLY_DONE
    assert "  1: Cannot write" in done.stderr
    assert [Path(line).name for line in done.stdout.splitlines()] == ["000.mp4"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--skill", SKILLS), "This run has skills 0 to 7."),
        (("--skill", "1,x"), "is not a list of numbers"),
        ((), "either --skill or --all"),
        (("--skill", "1", "--all"), "either --skill or --all"),
        (("--skill", "1", "--size", "100"), "multiples of 16"),
        (("--skill", "1", "--size", "wide"), "is not a size"),
        (("--skill", "1", "--size", ""), "is not a size"),
        (("--skill", "1", "--seconds", "0"), "must be more than 0"),
    ],
)
def test_a_wrong_render_names_what_is_right(home: Path, run: Path, arguments: tuple[object, ...], said: str) -> None:
    done = skills(home, "render", run, *arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert said in done.stderr


def test_render_needs_rollouts(home: Path, copy: Path) -> None:
    undo(copy, "rollouts", "measures")
    done = skills(home, "render", copy, "--all")
    assert done.returncode == FAILED
    assert "it has no rollouts yet" in done.stderr
    assert "Finish it: skills discover" in done.stderr


def test_an_unknown_run_names_the_nearest(home: Path, run: Path) -> None:
    done = skills(home, "render", "halfcheta-random", "--all")
    assert done.returncode == NOT_FOUND
    assert f"Did you mean {DATASET}?" in done.stderr


def test_no_runs_at_all_says_how_to_make_one(tmp_path: Path) -> None:
    done = skills(tmp_path, "gallery")
    assert done.returncode == NOT_FOUND
    assert "skills discover ant-medium" in done.stderr


def test_gallery_prints_its_page(home: Path, run: Path) -> None:
    done = skills(home, "gallery")
    assert done.stdout == f"{run / 'gallery' / 'index.html'}\n"


def test_list_shows_every_run_even_a_damaged_one(home: Path, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "runs" / "good")
    (tmp_path / "runs" / "bad").mkdir()
    (tmp_path / "runs" / "bad" / "manifest.json").write_text("{")
    (tmp_path / "runs" / "bad" / "config.json").write_text("{")
    printed = skills(tmp_path, "list").stdout
    table = {line.split()[0]: line for line in printed.splitlines()}
    assert table["good"].split()[:4] == ["good", DATASET, "skills", str(SKILLS)]
    assert " complete " in table["good"]
    assert " best return " in table["good"], "nothing is cut off"
    assert "cannot be read, see below" in table["bad"]
    assert re.search(r"^bad: .*/bad/manifest\.json is damaged", printed, re.MULTILINE)
    rows = {row["name"]: row for row in json.loads(skills(tmp_path, "list", "--json").stdout)["runs"]}
    assert rows["good"]["videos"] == SKILLS
    assert rows["bad"]["problem"]


def test_show_a_run(home: Path, run: Path) -> None:
    printed = skills(home, "show", DATASET).stdout
    assert "made here" in printed
    assert "policy.expectile" in printed
    assert "Own-class occupancy" in printed
    assert "policy.value" in printed
    document = json.loads(skills(home, "show", DATASET, "--json").stdout)
    assert document["kind"] == "run"
    losses = document["losses"]["rewards.total"]
    assert losses["last"] < losses["first"]


def test_show_a_run_that_is_not_finished(home: Path, copy: Path) -> None:
    undo(copy, "policy", "rollouts", "measures")
    printed = skills(home, "show", copy).stdout
    assert "Finish it with: skills discover" in printed


def test_show_a_skill_of_the_newest_run(home: Path, run: Path) -> None:
    printed = skills(home, "show", "3").stdout
    assert printed.startswith("Skill 3 of ")
    assert str(run / "gallery" / "skills" / "003.mp4") in printed
    document = json.loads(skills(home, "show", run, "--skill", "3", "--json").stdout)
    assert document["measures"]["skill"] == 3
    beyond = skills(home, "show", SKILLS)
    assert beyond.returncode == USAGE
    assert "skills 0 to 7" in beyond.stderr


def test_show_a_dataset(home: Path, run: Path) -> None:
    document = json.loads(skills(home, "show", DATASET, "--dataset", "--json").stdout)
    assert document["env_id"] == "HalfCheetah-v5"
    assert document["local_ids"] == ["skills/halfcheetah/random-v0"]
    assert "3879.7" in skills(home, "show", "ant-medium").stdout
    unknown = skills(home, "show", "ant-medum")
    assert unknown.returncode == NOT_FOUND
    assert "ant-medium" in unknown.stderr


def test_doctor_finds_what_this_machine_has(tmp_path: Path) -> None:
    done = skills(tmp_path, "doctor", "--json")
    assert done.returncode == 0, done.stdout
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert {"python", "torch", "mujoco", "renderer ray", "ffmpeg", "runs", "memory"} <= checks.keys()
    assert "frames/s" in checks["renderer ray"]["value"]


def test_doctor_ends_with_4_where_something_essential_is_missing(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    done = skills(tmp_path, "doctor")
    assert done.returncode == ENVIRONMENT
    assert "set SKILLS_RUNS" in done.stdout


def test_no_colour_is_honoured(tmp_path: Path) -> None:
    coloured = skills(tmp_path, "render", "nothing", FORCE_COLOR="1").stderr
    plain = skills(tmp_path, "render", "nothing", FORCE_COLOR="1", NO_COLOR="1").stderr
    assert "\x1b[1;31m" in coloured
    assert "31m" not in plain


def test_a_reader_that_goes_away_is_no_error(home: Path, run: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "list", "--json"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(home),
        check=False,
    )
    os.close(writing)
    assert done.stderr == ""


@pytest.mark.parametrize(("word", "expected"), [("ant-m", "ant-medium"), ("hopper-r", "hopper-random")])
def test_the_shell_completes_datasets(tmp_path: Path, word: str, expected: str) -> None:
    line = f"skills discover {word}"
    done = skills(tmp_path, _SKILLS_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD="2")
    assert expected in done.stdout.split()
