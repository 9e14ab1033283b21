"""A trunk that all skills share against a network for each: the same rewards, the same number of gradient steps.

    python bench/trunk.py [STEPS] [SKILLS] [FOLDER] [DATASET ...]

Whole runs with 8 skills on ant-medium and halfcheetah-medium, 30,000 IQL steps, unless told otherwise; they are kept
in FOLDER (bench/runs), and an interrupted benchmark continues. A run's rewards depend on the seed, not on its policy,
so all variants of a dataset learn from the same ones. Prints for each: own-class occupancy (fidelity) and speed, with
95 % bootstrap intervals over skills, and the minutes of learning.
"""

import sys
from pathlib import Path

from timing import record
from variants import changed, finished, mean_with_interval

from skills.config import make_config

VARIANTS: dict[str, dict[str, object]] = {
    "independent, 256 wide": {"policy.trunk": "independent"},
    "shared, 256 wide": {},
    "shared, 512 wide": {"policy.hidden": 512},
    "shared, 1024 wide": {"policy.hidden": 1024},
    "shared, 512 wide, 3 layers": {"policy.hidden": 512, "policy.depth": 3},
}


def main(steps: int, skills: int, folder: Path, datasets: tuple[str, ...]) -> None:
    """Runs, prints and records."""
    arguments = f"{steps} {skills} {folder} {' '.join(datasets)}"
    lines = [f"{skills} skills, {steps} IQL steps at lr 3e-4 (python bench/trunk.py {arguments})"]
    for dataset in datasets:
        for name, settings in VARIANTS.items():
            config = make_config(dataset, preset="quick" if steps >= 1000 else "smoke", skills=skills)
            config = changed(config, {"policy.steps": steps, "policy.learning_rate": 3e-4, **settings})
            done = finished(config, folder, f"{dataset}-{name}")
            occupancy = mean_with_interval([skill["occupancy"] for skill in done["skills"]])
            ratio = mean_with_interval([skill["occupancy_ratio"] for skill in done["skills"]])
            lines.append(
                f"{dataset:<20} {name:<28} occupancy {occupancy:<20} over base {ratio:<22} {done['minutes']:.1f} min"
            )
    record("trunk", "\n".join(lines))


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        int(given[0]) if given else 30_000,
        int(given[1]) if len(given) > 1 else 8,
        Path(given[2]) if len(given) > 2 else Path(__file__).parent / "runs",
        tuple(given[3:]) or ("ant-medium", "halfcheetah-medium"),
    )
