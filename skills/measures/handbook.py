"""What a program that plays exported skills has to know of them: `behaviours.json`, beside the ONNX file."""

from pathlib import Path
from typing import Any

from skills.bodies.body import body_of
from skills.files import write_json
from skills.learning.classes import Classes
from skills.measures.families import find_families
from skills.measures.switches import known_switches
from skills.playing.rollout import Rollouts
from skills.runs.export import Exported, export_all, free
from skills.runs.folder import RunFolder

SCHEMA_VERSION = 1


def handbook(run: RunFolder) -> dict[str, Any]:
    """Of a finished run.

    action: the bounds of the motors, in which the file answers.   seconds_per_step: how long an action lasts.
    skills: label, speed (m/s), survival (0 to 1) and the number of the behaviour of each; `safe`: where one can safely
        go from it and after how many seconds, the quickest first; None before `skills transitions`.
    behaviours: name, skills, and the skill that stands for them.
    """
    run.require("measures")
    classes = Classes.load(run.experts_file)
    families = find_families(Rollouts.load(run.rollouts_file), run.env_id, classes.behaviours)
    bounds = body_of(run.env_id).actions
    measured = run.measures["skills"]
    switches = known_switches(run) if run.config.mode == "skills" else None
    skills = []
    for one in measured:
        number = one["skill"]
        safe = None
        if switches is not None:
            after = switches.safest(number)
            safe = [{"skill": other, "seconds": round(float(switches.times[number, other]), 3)} for other in after]
        about = {name: one[name] for name in ("skill", "label", "speed", "survival")}
        skills.append({**about, "behaviour": int(families.family[number]), "safe": safe})
    behaviours = [
        {
            "name": name,
            "representative": int(head),
            "skills": [one["skill"] for one in skills if one["behaviour"] == number],
        }
        for number, (name, head) in enumerate(zip(families.names, families.representatives, strict=True))
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run.path.resolve().name,
        "env_id": run.env_id,
        "dataset": run.manifest["dataset"]["minari_id"],
        "seconds_per_step": body_of(run.env_id).seconds_per_step,
        "action": {"low": bounds.low.tolist(), "high": bounds.high.tolist()},
        "skills": skills,
        "behaviours": behaviours,
    }


def export_with_handbook(run: RunFolder, path: Path | None, *, force: bool = False) -> tuple[Exported, Path]:
    """All skills as one ONNX file, and `behaviours.json` beside it; neither is written over unless forced.

    Raises: as `export_all`, and `handbook`.
    """
    document = handbook(run)
    about = free((path or run.all_exported_file).with_name("behaviours.json"), force)
    written = export_all(run, path, force=force)
    write_json(about, document)
    return written, about
