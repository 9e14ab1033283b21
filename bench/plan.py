"""Plans for goals between what skills do, beside the best single skill: the table in docs/use.md.

    python bench/plan.py RUN [RUN ...]

Of runs whose switches have been played (`skills transitions RUN`). Each task lasts 20 s, and is played ten times from
a reset by the plan and by the single skill that did best when they were tried, from other starts. Distances are in
what the skills differ by.
"""

from timing import record_runs

from skills.bodies.body import body_of
from skills.cli.find import interval
from skills.measures.planning import aim_of, choose, play_plans, search
from skills.measures.quantities import words_of
from skills.measures.switches import required_switches
from skills.runs.folder import RunFolder

SECONDS = 20.0
# Of a body in a plane speeds; of one that goes freely the velocity to a place ahead to the left, and behind.
GOALS = {True: ("vx=3.5", "vx=5"), False: ("vx=0.75, vy=0.75", "vx=-0.75, vy=-0.75")}


def table(run: RunFolder) -> list[str]:
    """The lines about a run."""
    switches, words = required_switches(run), words_of(run.env_id)
    lines = [
        f"{run.path.name}, {run.config.dataset}, {run.config.heads} skills",
        f"{'goal':<20}{'':<20}{'predicted':>10}   {'off':<28}{'mean':<16}{'up':>5}   sequence",
    ]
    for goal in GOALS[body_of(run.env_id).planar]:
        aim = aim_of(None, goal, switches, words)
        plans = choose(run, aim, search(aim, switches, SECONDS))
        for name, plan, played in zip(("plan", "best single skill"), plans, play_plans(run, aim, plans), strict=True):
            means = ", ".join(f"{value:.2f}" for value in played.means)
            lines.append(
                f"{goal:<20}{name:<20}{-plan.predicted:>10.3f}   {interval(played.achieved, -1.0):<28}{means:<16}"
                f"{played.survival:>5.0%}   {plan}"
            )
    return [*lines, ""]


def main() -> None:
    """Plans, plays, prints and records."""
    record_runs("plan", __doc__, f"plans of {SECONDS:g} s beside the best single skill", table)


if __name__ == "__main__":
    main()
