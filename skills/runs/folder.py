"""The run folder: what it is of, which stages are done, who may write it. Where its files lie: layout.py.

A stage is done when the manifest says so and its files are still the ones it names.
"""

import contextlib
import hashlib
import os
import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from numbers import Integral
from pathlib import Path
from typing import Any

from skills import storage
from skills.errors import NOT_FOUND, USAGE, SkillsError, nearest
from skills.files import RESTORE, json_text, read_json, sha256, sweep, write_json, write_text
from skills.progress import Notify, unsaid
from skills.runs.command import go_on
from skills.runs.holding import bring, bring_locked, check_local, locked
from skills.runs.layout import Layout, is_run, runs_in
from skills.runs.manifest import checksum, installed, read_manifest, write_manifest
from skills.runs.shapes import MEASURES
from skills.settings.change import checked_settings
from skills.settings.config import Config, differences, with_number
from skills.troubles import DamagedError, reading, writing

SCHEMA_VERSION = 1
STAGES = ("experts", "rewards", "policy", "rollouts", "measures")
_REPORTED_PACKAGES = ("skills", "torch", "mujoco", "gymnasium", "minari", "scikit-learn", "numpy")


def runs_root() -> Path:
    """Where runs go: $SKILLS_RUNS, a folder or a place in object storage; or `runs` in the current folder."""
    return storage.placed(os.environ.get("SKILLS_RUNS", "runs"))


