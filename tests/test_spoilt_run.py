"""Every file of a finished run, spoilt: each command that reads it says so, or says what it says of the whole run.

Each file is spoilt in two of the ways, so that each way is tried; `python -m tests.torture damage` tries many more.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import Done, skills
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
    "rollouts/beginnings.npz",
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
SLOW = (EVALUATE, ("plot", RUN, "-q"))


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
KINDS = DAMAGE | OF_JSON


def kinds_of(file: str) -> list[str]:
    """Two or three ways to spoil a file, others for the next; all for files of JSON together, and all for the rest."""
    json = file.endswith(".json")
    every, step, count = (list(KINDS), 6, 3) if json else (list(DAMAGE), 3, 2)
    first = [other for other in FILES if other.endswith(".json") == json].index(file)
    return [every[(first + step * number) % len(every)] for number in range(count)]


SPOILT = [pytest.param(file, kind, id=f"{file} {kind}") for file in FILES for kind in kinds_of(file)]
TELLS = re.compile(r"damaged|cannot be read|not finished|another by now", re.IGNORECASE)
PAGE = f"@/runs/{RUN}/gallery/index.html"
NO_PAGE = f"Gallery: {PAGE}\n"  # which is not said where there is none


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


def tried(runs: Path, home: Path, words: tuple[object, ...]) -> Done:
    """A command on a run in `runs`, with the datasets of `home`."""
    shutil.rmtree(home / "minari" / "mine" / "labelled-v0", ignore_errors=True)
    return skills(runs, *(str(word).format(new=runs) for word in words), MINARI_DATASETS_PATH=str(home / "minari"))


def said(done: Done, runs: Path) -> str:
    """What a command prints, wherever the run is and however long it took."""
    return re.sub(r"(?m)^Time: .*$", "", done.stdout.replace(str(runs), "@"))


@pytest.fixture(scope="module")
def right(home: Path) -> dict[tuple[object, ...], str]:
    """What each command says of the whole run."""
    return {words: said(check(tried(home, home, words)), home) for words in QUICK}


def spoilt(home: Path, tmp_path: Path, file: str, kind: str) -> Path:
    """A copy of the run with one file spoilt; the folder of the runs."""
    shutil.copytree(home / "runs", tmp_path / "runs")
    KINDS[kind](tmp_path / "runs" / RUN / file)
    return tmp_path


def test_these_are_the_files_of_a_run(home: Path) -> None:
    run = home / "runs" / RUN
    found = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert found - {".lock"} == set(FILES)
    assert {kind for file in FILES for kind in kinds_of(file)} == set(KINDS)


@pytest.mark.parametrize(("file", "kind"), SPOILT)
def test_a_spoilt_file_is_named_or_done_without(
    home: Path, right: dict[tuple[object, ...], str], tmp_path: Path, file: str, kind: str
) -> None:
    runs = spoilt(home, tmp_path, file, kind)
    for words in QUICK:
        done = tried(runs, home, words)
        assert "Traceback" not in done.stderr, words
        if done.returncode == 0:
            whole = right[words]
            if file.startswith("gallery/index"):
                whole = whole.replace(NO_PAGE, "").replace(f'"gallery": "{PAGE}"', '"gallery": null')
            assert said(done, runs) in (right[words], whole) or TELLS.search(done.stdout + done.stderr), words
        else:
            assert done.returncode != FAULT, (words, done.stderr)
            assert is_named(file, done.stderr), (words, done.stderr)


def is_named(file: str, said: str) -> bool:
    """Whether an error is of this file, or of the stage that it is of."""
    words = (Path(file).name, Path(Path(file).parts[0]).stem, "is not a run", "has not been evaluated")
    return "error: " in said and any(word in said for word in words)


@pytest.mark.parametrize("file", [file for file in FILES if file.partition("/")[0] not in ("evaluation", "gallery")])
def test_what_is_spoilt_is_made_again_as_it_was_or_named(home: Path, tmp_path: Path, file: str) -> None:
    runs = spoilt(home, tmp_path, file, "truncated")
    whole, run = home / "runs" / RUN, runs / "runs" / RUN
    done = tried(runs, home, ("discover", NAME, "--run", run, *QUICKLY))
    if file in ("config.json", "manifest.json", "exemplars.npz"):
        assert is_named(file, done.stderr), done.stderr
        return
    check(done)
    for name in FILES:
        if name.partition("/")[0] in ("rewards", "policy", "rollouts", "experts.npz"):
            assert (run / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.parametrize("number", range(len(FILES)), ids=FILES.__getitem__)
def test_the_commands_that_take_longer_name_it_too(home: Path, tmp_path: Path, number: int) -> None:
    runs = spoilt(home, tmp_path, FILES[number], "truncated")
    done = tried(runs, home, SLOW[number % len(SLOW)])
    assert done.returncode == 0 or is_named(FILES[number], done.stderr), done.stderr
