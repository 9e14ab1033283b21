"""What went wrong where something was read or written, told apart: the one place that has words for it.

Only what is damaged is called damaged. A file that another program holds, that may not be read, that is of a newer
version, or that there is no memory or room for, is none the worse for it, and nobody is told to delete it. What is
wrong in this program itself is no trouble of a file: it passes through.
"""

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from skills.errors import ENVIRONMENT, FAILED, NOT_FOUND, SkillsError, UnwritableError

_AT_FAULT = (AttributeError, AssertionError, NameError, NotImplementedError)  # of this program, where it raises them
_BUSY = {errno.EAGAIN, errno.EBUSY, errno.ETXTBSY, errno.EDEADLK}
_BARRED = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_MEMORY = re.compile(r"can't allocate memory|cannot allocate memory|out of memory", re.IGNORECASE)
_ERRNO = re.compile(r"errno = (\d+)|\(os error (\d+)\)")  # how HDF5 and safetensors pass one on
_GET_AGAIN = "Get or make it again."


class DamagedError(Exception):
    """What is read is not what it should be, in a few words."""


@contextmanager
def reading(
    what: Path | str, remedy: str = _GET_AGAIN, *, named: str = "", newer: Callable[[], str] = str
) -> Iterator[None]:
    """Turns what readers raise at `what` into a SkillsError that says what is wrong with it.

    what: the file, or what it is of.   remedy: the way out where it is damaged.   named: as messages call it.
    newer: says which newer version wrote it, where one did: then it is not damaged, but not to be read here.
    """
    if isinstance(what, Path):
        check_no_pipe(what)
    try:
        yield
    except SkillsError:
        raise
    except Exception as error:  # readers raise whatever damage provokes: SafetensorError, BadZipFile, zlib.error
        if is_ours(error):
            raise
        raise unread(error, what, remedy, named=named, newer=newer) from error


def check_no_pipe(path: Path) -> None:
    """Raises: SkillsError for what is there and is neither a file nor a folder: who opens a pipe waits for ever."""
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):  # whoever reads it says so
        return
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise SkillsError(f"{path} is no file: a pipe, a device or a socket stands there.", "Put a file there.")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns an OSError about `path` into a SkillsError that says what to do."""
    try:
        yield
    except OSError as error:
        raise unwritten(error, path) from error


def unread(
    error: BaseException,
    what: Path | str,
    remedy: str = _GET_AGAIN,
    *,
    named: str = "",
    newer: Callable[[], str] = str,
) -> SkillsError:
    """The words for what a reader raised, as `reading` takes them."""
    named = named or str(what)
    number = _number(error)
    if is_of_memory(error):
        return SkillsError(
            f"There is not enough memory to read {named}: {_text(error)}.",
            "Read less of it, or use a machine with more memory.",
            ENVIRONMENT,
        )
    if isinstance(error, ImportError):
        return SkillsError(
            f"{named} cannot be read without a package that is not installed: {_text(error)}.",
            "Nothing is wrong with it. Install the package.",
            ENVIRONMENT,
        )
    if number in _BUSY or "unable to lock file" in str(error):
        return SkillsError(
            f"{named} is in use: another program has it open for writing.",
            "Nothing is wrong with it. Wait until that program has ended, and run the same command again.",
        )
    if "h5clear" in str(error):  # HDF5's own word for what to do
        return SkillsError(
            f"{named} was left open by the program that wrote it, or is still being written.",
            f"Where that program has ended: h5clear -s {what}   Else wait for it.",
        )
    if number in _BARRED:
        return SkillsError(
            f"{named} cannot be read: this user is not permitted to.",
            f"Nothing is wrong with it. Have its owner change its permissions: chmod -R u+rX {_place(error, what)}",
        )
    if number in (errno.ENOENT, errno.ESTALE):
        return SkillsError(f"{named} is not there.", remedy, NOT_FOUND)
    if number in (errno.EISDIR, errno.ENODEV):
        return SkillsError(f"{named} is a folder; a file is expected there.", "Move the folder away.")
    if "allow_pickle" in str(error):
        return SkillsError(
            f"{named} holds Python objects (pickle), which are never read: they could run code.",
            "Write it without them, as arrays of numbers.",
        )
    if number is not None:
        return SkillsError(f"{named} cannot be read: {_spelt(number)}.", _advice(number, what))
    if found := newer():
        return SkillsError(f"{named} cannot be read here: {found}.", "Nothing is wrong with it.", ENVIRONMENT)
    if "superblock version" in str(error):
        return SkillsError(
            f"{named} is of a version of HDF5's format that is not known here, or its first bytes are damaged.",
            "Try a newer h5py: pip install -U h5py   Where that does not help: " + remedy,
        )
    return SkillsError(f"{named} is damaged: {_text(error)}.", remedy)


def unwritten(error: OSError, path: Path) -> UnwritableError:
    """The words for what went wrong where `path` was to be written."""
    said = _text(error) if error.errno is None else os.strerror(error.errno)
    other = "" if error.filename is None or Path(str(error.filename)).parent == path.parent else f"{error.filename}: "
    return UnwritableError(f"Cannot write {path}: {other}{said}.", _advice(error.errno or 0, path), FAILED)


def refused(error: OSError) -> SkillsError:
    """The words for what the operating system said of a file, where nobody knows what was to be done with it."""
    said = _text(error) if error.errno is None else _spelt(error.errno)
    code = NOT_FOUND if error.errno == errno.ENOENT else FAILED
    return SkillsError(f"{error.filename}: {said}.", _advice(error.errno or 0, str(error.filename)), code)


def is_of_memory(error: BaseException) -> bool:
    """Whether there was not enough memory, in whatever way a library says so."""
    said = isinstance(error, RuntimeError | OSError) and _NO_MEMORY.search(str(error)) is not None
    return said or isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM


def is_ours(error: BaseException) -> bool:
    """Whether an exception tells of a fault of this program: one that code without faults never raises, raised here."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
    return isinstance(error, _AT_FAULT) and where.partition(".")[0] == "skills"