@dataclass(frozen=True)
class RunFolder(Layout):
    """A run folder that exists.   asked: the configuration that it was begun with.

    aside: where the run is that stood there before, if one was moved for this.
    """

    asked: Config
    aside: Path | None = field(default=None, compare=False)

    @property
    def config(self) -> Config:
        """The configuration as it stands: an inferred number of skills is known once their classes are."""
        if not self.asked.experts.inferred:
            return self.asked
        found = self.manifest["stages"].get("experts")
        return self.asked if found is None else with_number(self.asked, found["skills"])

    @property
    def env_id(self) -> str:
        """The Gymnasium id of the environment that the data comes from."""
        env_id: str = self.manifest["dataset"]["env_id"]
        return env_id

    @property
    def dataset(self) -> dict[str, Any]:
        """What it learns from, in short."""
        known = self.manifest["dataset"]
        return {name: known[name] for name in ("name", "minari_id", "made_here", "steps", "episodes")}

    @property
    def source(self) -> str:
        """Where what is made inside the run reads its data: as always, or from the source that another package adds."""
        return str(self.manifest.get("dataset", {}).get("source", "auto"))

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest as it stands on disk."""
        return read_manifest(self.manifest_file)

    @property
    def measures(self) -> dict[str, Any]:
        """The measures as they stand on disk. Raises: SkillsError where there are none, or they are damaged."""
        self.require("measures")
        document: dict[str, Any] = read_json(self.measures_file, MEASURES)
        with reading(self.measures_file, RESTORE):
            if [one["skill"] for one in document["skills"]] != list(range(self.config.heads)):
                raise DamagedError(f"its skills are not those from 0 to {self.config.heads - 1}")
        return document

    def finished_stages(self) -> list[str]:
        """Names of the stages that the manifest calls done, in order."""
        stages = self.manifest["stages"]
        return [name for name in STAGES if name in stages]

    @property
    def is_finished(self) -> bool:
        """Whether the manifest calls every stage done."""
        return len(self.finished_stages()) == len(STAGES)

    def is_done(self, stage: str) -> bool:
        """Whether a stage is finished and its files are unchanged since."""
        entry = self.manifest["stages"].get(stage)
        return entry is not None and not self._changed(entry)

    def _changed(self, entry: Mapping[str, Any]) -> list[str]:
        """The files of a stage that are missing, or others than it made; those that an evaluation has amended are not.

        entry: what the manifest says of the stage.
        """
        amended = entry.get("amended", {})
        return [
            name
            for name, digest in entry["files"].items()
            if not (self.path / name).is_file() or sha256(self.path / name) not in (digest, amended.get(name))
        ]

    def require(self, *stages: str) -> None:
        """Raises: SkillsError with the command that finishes the run, where a stage or its files are missing, or a file
        is another than the stage made.
        """
        done = self.manifest["stages"]
        for stage in stages:
            files = done[stage]["files"] if stage in done else None
            if files is None or not all((self.path / name).is_file() for name in files):
                raise SkillsError(
                    f"The run {self.path} is not finished: it has no {stage} yet.",
                    f"Finish it: {go_on(self.path)}",
                )
            # Once more where it is: an evaluation may have amended the measures since the manifest was read.
            if self._changed(done[stage]) and (changed := self._changed(self.manifest["stages"][stage])):
                raise SkillsError(
                    f"{self.path / changed[0]} is damaged, or not what this run made: its checksum is another.",
                    f"Have it made again: {go_on(self.path)}",
                )

    def require_skill(self, skill: int) -> None:
        """Raises: SkillsError (usage) for a skill that the run has not."""
        if not isinstance(skill, Integral) or not 0 <= skill < self.config.heads:
            raise SkillsError(
                f"There is no skill {skill} in {self.path}.", f"It has skills 0 to {self.config.heads - 1}.", USAGE
            )

    @property
    def rows(self) -> int:
        """N: the transitions that the run learns from, its dataset's and in imitation mode the demonstrations' too."""
        manifest = self.manifest
        behind = manifest["expert"]["steps"] if self.config.mode == "imitation" else 0
        return int(manifest["dataset"]["steps"] + behind)

    def require_skills(self, what: str) -> None:
        """Raises: SkillsError (usage) for a run with one expert, where `what` has nothing to tell apart."""
        if self.config.mode != "skills":
            raise SkillsError(
                f"{what} is of many skills; {self.path} has learned one, in the mode {self.config.mode}.",
                f"Its score: skills show {self.path}   The scores of all runs: skills list",
                USAGE,
            )

    def record_dataset(self, dataset: Mapping[str, Any], kind: str = "dataset") -> None:
        """Notes which data the run learns from, or (kind "expert") which expert; or ("part_of") of which its rows are
        the first.

        Raises: SkillsError where an earlier part of the run has learned from other data.
        """
        manifest = self.manifest
        known = manifest.get(kind)
        if known is not None:
            check_same(dataset, known)
        else:
            write_manifest(self.manifest_file, {**manifest, kind: dict(dataset)})

    @contextlib.contextmanager
    def stage(self, name: str, files: list[Path]) -> Iterator[dict[str, Any]]:
        """Runs a stage that makes `files`; on success the manifest calls it done, and what came after it undone.

        Gives a dict for what else the manifest is to say of the stage.
        """
        manifest = self.manifest
        manifest["stages"] = {
            done: entry for done, entry in manifest["stages"].items() if STAGES.index(done) < STAGES.index(name)
        }
        write_manifest(self.manifest_file, manifest)
        start = time.monotonic()
        notes: dict[str, Any] = {}
        yield notes
        digests = {file.relative_to(self.path).as_posix(): sha256(file) for file in files}
        manifest["stages"][name] = {"seconds": round(time.monotonic() - start, 2), "files": digests, **notes}
        write_manifest(self.manifest_file, manifest)

    def amend_measures(self, document: Mapping[str, Any]) -> None:
        """Writes more into the measures; their stage stays done, and so do those after it.

        The manifest says so before and after: killed at any moment, what is there is what it tells of.
        """
        text = json_text(document)
        manifest = self.manifest
        entry = manifest["stages"]["measures"]
        name = self.measures_file.relative_to(self.path).as_posix()
        digest = hashlib.sha256(text.encode()).hexdigest()
        entry["amended"] = {name: digest}
        write_manifest(self.manifest_file, manifest)
        write_text(self.measures_file, text)
        entry["files"][name] = digest
        del entry["amended"]
        write_manifest(self.manifest_file, manifest)

    def withdraw(self) -> None:
        """Takes a run back of which nothing is finished; what was moved aside for it stands there again.

        The caller holds `writing()`.
        """
        if self.finished_stages():
            return
        # With the file of the first stage, which may have been written and not noted, on a disk that is full since.
        for file in (self.experts_file, self.config_file, self.manifest_file, self.lock_file):
            storage.remove(file)
        sweep(self.path)
        with contextlib.suppress(OSError):  # where anything else is there, it stays
            self.path.rmdir()
            if self.aside is not None:
                self.aside.rename(self.path)

    @contextlib.contextmanager
    def writing(self, notify: Notify = unsaid) -> Iterator[None]:
        """Keeps other writers out. Raises: SkillsError where another process is writing this run.

        notify: is told where one has left it behind, in object storage.
        """
        with locked(self.path, notify):
            bring_locked(self.path)
            sweep(self.path)
            yield


def check_same(found: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Raises: SkillsError where data that were read are not those that a manifest tells of.

    Rewards are compared where both have read them.
    """
    rewards = {entry.get("rewards_digest") for entry in (found, known)} - {None}
    if found["digest"] == known["digest"] and len(rewards) < 2:
        return
    ours, theirs = (entry["minari_id"] or entry["name"] for entry in (found, known))
    what = "rewards" if found["digest"] == known["digest"] else "data"
    raise SkillsError(
        f"The {what} of {ours} are not what this run began with ({theirs}).",
        "Get or make the same again, or start anew: with --fresh, or elsewhere with --run.",
    )


def default_path(dataset: str, mode: str = "skills") -> Path:
    """Where a run on a dataset goes unless told otherwise."""
    return runs_root() / (dataset.replace("/", "-") + (f"-{mode}" if mode != "skills" else ""))


