"""Each departure of the learner `reach` from IQL, put back one by one; and the rivals: IQL, and cloning the classes.

    python bench/reach.py RUN [RUN ...] [--into bench/runs] [--shorter 1]

Policies of several learners and settings learn from the rewards of each finished run. Ten trials a skill. Prints reach
and hold, fidelity, own-class occupancy over base, effective and distinct skills, diversity, precision, survival and the
minutes of learning; and where the data say which behaviour made each row, the share of behaviours recovered. What is
done is kept, and an interrupted benchmark continues.
"""

from typing import Any

from timing import record
from variants import Base, parser_of_variants

from skills.measures.intervals import every_trial
from skills.measures.truth import truth

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "reach": ("reach", {}),
    "  no gate": ("reach", {"gate": 0.0}),
    "  gentler gate": ("reach", {"gate": 4.0}),
    "  returns of one step": ("reach", {"td_steps": 1}),
    "  half the temperature": ("reach", {"inverse_temperature": 4.0}),
    "  twice the temperature": ("reach", {"inverse_temperature": 1.0}),
    "  no advantage": ("reach", {"inverse_temperature": 0.0}),
    "  V of its own for each skill": ("reach", {"trunk": "independent"}),
    "  policies of 256 units": ("reach", {"hidden": 256}),
    "  policies that begin as nothing": ("reach", {"common_steps": 0}),
    "iql": ("iql", {}),
    "bc of the classes": ("bc", {"steps": 4_000, "hidden": 128, "batch": 128, "learning_rate": 1e-3}),
}
STEPS = ("value_steps", "common_steps", "steps")
NUMBERS = {
    "reach_and_hold.reached": "reach",
    "reach_and_hold.held": "hold",
    "fidelity.top1": "top 1",
    "fidelity.top5": "top 5",
    "occupancy.median_ratio": "occupancy",
    "effective_skills.value": "effective",
    "distinct.value": "distinct",
    "diversity.in_range": "diversity",
    "coverage.precision": "precision",
    "quality.survival": "survival",
}


def row(base: Base, name: str, shorter: int) -> str:
    """One line of a run's table."""
    kind, settings = VARIANTS[name]
    if shorter > 1:
        learner = base.learner(kind, settings)
        settings = settings | {one: getattr(learner, one) // shorter for one in STEPS if hasattr(learner, one)}
    trials, minutes = base.learned(f"{name.strip()}, shorter by {shorter}", settings, kind=kind)
    found = base.contest.statistic(trials)(every_trial(*trials.shape))
    numbers = [f"{found[number]:9.3g}" for number in NUMBERS]
    discovery = base.contest.discovery
    known = "        -"
    if discovery.labels is not None:
        known = f"{truth(base.contest.judge, discovery, discovery.labels, trials)['recovered']:9.2f}"
    return f"{name:<32}" + "".join(numbers) + known + f"{minutes:9.2f}"


def main() -> None:
    """Learns, plays, prints and records, after each policy what is there so far."""
    parser = parser_of_variants(__doc__)
    parser.add_argument("--shorter", type=int, default=1, help="divides the steps, for a try")
    parser.add_argument("--only", nargs="+", choices=[name.strip() for name in VARIANTS], help="these variants")
    given = parser.parse_args()
    lines = [f"(python bench/reach.py {' '.join(path.name for path in given.runs)} --shorter {given.shorter})"]
    for path in given.runs:
        base = Base(path, given.into)
        lines.append(f"{path.name}, {base.count} skills")
        lines.append(" " * 32 + "".join(f"{words:>9}" for words in (*NUMBERS.values(), "recovered", "minutes")))
        for name in VARIANTS:
            if given.only is None or name.strip() in given.only:
                lines.append(row(base, name, given.shorter))
                record("reach", "\n".join(lines))


if __name__ == "__main__":
    main()