def disk_of(path: Path) -> tuple[Path, int]:
    """(where the disk is mounted that a path is on, or would be; the bytes that are free there)."""
    standing = path.absolute()
    while not standing.exists() and standing != standing.parent:
        standing = standing.parent
    free = shutil.disk_usage(standing).free
    while not os.path.ismount(standing):
        standing = standing.parent
    return standing, free


def _advice(number: int, path: Path | str) -> str:
    """What to do about an error of the operating system."""
    if number in _FULL:
        return _full(number, path)
    return {
        errno.EACCES: "This user is not permitted to: choose another folder, or have its permissions changed.",
        errno.EPERM: "This user is not permitted to: choose another folder, or have its permissions changed.",
        errno.EROFS: "It is on a read-only file system: choose another folder.",
        errno.ENOTDIR: "A file stands where a folder is needed: move it, or choose another folder.",
        errno.EISDIR: "A folder stands there: move it, or choose another name.",
        errno.ENAMETOOLONG: "A name may have 255 bytes: choose a shorter one.",
        errno.EMFILE: "This process may open more files after: ulimit -n 4096",
        errno.ELOOP: "Links lead in a circle there: choose another folder.",
        errno.EIO: "The disk itself fails: look at the system's messages.",
    }.get(number, "")


def _full(number: int, path: Path | str) -> str:
    try:
        place, free = disk_of(Path(path))
        disk = f"The disk at {place} is full ({free / 1e6:,.0f} MB free)"
    except OSError:
        disk = "The disk is full"
    said = {errno.EDQUOT: "The disk quota is used up", errno.EFBIG: "A file there may not be so large"}
    return f"{said.get(number, disk)}: free some space, or choose another disk, and run the same command again."


def _number(error: BaseException) -> int | None:
    """The operating system's number of an error, also where a library has put it into words."""
    if not isinstance(error, OSError):
        return None
    found = _ERRNO.search(str(error))
    return error.errno or (int(found[1] or found[2]) if found else None) or _by_kind(error)


def _by_kind(error: OSError) -> int | None:
    """Of an error that a library raised with words only."""
    kinds = {FileNotFoundError: errno.ENOENT, PermissionError: errno.EACCES, IsADirectoryError: errno.EISDIR}
    return next((number for kind, number in kinds.items() if isinstance(error, kind)), None)


def _spelt(number: int) -> str:
    return os.strerror(number).lower()


def _place(error: BaseException, what: Path | str) -> str:
    """The file that an error is of, where it or HDF5's words name one."""
    named = re.search(r"name = '([^']+)'", str(error))
    return str(getattr(error, "filename", None) or (named[1] if named else what))


def _text(error: BaseException) -> str:
    """What an exception says, in a line that a person may read."""
    text = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, DamagedError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