def open_or_create(path: Path, config: Config, *, fresh: bool = False, brought: bool = False) -> RunFolder:
    """The run of that folder, to be continued or begun.

    fresh: an existing run is moved aside (`ant-medium.1`), never deleted.   brought: whether `bring` has found a run.
    Raises: SkillsError where the folder holds a run with another configuration, or one that another process is writing
    and that was to be moved, or something that is no run.
    """
    aside = None
    if not brought:
        bring(path)
    if fresh and is_run(path):
        check_local(path, "--fresh")
        with locked(path):
            aside = _move_aside(path)
    if is_run(path):
        run = open_run(path)
        changes = differences(config, run.asked) and differences(config, run.config)
        if changes:
            raise SkillsError(
                f"{path} holds a run with another configuration:\n  " + "\n  ".join(changes),
                "Use another folder with --run, or --fresh to begin anew (the old run is kept beside it).",
                USAGE,
            )
        return run
    check_free(path, fresh=fresh)
    settings = config.to_json()
    write_json(Layout(path).config_file, settings)
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {package: installed(package) for package in _REPORTED_PACKAGES},
        "python": platform.python_version(),
        "packages": config.packages(),
        "config": checksum(settings),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "stages": {},
    }
    write_manifest(Layout(path).manifest_file, manifest)
    return RunFolder(path, config, aside)


def check_free(path: Path, *, fresh: bool) -> None:
    """Raises: SkillsError where no run can be begun in a folder: it holds other things, or may not be written; or, to
    be moved aside, a run that another process is writing.
    """
    if is_run(path):
        if fresh:
            with locked(path):
                return
        return
    with writing(path):
        if path.exists() and not all(_is_ours_to_begin(entry) for entry in path.iterdir()):
            raise SkillsError(f"{path} is not empty and is not a run.", "Choose another folder with --run.", USAGE)


def open_run(path: Path) -> RunFolder:
    """The run of a folder. Raises: SkillsError (not found) where there is none."""
    if not is_run(path):
        raise SkillsError(f"{path} is not a run: it has no manifest.json.", exit_code=NOT_FOUND)
    version = read_json(Layout(path).manifest_file, {"schema_version": int})["schema_version"]
    if version > SCHEMA_VERSION:
        raise SkillsError(
            f"The run {path} was made by a newer version of skills: its manifest is of version {version}, and "
            f"{SCHEMA_VERSION} is known here.",
            "Nothing is wrong with it. Use that version.",
        )
    manifest = read_manifest(Layout(path).manifest_file)
    config = read_json(Layout(path).config_file, {"schema_version": int})
    with reading(Layout(path).config_file, RESTORE):
        asked = checked_settings(Config.from_json(config, manifest.get("packages")))
        if manifest.get("config") not in (None, checksum(config)):
            raise DamagedError("its settings are not those that the run was begun with")
        return RunFolder(path, asked)


def find(name: str | None) -> RunFolder:
    """The run of that name (a folder of `runs_root()` or a path); the newest finished one for None.

    Where none is finished, the newest that can be read.
    Raises: SkillsError (not found) with the nearest names.
    """
    if name is None:
        return _newest()
    return open_run(path_of(name))


def path_of(name: str) -> Path:
    """The folder of the run of that name, readable or not. Raises: SkillsError (not found) with the nearest names."""
    for path in [storage.placed(name)] if storage.is_url(name) else [runs_root() / name, Path(name)]:
        if is_run(bring(path)):
            return path
    raise SkillsError(f"Unknown run {name!r}.", nearest(name, [path.name for path in all_paths()]), NOT_FOUND)


def _newest() -> RunFolder:
    runs = all_paths()
    if not runs:
        raise SkillsError(f"There are no runs in {runs_root()}.", "Make one: skills discover ant-medium", NOT_FOUND)
    readable = []
    for path in runs:
        with contextlib.suppress(SkillsError):
            run = open_run(path)
            if run.is_finished:
                return open_run(bring(path))
            readable.append(run)
    return open_run(bring(readable[0].path if readable else runs[0]))


def all_paths() -> list[Path]:
    """Every run of `runs_root()`, the most recently written first; what tells of those in object storage is here."""
    root, found = runs_root(), []
    if storage.url_of(root) is not None:
        for path in storage.folders(root):
            bring(path, heads=True)
    for path in runs_in(root):
        with contextlib.suppress(OSError):  # deleted while we looked
            found.append((Layout(path).manifest_file.stat().st_mtime, path))
    return [path for _, path in sorted(found, reverse=True)]


def _is_ours_to_begin(entry: Path) -> bool:
    """Whether a file is what a run leaves that was killed as it began."""
    begun = Layout(entry.parent)
    return entry in (begun.lock_file, begun.config_file) or ".partial" in entry.name


def _move_aside(path: Path) -> Path:
    path = path.resolve()
    for number in range(1, 10_000):
        aside = path.with_name(f"{path.name}.{number}")
        if not aside.exists():
            with writing(path):
                path.rename(aside)
            return aside
    raise SkillsError(f"There are too many old runs beside {path}.", "Delete some of them.")
