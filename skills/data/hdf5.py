"""HDF5 files that are whole in themselves: what they hold is in them, and no larger than the memory.

HDF5 can keep an array's numbers in any file of the machine (external storage), build an array of pieces of other files
(virtual datasets), and link to objects of other files. Such a file, got from somebody, would copy what is private into
a dataset, or read as zeros where the other file is not there. None is needed here, so none is read.
"""

import contextlib
import importlib
from typing import Any

import h5py

from skills.errors import ENVIRONMENT, SkillsError
from skills.memory import check_memory

_HINT = "Write the numbers themselves into one file: h5repack does, or h5py where the other files are."


def check_whole(group: h5py.Group, what: str, *, streamed: bool = False) -> None:
    """Looks at every link and array below a group, before any number is read.

    streamed: arrays are read a part at a time, so each may be larger than the memory, and links to other paths of the
        file are not followed, so they may be there.
    Raises: SkillsError where one leads out of the file, or is larger than the memory.
    """
    allowed = {h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT} if streamed else {h5py.h5l.TYPE_HARD}
    names: list[bytes] = []

    def look(name: bytes, info: Any) -> bytes | None:
        if info.type == h5py.h5l.TYPE_HARD:
            names.append(name)
        return None if info.type in allowed else name

    leading_out = group.id.links.visit(look, info=True)
    if leading_out is not None:
        raise _refused(f"{_said(leading_out)} in {what} is a link to somewhere else.")
    for name in names:
        found = h5py.h5o.open(group.id, name)
        if isinstance(found, h5py.h5d.DatasetID):
            _check_stored_here(found, _said(name), what)
            if not streamed:
                check_filters(found, _said(name), what)
                size = found.get_space().get_simple_extent_npoints() * found.get_type().get_size()
                check_memory(size, f"{_said(name)} in {what}")


def check_own_link(group: h5py.Group, name: str, what: str) -> None:
    """Raises: SkillsError where a name in a group is a link to somewhere else."""
    if name in group.id and group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise _refused(f"{name} in {what} is a link to somewhere else.")


def check_filters(dataset: h5py.h5d.DatasetID, name: str, what: str) -> None:
    """Raises: SkillsError (environment) for an array compressed with a filter that h5py has not."""
    created = dataset.get_create_plist()
    if not created.get_nfilters() or not dataset.get_num_chunks():
        return
    left_out = dataset.get_chunk_info(0).filter_mask  # a bit for each filter that was not there as it was written
    for place in range(created.get_nfilters()):
        code, _, _, said = created.get_filter(place)
        if not left_out >> place & 1 and not _has_filter(code):
            word = _said(said) or "one without a name"
            raise SkillsError(
                f"{name} in {what} is compressed with a filter that h5py does not have: {word} (number {code}).",
                "Nothing is wrong with it. Most filters are in one package: pip install hdf5plugin   Or write the file "
                "anew with one that HDF5 has: h5repack -f GZIP=4 IN OUT, where it was made.",
                ENVIRONMENT,
            )


def _has_filter(code: int) -> bool:
    """Whether HDF5 has a filter, or has it once the package hdf5plugin is imported."""
    if not h5py.h5z.filter_avail(code):
        with contextlib.suppress(ImportError):
            importlib.import_module("hdf5plugin")
    return bool(h5py.h5z.filter_avail(code))


def _check_stored_here(dataset: h5py.h5d.DatasetID, name: str, what: str) -> None:
    created = dataset.get_create_plist()
    layout = created.get_layout()
    if layout == h5py.h5d.VIRTUAL:
        raise _refused(f"{name} in {what} is made of pieces of other files (a virtual dataset).")
    if layout == h5py.h5d.CONTIGUOUS and created.get_external_count():
        raise _refused(f"{name} in {what} keeps its numbers in another file ({_said(created.get_external(0)[0])}).")


def _said(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _refused(message: str) -> SkillsError:
    return SkillsError(f"{message} It was not read.", _HINT)
