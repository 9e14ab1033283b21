"""`skills doctor`: whether this machine has what the project needs, and what to do where it has not."""

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer

from skills.cli import console
from skills.cli.options import Json
from skills.data.minari_root import minari_root
from skills.errors import ENVIRONMENT, SkillsError

SCHEMA_VERSION = 1
_GIB = 2**30
_DISK_WANTED = 5.0  # GiB: a hundred skills on a million transitions, with their videos
_MEMORY_WANTED = 2.0  # GiB: `quick` takes 1.4 on two cores


@dataclass(frozen=True)
class Check:
    """What one look at the machine found.

    value: what is there.   remedy: what to do, where it is not ok.   essential: nothing works without it.
    """

    name: str
    ok: bool
    value: str
    remedy: str = ""
    essential: bool = False


def doctor(json: Json = False) -> None:
    """Check this machine: packages, renderers, ffmpeg, folders, disk, memory."""
    found = [check for look in _LOOKS for check in look()]
    healthy = all(check.ok for check in found if check.essential)
    if json:
        checks = [asdict(check) for check in found]
        console.document({"schema_version": SCHEMA_VERSION, "ok": healthy, "checks": checks})
    else:
        console.show(_table(found))
    if not healthy:
        raise typer.Exit(ENVIRONMENT)


def _python() -> list[Check]:
    return [Check("python", True, f"{platform.python_version()}, {platform.system()} {platform.machine()}")]


def _torch() -> list[Check]:
    missing = _missing("torch")
    if missing:
        return [missing]
    import torch

    threads = torch.get_num_threads()
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return [
        Check("torch", True, f"{torch.__version__}, {threads} thread{'s' if threads > 1 else ''}", essential=True),
        Check("GPU", True, name or "none: everything runs on the CPU"),
    ]


def _packages() -> list[Check]:
    found = []
    for package in ("mujoco", "gymnasium", "minari", "scikit-learn"):
        found.append(_missing(package) or Check(package, True, version(package), essential=True))
    return found


# How a package is imported: MuJoCo as everything here does it, see there.
_MODULES = {"scikit-learn": "sklearn", "mujoco": "skills.bodies"}


def _missing(package: str) -> Check | None:
    try:
        import_module(_MODULES.get(package, package))
        version(package)
    except Exception as error:  # noqa: BLE001  # whatever a package raises that cannot do without something else
        said = " ".join(str(error).split()) or type(error).__name__
        return Check(package, False, f"cannot be imported: {said}", f"pip install {package}", essential=True)
    return None


def _renderers() -> list[Check]:
    try:
        from skills.videos.films.renderers import available
    except ImportError as error:
        return [Check("renderers", False, f"cannot be imported: {error}", "install what is missing", essential=True)]

    speeds = available()
    found = []
    for name, speed in speeds.items():
        if isinstance(speed, str):
            others = [other for other, value in speeds.items() if not isinstance(value, str)]
            remedy = f"not needed: {others[0]} works" if others else "reinstall mujoco"
            found.append(Check(f"renderer {name}", False, speed, remedy, essential=not others))
        else:
            found.append(Check(f"renderer {name}", True, f"{speed:.0f} frames/s at 256x256 on one core"))
    return found


def _ffmpeg() -> list[Check]:
    try:
        import imageio_ffmpeg

        from skills.videos.films.encode import REMEDY, lack
    except ImportError as error:
        return [Check("ffmpeg", False, f"cannot be imported: {error}", "install what is missing", essential=True)]
    if missing := lack():
        return [Check("ffmpeg", False, missing, REMEDY, essential=True)]
    value = f"{imageio_ffmpeg.get_ffmpeg_version()}, {imageio_ffmpeg.get_ffmpeg_exe()}"
    return [Check("ffmpeg", True, value, essential=True)]


def _folders() -> list[Check]:
    from skills.runs.folder import runs_root

    try:
        datasets = _writable(
            "Minari datasets", minari_root(), "set MINARI_DATASETS_PATH to a folder that can be written"
        )
    except SkillsError as error:
        datasets = Check("Minari datasets", False, error.message, error.hint, essential=True)
    return [datasets, _writable("runs", runs_root().absolute(), "set SKILLS_RUNS to a folder that can be written")]


def _writable(name: str, path: Path, remedy: str) -> Check:
    """Whether a folder can be written, or made."""
    standing = _standing(path)
    ok = standing.is_dir() and os.access(standing, os.W_OK | os.X_OK)
    return Check(name, ok, f"{path}" if ok else f"{path} cannot be written", "" if ok else remedy, essential=True)


def _standing(path: Path) -> Path:
    """The path, or the nearest of its parents that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _disk() -> list[Check]:
    from skills.runs.folder import runs_root

    free = shutil.disk_usage(_standing(runs_root().absolute())).free / _GIB
    enough = free >= _DISK_WANTED
    remedy = "" if enough else f"a large run needs about {_DISK_WANTED:g} GiB: free some, or set SKILLS_RUNS"
    return [Check("free disk", enough, f"{free:.1f} GiB for runs", remedy)]


def _memory() -> list[Check]:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    except (AttributeError, ValueError, OSError):  # not every system says
        return []
    limit = Path("/sys/fs/cgroup/memory.max")  # a container may have less than the machine
    if limit.is_file() and (text := limit.read_text().strip()).isdecimal():
        total = min(total, int(text) / _GIB)
    enough = total >= _MEMORY_WANTED
    remedy = "" if enough else f"the quick preset wants about {_MEMORY_WANTED:g} GiB: try --preset smoke"
    return [Check("memory", enough, f"{total:.1f} GiB, {os.cpu_count()} cores", remedy)]


_LOOKS: tuple[Callable[[], list[Check]], ...] = (
    _python,
    _torch,
    _packages,
    _renderers,
    _ffmpeg,
    _folders,
    _disk,
    _memory,
)


def _table(found: list[Check]) -> Any:
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for check in found:
        value = f"{check.value}\n{check.remedy}" if check.remedy else check.value
        table.add_row("ok" if check.ok else "problem" if check.essential else "note", check.name, value)
    return table
