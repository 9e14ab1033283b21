"""Finds skills in offline robot data: a policy that performs each, the reward it was learned from, and their measures.

    run = skills.discover("ant-medium")            # or skills.load("runs/ant-medium")
    action = run.policy.act(observation, skill=17)
    env = skills.SkillEnv(gymnasium.make("Ant-v5"), run, steps=20)

This is all of the public API; it is described in docs/api.md. Nothing heavy is imported before it is used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skills.api.discover import discover
    from skills.api.environment import EnvStep, SkillEnv
    from skills.api.find import find
    from skills.api.performer import Performer
    from skills.api.run import Run, load
    from skills.api.skill import Behaviour, Skill
    from skills.data.importing import import_file
    from skills.errors import SkillsError
    from skills.measures.finding import Candidate
    from skills.measures.quantities import LoggedSteps

    __version__: str
else:
    _HOMES = {
        "Behaviour": "skills.api.skill",
        "Candidate": "skills.measures.finding",
        "EnvStep": "skills.api.environment",
        "LoggedSteps": "skills.measures.quantities",
        "Performer": "skills.api.performer",
        "Run": "skills.api.run",
        "Skill": "skills.api.skill",
        "SkillEnv": "skills.api.environment",
        "SkillsError": "skills.errors",
        "discover": "skills.api.discover",
        "find": "skills.api.find",
        "import_file": "skills.data.importing",
        "load": "skills.api.run",
    }

    def __getattr__(name):
        """Imports a public name when it is first asked for (PEP 562)."""
        if name == "__version__":
            from importlib.metadata import version

            return version("skills")
        if name not in _HOMES:
            raise AttributeError(f"module 'skills' has no attribute {name!r}")
        from importlib import import_module

        found = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return found

    def __dir__():
        return sorted({*globals(), *__all__})


__all__ = [
    "Behaviour",
    "Candidate",
    "EnvStep",
    "LoggedSteps",
    "Performer",
    "Run",
    "Skill",
    "SkillEnv",
    "SkillsError",
    "__version__",
    "discover",
    "find",
    "import_file",
    "load",
]
