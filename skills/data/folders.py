"""A dataset's folder as Minari keeps it, wherever it lies, taken into the Minari root under a name of its own.

NAME/data/metadata.json, main_data.hdf5   ->   imported/NAME-DIGEST-v0
"""

import hashlib
import re
import shutil
from pathlib import Path

from skills.data import store
from skills.data.minari_root import is_local
from skills.data.opening import open_folder
from skills.data.room import check_room
from skills.files import sha256

_DIGITS = 8  # of the digest of what it holds, in its name


def is_minari(path: Path) -> bool:
    """Whether a folder is a dataset's."""
    return (path / "data" / store.METADATA).is_file()


def take_in(path: Path) -> str:
    """The Minari id of a copy of a dataset's folder, made where there is none yet.

    Raises: SkillsError where it cannot be read, or names code that is not trusted; where there is no room.
    """
    files = [path / "data" / name for name in (store.METADATA, store.DATA)]
    open_folder(path / "data", str(path))  # refuses here what could not be read
    digest = hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()[:_DIGITS]
    name = re.sub(r"\W+", "-", path.name, flags=re.ASCII).strip("-") or "set"
    minari_id = f"imported/{name}-{digest}-v0"
    with store.making(minari_id) as stage:
        if not is_local(minari_id):
            check_room(stage, sum(file.stat().st_size for file in files), f"The rows of {path}")
            stage.mkdir(parents=True)
            for file in files:
                shutil.copyfile(file, stage / file.name)
            store.install(stage, minari_id)
    return minari_id
