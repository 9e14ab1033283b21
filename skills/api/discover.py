"""`skills.discover`: from a dataset to a finished run."""

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any, Literal

from skills import discovery
from skills.api.run import Run
from skills.api.shown import Shown, shown_by
from skills.choices import DeviceChoice, Mode, Preset
from skills.runs.begin import begin, name_of
from skills.runs.folder import default_path
from skills.settings.config import DEFAULT_PRESET
from skills.storage import placed


def discover(
    dataset: str,
    *,
    preset: Preset = DEFAULT_PRESET,
    seed: int = 1,
    skills: int | Literal["auto"] | None = None,
    set: Mapping[str, Any] | None = None,
    run: str | PathLike[str] | None = None,
    fresh: bool = False,
    mode: Mode = "skills",
    expert: str | None = None,
    trajectories: int | None = None,
    episodes: tuple[int, ...] | None = None,
    seeds: int = 1,
    maker: str = "clue",
    learner: str | None = None,
    env: str | None = None,
    observations: Sequence[str] = (),
    actions: Sequence[str] = (),
    device: DeviceChoice = "auto",
    source: str = "auto",
    offline: bool = False,
    progress: Shown = True,
) -> Run:
    """Discovers the skills in a dataset, or learns one from an expert; a run that stopped goes on where it was.

    dataset: a short name ("ant-medium") or any Minari id; one that is not here is made or downloaded.
        Or a file of logs; `observations` and `actions` name the arrays of it that are these.
    env: what to play in instead of the dataset's own: an id, the whole path of a model's file; "log": nothing.
    preset: "smoke" takes seconds, "quick" minutes, "paper" hours.   seed: of everything random.
    skills: K, 2 or more; "auto": as many as there are behaviours in the data; None: the preset's.
    set: any other setting by its name, {"policy.steps": 5000}; `skills show --settings` lists them.
    run: the run's folder; None: runs/DATASET.   fresh: begin anew; an old run is kept beside the new one.
    mode: "skills"; "imitation" of an `expert`, which is a dataset or a file of demonstrations; "sparse", of the
        dataset's own successful episodes. In these two `trajectories` or `episodes` choose, and `seeds` networks learn.
    maker, learner: what makes the rewards, and what learns from them; None: what suits the classes.
    source, offline: where the data come from ("local", "embedded", "remote"), and whether the network is left alone.
    progress: True: lines on stderr; a function of (task, done, total); False: nobody is told.

    Raises: SkillsError for what cannot be; also where the folder holds a run with other settings, which it names.
    """
    path = default_path(name_of(dataset), mode) if run is None else placed(fspath(run))
    with shown_by(progress) as (reporter, notify):
        begun = begin(
            dataset,
            path,
            fresh=fresh,
            device=device,
            source=source,
            offline=offline,
            reporter=reporter,
            notify=notify,
            observations=observations,
            actions=actions,
            preset=preset,
            seed=seed,
            skills=skills,
            set=set,
            mode=mode,
            expert=expert,
            trajectories=trajectories,
            episodes=episodes,
            seeds=seeds,
            maker=maker,
            learner=learner,
            env=env,
        )
        with begun.run.writing(notify):
            discovery.discover(begun.run, source=begun.source, reporter=reporter, notify=notify, data=begun.data)
    return Run(begun.run)
