"""Begins a run of a dataset, or finds it: what was asked for is checked, the data are got and read, the folder is made.

What is refused on the way leaves no folder.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from skills.data import bags, catalog, columnar, lerobot, minari_root
from skills.errors import NOT_FOUND, USAGE, SkillsError
from skills.progress import Notify, Reporter
from skills.runs.configure import make_config
from skills.runs.folder import RunFolder, check_free, open_or_create, open_run
from skills.runs.holding import bring
from skills.runs.layout import is_run
from skills.runs.reading import Data, look, note
from skills.settings.config import EXPERT_FILES
from skills.storage import fetch, is_url, placed


@dataclass(frozen=True)
class Begun:
    """A run to be brought to its end.   data: what it learns from; None where it was begun before, and has yet to read.

    source: where it reads from.
    """

    run: RunFolder
    data: Data | None
    source: str


def begin(
    dataset: str,
    path: Path,
    *,
    fresh: bool,
    device: str,
    source: str,
    offline: bool,
    reporter: Reporter,
    notify: Notify,
    observations: Sequence[str] = (),
    actions: Sequence[str] = (),
    **asked: Any,
) -> Begun:
    """The run of that folder, to be continued or begun; its data are on this machine then, or can be made on it.

    fresh: begin anew, an old run is kept beside the new one.   device: "auto" goes on where the run began.
    source, offline: as `skills.data.sources.load` takes them; "auto" goes on with the source of another package.
    observations, actions: which arrays of a file these are, as `skills.data.importing.import_file` takes them.
    asked: as `make_config` takes it.
    Raises: SkillsError as these do; before anything is made or downloaded where what is asked for cannot be.
    """
    if is_url(dataset):
        dataset = str(_fetched(dataset))
    if is_log_file(dataset):
        dataset = _imported(dataset, asked.get("env"), observations, actions, reporter, notify)
    elif observations or actions:
        raise SkillsError(
            f"{dataset} is a dataset, whose columns are chosen already.",
            "--observation and --action choose those of a file of logs: leave them out.",
            USAGE,
        )
    bring(path)
    asked["expert"] = expert_of(asked.get("expert"))
    env = asked.get("env")
    make_config(dataset, **asked)
    begun = None if fresh or not is_run(path) else open_run(path)  # it goes on as it began
    device = begun.config.device if begun and device == "auto" else device
    source = begun.source if begun and source == "auto" else source
    for name in (dataset, asked["expert"]):
        if name is not None and not _is_file(name):
            get_data(name, source if name == dataset else "auto", offline, reporter, notify, env)
    from skills.learning.engine.device import choose_device  # takes a second or two: it needs torch

    config = make_config(dataset, **asked)  # again: only now may it be known whose steps these are
    config = replace(config, device=choose_device(device))
    if begun:
        return Begun(open_or_create(path, config, brought=True), None, source)
    check_free(path, fresh=fresh)
    data = look(config, {}, source, reporter, notify)
    run = open_or_create(path, config, fresh=fresh)
    note(run, data)
    return Begun(run, data, source)


def is_log_file(dataset: str) -> bool:
    """Whether what is named is a file or a folder of logs, rather than a dataset."""
    path, files = Path(dataset), (*EXPERT_FILES, *columnar.SUFFIXES, *bags.SUFFIXES)
    return path.suffix in files or ("/" in dataset and path.is_dir()) or lerobot.is_lerobot(path)


def name_of(dataset: str) -> str:
    """What a run on a dataset is called after: a file's name without its folder and ending."""
    return Path(dataset).stem if is_log_file(dataset) or is_url(dataset) else dataset


def _fetched(url: str) -> Path:
    """The mirror of a file or a folder of object storage. Raises: SkillsError (not found) where there is neither."""
    path = placed(url)
    if not fetch(path):
        raise SkillsError(f"There is nothing at {url}.", "Name a file or a folder of logs, or a dataset.", NOT_FOUND)
    return path


def _imported(
    file: str,
    env: str | None,
    observations: Sequence[str],
    actions: Sequence[str],
    reporter: Reporter,
    notify: Notify,
) -> str:
    """The Minari id of a file's transitions. Raises: SkillsError (usage) where it is not said what they are of."""
    path = Path(file)
    if not path.exists():
        raise SkillsError(f"There is no file {file}.", "Name a file, or a dataset.", NOT_FOUND)

    from skills.data import folders  # as below

    if folders.is_minari(path):
        minari_id = folders.take_in(path)
        notify(f"{file} is the dataset {minari_id} now.")
        return minari_id
    if env is None:
        raise SkillsError(
            f"{file} does not say what it is of.",
            "Name the environment, --env Hopper-v5, or a model, --xml robot.xml; or nothing is played: --env none",
            USAGE,
        )

    from skills.bodies.body import body_of  # as below
    from skills.bodies.keys import is_model
    from skills.data.importing import import_once

    if is_model(env):
        body_of(env)  # refuses before a long log is read in vain

    progress = reporter(f"importing {path.name}", "rows")
    minari_id = import_once(path, env, observations=observations, actions=actions, progress=progress, notify=notify)
    notify(f"{file} is the dataset {minari_id} now.")
    return minari_id


def get_data(
    dataset: str, source: str, offline: bool, reporter: Reporter, notify: Notify, env: str | None = None
) -> None:
    """Downloads the dataset where that is what it takes.   env: what is to be played in, instead of its own.

    Raises: SkillsError where there is no such data, or its environment cannot be played: no run is begun in vain.
    """
    entry = catalog.resolve(dataset)

    from skills.bodies.body import body_of  # Gymnasium and MuJoCo take a second, and a typo ends above
    from skills.data.minari import open_usable
    from skills.data.sources import choose

    chosen = choose(entry, source, offline=offline)
    if entry.env_id and env is None:
        body_of(entry.env_id)
    if chosen == "remote":
        from skills.data import hub

        hub.download(str(entry.official_id), reporter(f"downloading {entry.official_id}", "bytes"), notify)
    if chosen in ("local", "remote"):
        open_usable(next(minari_id for minari_id in entry.ids if minari_root.is_local(minari_id)), env)


def expert_of(named: str | None) -> str | None:
    """The name of a dataset as it is; a file's whole path, for the run may be continued from elsewhere.

    Raises: SkillsError (not found) for a file that is not there.
    """
    if named is None or not _is_file(named):
        return named
    named = str(_fetched(named)) if is_url(named) else named
    if not Path(named).is_file():
        raise SkillsError(f"There is no file {named}.", "Name a file, or a dataset.", NOT_FOUND)
    return str(Path(named).resolve())


def _is_file(expert: str) -> bool:
    return Path(expert).suffix in EXPERT_FILES
