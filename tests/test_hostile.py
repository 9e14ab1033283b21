"""Every option and argument of every command, found by walking the app: for what makes no sense there are words."""

import importlib
import pkgutil
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
import typer
from commands import Done, skills
from small import NAME, QUICKLY, RUN, finished

import skills as skills_package
from skills.cli.app import app
from skills.errors import FAULT

PATIENCE = 3.0  # s of the processor, after which a command is interrupted as Ctrl-C does
VALUES = ("4294967296", "1000000000", "nan", "inf", "1e308", "a" * 300, "\x1b[31mred")

# What a command needs beside the option that is tried. One that is not here needs nothing.
NEEDED: dict[str, tuple[object, ...]] = {
    "discover": (NAME, *QUICKLY, "--run", "{new}/run"),
    "render": (RUN, "--skill", "0", "--sheet", "{new}/sheet.png"),
    "evaluate": (RUN, "--against", "none", "--trials", "2"),
    "ablate": ("calibration", RUN),
    "reproduce": ("table3", "--datasets", NAME, "--preset", "smoke", "--out", "{new}/out"),
    "label": (RUN, "--skill", "0", "--out", "mine/labelled-v0"),
    "export": (RUN, "--skill", "0"),
    "show": (RUN,),
    "compare": (RUN, RUN),
    "data make": ("hopper-random",),
    "data import": ("hops.npz", "--env", "Hopper-v5", "--name", "mine/new-v0"),
    "data download": ("hopper-medium",),
    "data show": (NAME,),
    "gallery": (RUN,),
    "plot": (RUN,),
    "find": (RUN, "--goal", "vx=1"),
    "plan": (RUN, "--goal", "vx=1", "--seconds", "6"),
    "transitions": (RUN, "--starts", "1"),
    "compose": (RUN, "0*1s", "--out", "{new}/film.gif"),
    "segment": (RUN,),
}


def parameters() -> Iterator[tuple[str, str, bool]]:
    """(command, what of it takes a value, whether that is an option) of the whole app."""

    def walk(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, str, bool]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, (*path, name))
        for one in getattr(command, "params", ()):
            if path and not getattr(one, "is_flag", False):
                yield " ".join(path), one.opts[0], one.opts[0].startswith("-")

    yield from walk(typer.main.get_command(app), ())


SERVING = {"play"}  # it goes on until it is interrupted, with whatever it took; tests/test_play.py has what it refuses
PARAMETERS = sorted(one for one in set(parameters()) if one[0] not in SERVING)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small dataset and run."""
    importlib.import_module("matplotlib.figure")
    for module in pkgutil.walk_packages(skills_package.__path__, "skills."):
        importlib.import_module(module.name)  # no import is to be interrupted: it would stay half done
    folder = tmp_path_factory.mktemp("home")
    finished(folder)
    return folder


@contextmanager
def interrupted(seconds: float) -> Iterator[None]:
    """Interrupts what takes longer."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def tried(home: Path, new: Path, command: str, parameter: str, option: bool, value: str) -> Done:
    """The command with this value, in the folder of the run.   new: where it may write."""
    words = [*command.split(), *(str(one).format(new=new) for one in NEEDED.get(command, ()))]
    if option and parameter in words:
        place = words.index(parameter)
        del words[place : place + 2]
    words += [f"{parameter}={value}"] if option else ["--", value]
    with pytest.MonkeyPatch.context() as patch, interrupted(PATIENCE):
        patch.chdir(home)
        return skills(home, *words, MINARI_DATASETS_PATH=str(home / "minari"), HF_HUB_OFFLINE="1")


# Two values each, others for the next; the torture tries many more, and that what is taken is used.
TRIED = [
    pytest.param(*parameter, VALUES[place % len(VALUES)], id=f"{' '.join(parameter[:2])} {place % len(VALUES)}")
    for number, parameter in enumerate(PARAMETERS)
    for place in (number, number + 3)
]


@pytest.mark.parametrize(("command", "parameter", "option", "value"), TRIED)
def test_what_is_no_sense_is_said(
    home: Path, tmp_path: Path, command: str, parameter: str, option: bool, value: str
) -> None:
    done = tried(home, tmp_path, command, parameter, option, value)
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert done.returncode != FAULT, done.stderr
    assert done.returncode == 0 or re.search(r"^(error: |Usage: skills)", done.stderr, re.MULTILINE), done.stderr
    assert len(done.stderr.splitlines()) < 60
