"""A trunk of IQL that all skills share against a network for each: the same rewards, the same number of gradient steps.

    python bench/trunk.py RUN [RUN ...] [--steps 12000] [--into bench/runs]

Eight skills of each finished run, at fixed percentiles of its own-class occupancy, learn in a network of their own
each; trunks of several sizes learn the heads of all of the run's skills. Ten trials a skill. Prints for
the eight the own-class occupancy over base and how often the judge recognises a trial (first, among five), with 95 %
bootstrap intervals over the skills, the difference to the networks of their own skill by skill, and each skill's
occupancy; for the trunks also medians over all skills. What is done is kept, and an interrupted benchmark continues.
"""

from typing import Any

import numpy as np
from timing import record
from variants import Base, mean_with_interval, parser_of_variants

PERCENTILES = (5, 15, 30, 45, 60, 75, 90, 97)
OWN = "own networks, 256 x 2"
TRUNKS: dict[str, dict[str, Any]] = {
    "shared, 256 x 2": {},
    "shared, 512 x 2": {"hidden": 512},
    "shared, 256 x 3": {"depth": 3},
}


def table(base: Base, steps: int) -> list[str]:
    """The lines of one run."""
    chosen = base.at_percentiles(PERCENTILES)
    lines = [f"{base.folder.name}, skills {', '.join(map(str, chosen))} of {base.count}"]
    reference: dict[str, np.ndarray] = {}
    for name, settings in {OWN: {"trunk": "independent"}, **TRUNKS}.items():
        own = chosen if name == OWN else None
        trials, minutes = base.learned(f"{name}, {steps} steps", {"steps": steps, **settings}, own)
        found = base.by_skill(trials)
        eight = {measure: values[chosen] for measure, values in found.items()}
        reference = reference or eight
        lines.append(f"  {name}, {minutes:.1f} min for {base.count if own is None else len(chosen)} skills")
        for measure, values in eight.items():
            line = f"    {measure:<9} {mean_with_interval(values):<22}"
            if own is None:
                line += f" less own networks' {mean_with_interval(values - reference[measure]):<24}"
                line += f" all skills: median {np.median(found[measure]):.2f}, mean {found[measure].mean():.2f}"
            lines.append(line)
        lines.append("    occupancy of each: " + " ".join(f"{value:.1f}" for value in eight["occupancy"]))
    return lines


def main() -> None:
    """Learns, plays, prints and records, after each run what is there so far."""
    parser = parser_of_variants(__doc__)
    parser.add_argument("--steps", type=int, default=12_000)
    given = parser.parse_args()
    names = " ".join(path.name for path in given.runs)
    lines = [
        f"{given.steps} IQL steps each, skills at the percentiles {PERCENTILES} of own-class occupancy "
        f"(python bench/trunk.py {names} --steps {given.steps})"
    ]
    for path in given.runs:
        lines += table(Base(path, given.into), given.steps)
        record("trunk", "\n".join(lines))


if __name__ == "__main__":
    main()
