"""Downloads Minari datasets from the hub that Minari itself uses (MINARI_REMOTE; HF_ENDPOINT says where the hub is).

<Minari root>/.skills/download-mujoco-ant-medium-v0/   while it comes: what is there is not asked for again
<Minari root>/mujoco/ant/medium-v0/data/               when it is whole and its checksums are right
"""

import errno
import logging
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from minari.storage.remotes import get_cloud_storage

from skills.data import store
from skills.data.listing import HubFile, files_of
from skills.data.minari_root import is_local
from skills.data.opening import open_folder
from skills.data.patience import limited, patiently
from skills.errors import ENVIRONMENT, NOT_FOUND, USAGE, SkillsError
from skills.progress import Notify, Progress, silent, unsaid

PATIENCE = 120.0  # s that a list of files may take, and a download longer than its bytes
SLOWEST = 20_000  # bytes a second, over a whole download


def download(minari_id: str, progress: Progress = silent, notify: Notify = unsaid) -> None:
    """Brings a dataset of the hub into the local Minari root; one that is there is left as it is.

    A download that stopped half-way goes on where it was. progress: in bytes.   notify: gets a line for each attempt
    that failed and is repeated.

    Raises: SkillsError: (not found) the hub has no such dataset; (environment) no connection, or one that hangs, the
    `hf` extra is not installed, no room on the disk; files that are not those that the hub has listed.
    """
    if is_local(minari_id):
        return
    store.check_id(minari_id)
    hub = _Hub(minari_id)
    with store.making(minari_id, store.DOWNLOAD) as stage:
        if is_local(minari_id):
            return
        stage.mkdir(exist_ok=True)
        files = patiently(hub.files, minari_id, notify, attempts=1)  # the hub's library repeats this itself
        _check_room(stage, sum(file.size for file in files))
        patiently(lambda: hub.fetch(files, stage, progress), minari_id, notify)
        open_folder(stage / minari_id / "data", minari_id)  # refuses here what could not be read
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

    def files(self) -> list[HubFile]:
        """The dataset's files.

        Raises: SkillsError (not found) where there are none.
        """
        from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError

        def tree() -> Iterable[Any]:
            yield from self._api.list_repo_tree(
                self._repository, path_in_repo=self._folder or None, recursive=True, repo_type="dataset"
            )

        try:
            found = limited(lambda: files_of(tree, self._folder), PATIENCE, "The hub's list of files has no end")
        except (EntryNotFoundError, RepositoryNotFoundError) as error:
            raise _not_there(self._minari_id, self._repository) from error
        if not found:
            raise _not_there(self._minari_id, self._repository)
        return found

    def fetch(self, files: list[HubFile], stage: Path, progress: Progress) -> None:
        """Downloads what is missing in `stage` and checks all of it."""
        local, total = stage / self._minari_id.partition("/")[0], sum(file.size for file in files)
        over = threading.Event()

        def work() -> None:
            for file in files:
                if not (local / file.path).is_file():
                    self._fetch_file(file, local / file.path, over)

        def look() -> None:
            progress(min(_bytes_in(stage), total), total)

        look()
        try:
            limited(work, PATIENCE + total / SLOWEST, f"{self._minari_id} comes too slowly", look)
        finally:
            over.set()
        _check_sums(local, files)
        progress(total, total)

    def _fetch_file(self, file: HubFile, target: Path, over: threading.Event) -> None:
        """Downloads the rest of a file. The hub library's own download begins anew in each process: gigabytes lost."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers

        part = target.with_name(f"{target.name}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        if part.is_file() and part.stat().st_size > file.size:
            part.unlink()
        url = hf_hub_url(self._repository, file.path, repo_type="dataset", endpoint=self._api.endpoint)
        with part.open("ab") as content:
            body: Any = _Body(content, file.size, over)
            http_get(url, body, resume_size=content.tell(), headers=build_hf_headers(), expected_size=file.size)
        part.replace(target)


class _Body:
    """A file that a body is written to, no longer than was declared, and not after the download was given up."""

    def __init__(self, file: BinaryIO, size: int, over: threading.Event) -> None:
        self._file, self._size, self._over = file, size, over
        self.tell, self.seek, self.truncate = file.tell, file.seek, file.truncate

    def write(self, piece: bytes) -> int:
        if self._over.is_set():
            raise OSError(errno.ECANCELED, "the download was given up")
        if self._file.tell() + len(piece) > self._size:
            self._file.truncate(0)
            raise OSError(errno.EIO, f"more came than the {self._size:,} bytes that the hub has listed")
        return self._file.write(piece)


def _check_sums(local: Path, files: list[HubFile]) -> None:
    """Compares the files with the hub's checksums; one that is wrong is deleted, so that it comes again."""
    wrong = [file.path for file in files if not file.is_of(local / file.path)]
    for path in wrong:
        (local / path).unlink()
    if wrong:
        raise OSError(errno.EIO, f"{', '.join(wrong)} came damaged: not the bytes that the hub's checksum is of")


def _not_there(minari_id: str, repository: str) -> SkillsError:
    return SkillsError(
        f"The hub has no dataset {minari_id} (looked in {repository}).",
        "See https://minari.farama.org/datasets for those it has, or `minari list remote`.",
        NOT_FOUND,
    )


def _check_room(stage: Path, total: int) -> None:
    left, free = total - _bytes_in(stage), shutil.disk_usage(stage).free
    if left > free:
        raise SkillsError(
            f"{left / 1e6:,.0f} MB are to be downloaded, and {free / 1e6:,.0f} MB are free at {stage}.",
            "Free some space, or set MINARI_DATASETS_PATH to a folder on a larger disk.",
            ENVIRONMENT,
        )


def _bytes_in(folder: Path) -> int:
    def size(path: Path) -> int:
        try:
            return path.stat().st_size
        except OSError:  # renamed while we looked
            return 0

    return sum(size(path) for path in folder.rglob("*") if path.is_file())
