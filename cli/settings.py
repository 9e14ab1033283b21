"""`skills show --settings`: every setting, its default and what it means."""

from typing import Any

from skills.cli import console

SCHEMA_VERSION = 1


def show_settings(*, json: bool) -> None:
    """Prints the settings of every stage, and of every reward maker, learner and measure there is."""
    from skills.plugins import LEARNERS, MAKERS, MEASURES
    from skills.settings.change import settings_of
    from skills.settings.config import DataConfig, ExpertsConfig, RolloutConfig

    owners: dict[str, tuple[str, type[Any]]] = {"data": ("data", DataConfig), "experts": ("experts", ExpertsConfig)}
    owners |= {f"--rewards {name}": ("reward", MAKERS.load(name)) for name in MAKERS.names()}
    owners |= {f"--learner {name}": ("policy", LEARNERS.load(name)) for name in LEARNERS.names()}
    owners["rollout"] = ("rollout", RolloutConfig)
    owners |= {f"measure {name}": (name, MEASURES.load(name)) for name in MEASURES.names()}
    rows = [(of, one) for of, (stage, owner) in owners.items() for one in settings_of(stage, owner)]
    if json:
        found = [{"of": of, "name": one.name, "default": one.default, "may_be": one.may_be, "meaning": one.meaning}
                 for of, one in rows]  # fmt: skip
        console.document({"schema_version": SCHEMA_VERSION, "settings": found})
        return
    for of in owners:
        own = [one for by, one in rows if by == of]
        if not own:
            continue
        console.line(f"{of}:")
        console.show(console.pairs([(one.name, f"{one.default}   {one.meaning}; {one.may_be}") for one in own]))
    console.line("Defaults are the paper's; presets set many otherwise: skills show RUN. Change one: --set NAME=VALUE,")
    console.line("of a measure in skills evaluate, of all else in skills discover")
