"""A run's manifest with its own checksum, so that a word of it that is another by now is seen and not believed.

It is against disks and slips of the hand: whoever edits on purpose can write the checksum too. A manifest without one,
of an earlier version of the program, is read as it stands.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skills.files import RESTORE, read_json, sha256, write_json
from skills.runs.shapes import MANIFEST
from skills.troubles import DamagedError, reading

_CHECKSUM = "checksum"


def read_manifest(file: Path) -> dict[str, Any]:
    """What a manifest says. Raises: SkillsError where it is missing, damaged, or another than was written."""
    document: dict[str, Any] = read_json(file, MANIFEST)
    said = document.pop(_CHECKSUM, None)
    with reading(file, RESTORE):
        if said not in (None, checksum(document)):
            raise DamagedError("its checksum is another")
    return document


def write_manifest(file: Path, document: Mapping[str, Any]) -> None:
    """Writes a manifest."""
    write_json(file, {**document, _CHECKSUM: checksum(document)})


def is_as_made(document: Mapping[str, Any], run: Path, stage: str, file: Path) -> bool:
    """Whether a file of a finished stage is the one that it made; so is one that the manifest does not tell of."""
    digest = document["stages"].get(stage, {}).get("files", {}).get(file.relative_to(run).as_posix())
    return digest is None or (file.is_file() and sha256(file) == digest)


def checksum(document: Mapping[str, Any]) -> str:
    """sha256 of what a JSON document says, however it is laid out, in hex."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def installed(package: str) -> str:
    """Its version; this very package may be run from its tree, on a machine where nothing can be installed."""
    return next((found.version for found in importlib.metadata.distributions(name=package)), "not installed")
