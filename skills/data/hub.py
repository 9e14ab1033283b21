"""Downloads Minari datasets from the hub that Minari itself uses (MINARI_REMOTE; HF_ENDPOINT says where the hub is).

<Minari root>/.skills/download-mujoco-ant-medium-v0/   while it comes: what is there is not asked for again
<Minari root>/mujoco/ant/medium-v0/data/               when it is whole and its checksums are right
"""

import errno
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from minari.storage.remotes import get_cloud_storage

from skills.data import store
from skills.data.minari import DAMAGE, damaged
from skills.data.minari_root import is_local
from skills.data.opening import open_folder
from skills.errors import ENVIRONMENT, NOT_FOUND, USAGE, SkillsError
from skills.files import explained
from skills.progress import Notify, Progress, silent, unsaid

ATTEMPTS = 3
_PAUSE = 2.0  # s before the second attempt; twice as long before the third
_POLL = 0.2  # s between two looks at how much has come

Result = TypeVar("Result")


def download(minari_id: str, progress: Progress = silent, notify: Notify = unsaid) -> None:
    """Brings a dataset of the hub into the local Minari root; one that is there is left as it is.

    A download that stopped half-way goes on where it was. progress: in bytes.   notify: gets a line for each attempt
    that failed and is repeated.

    Raises: SkillsError: (not found) the hub has no such dataset; (environment) no connection, the `hf` extra is not
    installed, no room on the disk; a file that does not match its checksum.
    """
    if is_local(minari_id):
        return
    store.check_id(minari_id)
    hub = _Hub(minari_id)
    stage = store.workshop(f"download-{minari_id.replace('/', '-')}")
    with explained(stage):
        stage.mkdir(parents=True, exist_ok=True)
        with FileLock(stage.with_suffix(".lock")):
            if not is_local(minari_id):
                sizes = _patiently(hub.sizes, minari_id, notify, attempts=1)  # the hub's library repeats this itself
                _check_room(stage, sum(sizes.values()))
                _patiently(lambda: hub.fetch(sizes, stage, progress), minari_id, notify)
                _check_readable(stage / minari_id / "data", minari_id)
                store.install(stage / minari_id / "data", minari_id)
                shutil.rmtree(stage)


class _Hub:
    """One dataset on the hub."""

    def __init__(self, minari_id: str) -> None:
        try:
            import huggingface_hub
            from huggingface_hub.utils import disable_progress_bars

            self._storage = get_cloud_storage()
        except ImportError as error:
            raise SkillsError(
                "Downloading needs the package huggingface_hub.", "pip install huggingface_hub", ENVIRONMENT
            ) from error
        except (KeyError, ValueError) as error:
            raise SkillsError(
                "MINARI_REMOTE is not a remote of Minari, such as hf://farama-minari.", "", USAGE
            ) from error
        disable_progress_bars()  # its progress and its warnings are told by ours
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
        self._api = huggingface_hub.HfApi()
        self._minari_id = minari_id
        repository, _, self._folder = minari_id.partition("/")
        self._repository = f"{self._storage.name}/{repository}"

    def sizes(self) -> dict[str, int]:
        """{path in the repository: bytes} of the dataset's files.

        Raises: SkillsError (not found) where there are none.
        """
        from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError

        try:
            tree = self._api.list_repo_tree(
                self._repository, path_in_repo=self._folder or None, recursive=True, repo_type="dataset"
            )
            sizes = {entry.path: int(entry.size) for entry in tree if hasattr(entry, "size")}
        except (EntryNotFoundError, RepositoryNotFoundError) as error:
            raise _not_there(self._minari_id, self._repository) from error
        if not sizes:
            raise _not_there(self._minari_id, self._repository)
        return sizes

    def fetch(self, sizes: dict[str, int], stage: Path, progress: Progress) -> None:
        """Downloads what is missing in `stage` and checks all of it."""
        local, total = stage / self._minari_id.partition("/")[0], sum(sizes.values())
        progress(min(_bytes_in(stage), total), total)
        with _watching(stage, total, progress):
            for path, size in sizes.items():
                if not (local / path).is_file():
                    self._fetch_file(path, size, local / path)
        self._check_sums(local, sizes)
        progress(total, total)

    def _fetch_file(self, path: str, size: int, target: Path) -> None:
        """Downloads the rest of a file. The hub library's own download begins anew in each process: gigabytes lost."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers

        part = target.with_name(f"{target.name}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        if part.is_file() and part.stat().st_size > size:
            part.unlink()
        url = hf_hub_url(self._repository, path, repo_type="dataset", endpoint=self._api.endpoint)
        with part.open("ab") as file:
            http_get(url, file, resume_size=file.tell(), headers=build_hf_headers(), expected_size=size)
        part.replace(target)

    def _check_sums(self, local: Path, sizes: dict[str, int]) -> None:
        """Compares the files with the hub's checksums; one that is wrong is deleted, so that it comes again."""
        found = self._api.verify_repo_checksums(self._repository, repo_type="dataset", local_dir=local)
        wrong = [mismatch["path"] for mismatch in found.mismatches if mismatch["path"] in sizes]
        missing = [path for path in found.missing_paths if path in sizes]
        for path in wrong:
            (local / path).unlink()
        if wrong or missing:
            names = ", ".join(wrong + missing)
            raise OSError(errno.EIO, f"{names} came damaged: not the bytes that the hub's checksum is of")


