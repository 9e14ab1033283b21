"""What nobody expected, as one line: a fault of this program, how to report it, and where its traceback is saved."""

import os
import platform
import sys
import tempfile
import traceback
from importlib.metadata import PackageNotFoundError, version

from skills.errors import ENVIRONMENT, FAULT, SkillsError
from skills.troubles import is_of_memory, refused

_OURS = "skills"


def in_words(error: Exception) -> SkillsError:
    """What the command line says of an exception that no command has put into words."""
    if is_of_memory(error):
        return SkillsError(
            f"There is not enough memory: {_one_line(error)}.",
            "Ask for less (fewer steps, skills or pixels), or use a machine with more memory.",
            ENVIRONMENT,
        )
    if isinstance(error, OSError) and error.filename is not None:
        return refused(error)
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] != _OURS:
        package = error.name.partition(".")[0]
        hint = f"pip install {package}   What else is missing: skills doctor"
        return SkillsError(f"The package {package!r} is not installed.", hint, ENVIRONMENT)
    return SkillsError(f"This is a fault of skills itself: {_one_line(error)}{_where(error)}.", _report(error), FAULT)


def _report(error: Exception) -> str:
    """How to report it, and where its traceback is."""
    try:
        handle, path = tempfile.mkstemp(prefix="skills-fault-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(_account(error))
    except OSError:
        return "Please report it, with the command. There is nowhere to save its traceback: set TMPDIR to a folder."
    return f"Please report it to whoever you have skills from, with the file {path}: it holds the traceback."


def _account(error: Exception) -> str:
    lines = [f"command: {' '.join(sys.argv)}", f"python {platform.python_version()}, {platform.platform()}"]
    for package in (_OURS, "torch", "mujoco", "gymnasium", "minari", "numpy", "h5py"):
        try:
            lines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{package} is not installed")
    return "\n".join([*lines, "", *traceback.format_exception(error)])


def _where(error: Exception) -> str:
    """The innermost line of this program that the exception went through."""
    ours = [
        frame
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] == _OURS
    ]
    lines = [number for frame, number in traceback.walk_tb(error.__traceback__) if frame in ours]
    return f", in {ours[-1].f_globals['__name__']} line {lines[-1]}" if ours else ""


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
