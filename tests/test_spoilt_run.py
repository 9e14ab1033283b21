"""Every file of a finished run, spoilt in every way: each command that reads it says so, or does without it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import skills
from small import NAME, QUICKLY, RUN, check, finished

from skills.errors import FAULT

FILES = (
    "config.json",
    "manifest.json",
    "measures.json",
    "experts.npz",
    "exemplars.npz",
    "rewards/cvae.safetensors",
    "rewards/curves.npz",
    "rewards/labels.f16",
    "rewards/scales.npz",
    "policy/config.json",
    "policy/curves.npz",
    "policy/weights.safetensors",
    "rollouts/rollouts.npz",
    "evaluation/own/numbers.npz",
    "evaluation/own/trials.json",
    "evaluation/own/trials.npz",
    "gallery/index.html",
    "gallery/manifest.json",
)
EVALUATE = ("evaluate", RUN, "--against", "none", "--trials", 4, "-q")
# Commands that take a fraction of a second, and those that take longer.
QUICK = (
    ("list",),
    ("show", RUN),
    ("show", RUN, "--json"),
    ("show", RUN, "--skill", 0),
    ("gallery", RUN),
    ("gallery", "--runs"),
    ("compare", RUN, RUN),
    ("export", RUN, "--skill", 0, "--force"),
    ("label", RUN, "--skill", 0, "--out", "mine/labelled-v0"),
    ("render", RUN, "--skill", 0, "--sheet", "{new}/sheet.png"),
)
SLOW = (EVALUATE, ("plot", RUN, "-q"), ("ablate", "data", RUN, "--values", "0.5", "-q"))


def replaced(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(bytes(content))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def crafted(path: Path) -> None:
    """An archive, or tensors, of other arrays; where the kind has none, other bytes."""
    if path.suffix == ".npz":
        np.savez(path, allow_pickle=True, labels=np.array([{}], object), scale=np.array(["x"]), key=np.zeros((2, 2)))
    else:
        path.write_bytes(b"\x02\x00\x00\x00\x00\x00\x00\x00{}")


def without_a_member(path: Path) -> None:
    """The first member of the object is gone, and the last is of another type."""
    document = json.loads(path.read_text())
    names = list(document)
    document.pop(names[0])
    document[names[-1]] = [None]
    path.write_text(json.dumps(document))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "flipped": flipped,
    "emptied": replaced(b""),
    "gone": Path.unlink,
    "a folder": folder,
    "crafted": crafted,
}
OF_JSON: dict[str, Callable[[Path], object]] = {
    "a list": replaced(b"[1, 2]"),
    "a number": replaced(b"7"),
    "null": replaced(b"null"),
    "an empty object": replaced(b"{}"),
    "NaN": replaced(b'{"schema_version": NaN, "skills": [NaN]}'),
    "too deep": replaced(b"[" * 200_000),
    "not text": replaced(b"\xff\xfe\x00"),
    "lacking": without_a_member,
}
SPOILT = [
    pytest.param(file, spoil, id=f"{file} {name}")
    for file in FILES
    for name, spoil in (DAMAGE | OF_JSON if file.endswith(".json") else DAMAGE).items()
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small dataset, and a run on it that has been evaluated and shown."""
    folder = tmp_path_factory.mktemp("home")
    finished(folder)
    check(skills(folder, *EVALUATE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKILLS_RUNS", str(folder / "runs"))
        patch.setenv("MINARI_DATASETS_PATH", str(folder / "minari"))
        from skills.runs import exemplars
        from skills.runs.folder import find

        exemplars.find(find(RUN))
    check(skills(folder, "gallery", RUN))
    return folder


def tried(home: Path, spoilt: Path, *words: object) -> None:
    """Runs a command on the spoilt run: it does what it should, or says what is wrong."""
    said = [str(word).format(new=spoilt) for word in words]
    done = skills(spoilt, *said, MINARI_DATASETS_PATH=str(home / "minari"))
    assert "Traceback" not in done.stderr, said
    assert done.returncode != FAULT, (said, done.stderr)
    assert done.returncode == 0 or "error: " in done.stderr, (said, done.stderr)


def spoilt(home: Path, tmp_path: Path, file: str, spoil: Callable[[Path], object]) -> Path:
    """A copy of the run with one file spoilt; the folder of the runs."""
    shutil.copytree(home / "runs", tmp_path / "runs")
    shutil.rmtree(home / "minari" / "mine" / "labelled-v0", ignore_errors=True)
    spoil(tmp_path / "runs" / RUN / file)
    return tmp_path


def test_these_are_the_files_of_a_run(home: Path) -> None:
    run = home / "runs" / RUN
    found = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert found - {".lock"} == set(FILES)


@pytest.mark.parametrize(("file", "spoil"), SPOILT)
def test_a_spoilt_file_is_named_or_done_without(
    home: Path, tmp_path: Path, file: str, spoil: Callable[[Path], object]
) -> None:
    folder = spoilt(home, tmp_path, file, spoil)
    for words in QUICK:
        tried(home, folder, *words)


@pytest.mark.parametrize("name", ["truncated", "a folder"])
@pytest.mark.parametrize("file", FILES)
def test_so_do_the_commands_that_take_longer(home: Path, tmp_path: Path, file: str, name: str) -> None:
    folder = spoilt(home, tmp_path, file, DAMAGE[name])
    for words in SLOW:
        tried(home, folder, *words)
    tried(home, folder, "discover", NAME, "--run", folder / "runs" / RUN, *QUICKLY)