def _not_there(minari_id: str, repository: str) -> SkillsError:
    return SkillsError(
        f"The hub has no dataset {minari_id} (looked in {repository}).",
        "See https://minari.farama.org/datasets for those it has, or `minari list remote`.",
        NOT_FOUND,
    )


def _patiently(work: Callable[[], Result], minari_id: str, notify: Notify, attempts: int = ATTEMPTS) -> Result:
    """Does the work and gives its result; does it again after a failure that may pass.

    Raises: SkillsError that says what the last failure was.
    """
    import huggingface_hub

    # Whatever HTTP client the hub's library uses, its errors and the library's own have this base.
    transient: tuple[Any, ...] = (OSError, *huggingface_hub.errors.HfHubHTTPError.__bases__)
    for attempt in range(1, attempts + 1):
        try:
            return work()
        except transient as error:
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EFBIG):
                raise  # time does not mend a full disk
            reason = " ".join(str(error).split()) or type(error).__name__
            if attempt == attempts:
                raise SkillsError(
                    f"{minari_id} could not be downloaded from {_endpoint()}: {reason}.",
                    "Check the network and run the same command again: it continues where this one stopped.",
                    ENVIRONMENT,
                ) from error
            pause = _PAUSE * attempt
            notify(f"Attempt {attempt} of {attempts} failed: {reason}. The next in {pause:.0f} s.")
            time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def _check_room(stage: Path, total: int) -> None:
    left, free = total - _bytes_in(stage), shutil.disk_usage(stage).free
    if left > free:
        raise SkillsError(
            f"{left / 1e6:,.0f} MB are to be downloaded, and {free / 1e6:,.0f} MB are free at {stage}.",
            "Free some space, or set MINARI_DATASETS_PATH to a folder on a larger disk.",
            ENVIRONMENT,
        )


def _check_readable(data: Path, minari_id: str) -> None:
    try:
        open_folder(data, minari_id)
    except DAMAGE as error:
        raise damaged(minari_id, error) from error


def _bytes_in(folder: Path) -> int:
    def size(path: Path) -> int:
        try:
            return path.stat().st_size
        except OSError:  # renamed while we looked
            return 0

    return sum(size(path) for path in folder.rglob("*") if path.is_file())


@contextmanager
def _watching(folder: Path, total: int, progress: Progress) -> Iterator[None]:
    """Reports how many bytes are in the folder, for as long as the block lasts."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_POLL):
            progress(min(_bytes_in(folder), total), total)

    watcher: Any = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
