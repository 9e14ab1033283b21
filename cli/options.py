"""Options that several commands share, and what the shell completes them to."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from skills.bodies.quantities import FUNCTIONS, QUANTITIES
from skills.errors import USAGE, SkillsError
from skills.plugins import Plugins
from skills.printable import printable


def complete_dataset(incomplete: str) -> list[str]:
    """Short dataset names, and the ids of the datasets on this machine."""
    from skills.data import catalog
    from skills.data.minari_root import local_ids

    found = [*catalog.names(), *local_ids()]
    return [name for name in found if name.startswith(incomplete) and name == printable(name)]


def complete_embedded(incomplete: str) -> list[str]:
    """Short names of the datasets that can be made here."""
    from skills.data import catalog

    return [name for name in catalog.embedded_names() if name.startswith(incomplete)]


def complete_official(incomplete: str) -> list[str]:
    """Short names of the datasets that can be downloaded."""
    from skills.data import catalog

    return [name for name in catalog.names() if name.startswith(incomplete) and catalog.resolve(name).official_id]


def complete_run(incomplete: str) -> list[str]:
    """Names of the runs here."""
    from skills.runs import folder as run

    names = [path.name for path in run.all_paths()]
    return [name for name in names if name.startswith(incomplete) and name == printable(name)]


def complete_anything(incomplete: str) -> list[str]:
    """Runs, then datasets."""
    runs = complete_run(incomplete)
    return runs + [name for name in complete_dataset(incomplete) if name not in runs]


RunName = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN", help="A run's name or folder; the newest finished run if left out.", autocompletion=complete_run
    ),
]
_WORDS = "\n\n".join(f"{name}{f', {one.unit}' if one.unit else ''}: {one.meaning}." for name, one in QUANTITIES.items())
ABOUT_TASKS = f"""A reward is arithmetic (+ - * / ** < >, {", ".join(FUNCTIONS)}) over what can be said of a step:

{_WORDS}

Of what does not go about (an arm, a hand, a log without a simulator), and of a swimmer: o0, o1, ...: what is observed
in each column; energy."""
Reward = Annotated[
    str | None, typer.Option("--reward", metavar="EXPR", help='What a step is worth: "vx - 0.5*abs(yaw_rate)".')
]
Goal = Annotated[
    str | None, typer.Option("--goal", metavar="GOALS", help='Or what the body is to be at: "vx=1.5, height=0.6".')
]
Observation = Annotated[
    str | None,
    typer.Option("--observation", metavar="NAME[,NAME...]", help="The arrays of a file that are observations."),
]
Action = Annotated[
    str | None, typer.Option("--action", metavar="NAME[,NAME...]", help="The arrays of a file that are actions.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
AtOnce = Annotated[
    int | None,
    typer.Option(
        "--workers", metavar="N", help="Runs at once, on Ray, of a core each.", show_default="one, without Ray"
    ),
]
Address = Annotated[
    str | None, typer.Option("--address", help="Of a Ray cluster that shares this folder; its runs are made there.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but the result and errors.")]


def _packages(name: str, take: Callable[[str], None], meaning: str) -> Any:
    """An option that names packages; each is taken as the command line is read."""

    def take_all(packages: list[str] | None) -> None:
        for package in packages or ():
            take(package)

    return typer.Option(name, metavar="PACKAGE", callback=take_all, help=meaning)


def _trust(package: str) -> None:
    """What opens a dataset asks `skills.data.trust` itself."""
    from skills.data.trust import trust

    trust(package)


def _import(package: str) -> None:
    """A package that is imported registers its environments."""
    from skills.bodies.making import import_package

    import_package(package)


Trust = Annotated[
    list[str] | None,
    _packages("--trust", _trust, "An installed package whose environments datasets may name."),
]
Import = Annotated[
    list[str] | None,
    _packages("--import", _import, "An installed package that registers environments with Gymnasium."),
]


def given_settings(given: list[str] | None) -> dict[str, str]:
    """ "policy.steps=5000" -> its name and value. Raises: SkillsError (usage) for what is none."""
    for text in given or []:
        if "=" not in text:
            raise SkillsError(f"--set {text} sets nothing.", "Say it as in: --set policy.steps=5000", USAGE)
    return {name.strip(): value.strip() for name, value in (text.split("=", 1) for text in given or [])}


def names_in(text: str | None) -> tuple[str, ...]:
    """ "state,gripper" -> the names; none where nothing was said."""
    return tuple(name.strip() for name in text.split(",")) if text else ()


def choice_of(plugins: Plugins, *more: str) -> str:
    """The names to choose from, for a command's help."""
    return f"[{'|'.join([*more, *plugins.names()])}]"
