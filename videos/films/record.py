"""What is known of the films of a run: a film is done where it is as it was written, and shows what is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from skills.files import read_json, sha256, write_json
from skills.runs.layout import Layout
from skills.videos.films.films import Film, Style

_SCHEMA = 3
_PARTS = ("digests", "begins", "renderers", "files")


@dataclass
class Record:
    """Of finished films by name, kept beside them in `gallery/videos.json`.

    digests: of what each shows.   begins: the s that it begins at, where that is not 0.   renderers: who drew it.
    files: sha256 of it and of its poster, by their names.
    """

    folder: Path
    digests: dict[str, str] = field(default_factory=dict)
    begins: dict[str, float] = field(default_factory=dict)
    renderers: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def read(layout: Layout) -> "Record":
        """The record of a run; empty where it has no films. Raises: SkillsError for one that is damaged."""
        shape = {f"{part}?": {str: float if part == "begins" else str} for part in _PARTS}
        path, hint = layout.films_file, "Delete it: the films are rendered again."
        document = read_json(path, shape, hint) if path.is_file() else {}
        return Record(layout.gallery_folder, *(dict(document.get(part) or {}) for part in _PARTS))

    def note(self, film: Film, style: Style, renderer: str, path: Path) -> None:
        """A film that has just been written.   path: where the record is kept."""
        self.digests[film.name] = film.digest(style)
        self.begins[film.name] = film.panes[0].shown.begin
        self.renderers[film.name] = renderer
        self.files |= {name: sha256(self.folder / name) for name in film.files}
        parts = {part: dict(sorted(getattr(self, part).items())) for part in _PARTS}
        parts["begins"] = {name: at for name, at in parts["begins"].items() if at}
        write_json(path, {"schema_version": _SCHEMA, **parts})

    def is_current(self, film: Film, style: Style, renderer: str) -> bool:
        """Whether a film is there as it was written, shows what is wanted, and is by the renderer, or "auto" any."""
        if self.digests.get(film.name) != film.digest(style):
            return False
        if renderer not in ("auto", self.renderers.get(film.name)):
            return False
        paths = {name: self.folder / name for name in film.files}
        return all(path.is_file() and self.files.get(name) == sha256(path) for name, path in paths.items())


@dataclass(frozen=True)
class Finished:
    """How far films are while they are being made.

    names: of the films that are done.   begins: s of a rollout at which those begin that do not at 0.
    total: how many are wanted.
    """

    names: frozenset[str]
    begins: dict[str, float]
    total: int

    @staticmethod
    def of(record: Record, names: Sequence[str], total: int) -> "Finished":
        """What is done of so many, with what the record knows of it."""
        begins = {name: record.begins[name] for name in names if record.begins.get(name)}
        return Finished(frozenset(names), begins, total)
