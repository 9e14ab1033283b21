"""Skills found for eight rewards, by their classes and by their rollouts, and what they do: the table in docs/use.md.

    python bench/find.py RUN [RUN ...]

For each reward the skill whose class is worth most is played, and the one that `skills find` puts first: ten times from
a reset, from other starts than the rollouts had. A share is the gain over the data's mean, over that of the best of all
windows of the data: the best 1.6 s that anybody ever did, against ten seconds that begin at rest. What was never to be
seen in the data has next to no best window, and a share of hundreds: in the mean a share counts 1 at most, -1 at least.
"""

from timing import record_runs

from skills.bodies.body import body_of
from skills.cli.find import interval
from skills.measures.finding import Findings, Verified, find_skills, verify
from skills.measures.intervals import student
from skills.measures.judged.transfer import REWARDS
from skills.runs.folder import RunFolder

# In a plane there is no sideways and no turning: there are the other words, both ways where both make sense.
PLANAR = ("vx", "-vx", "-speed", "height", "-height", "upright", "-upright", "-energy")


def by_class(found: Findings) -> int:
    """The skill whose class is worth most."""
    known = [one for one in found.candidates if one.in_class is not None]
    return max(known, key=lambda one: float(one.in_class or 0.0)).skill


def pair(run: RunFolder, reward: str) -> tuple[Findings, Verified, Verified]:
    """What was found for a reward, and what the skill by its class and the first by its rollouts did."""
    found = find_skills(run, reward)
    chosen = by_class(found), found.candidates[0].skill
    played = {one.skill: one for one in verify(run, found, sorted(set(chosen)))}
    return found, played[chosen[0]], played[chosen[1]]


def table(run: RunFolder) -> list[str]:
    """The lines about a run."""
    rewards = PLANAR if body_of(run.env_id).planar else tuple(REWARDS.values())
    lines = [
        f"{run.path.name}, {run.config.dataset}, {run.config.heads} skills, preset {run.config.preset}",
        f"{'reward':<11}{'mean':>7}{'best':>7}   {'by its class':<30}{'by its rollouts':<30}{'of predicted':<20}",
    ]
    shares: tuple[list[float], list[float]] = ([], [])
    for reward in rewards:
        found, *both = pair(run, reward)
        cells = []
        for one, of_all in zip(both, shares, strict=True):
            if one.over_best is not None and one.over_best.value is not None:
                of_all.append(min(max(one.over_best.value, -1.0), 1.0))
            cells.append(f"{one.skill:>3}  {interval(one.over_best)}")
        promised = interval(both[1].over_predicted)
        lines.append(f"{reward:<11}{found.mean:>7.2f}{found.best:>7.2f}   {cells[0]:<30}{cells[1]:<30}{promised:<20}")
    means = [f"     {interval(student(of_all))}" for of_all in shares]
    return [*lines, f"{'mean':<25}   {means[0]:<30}{means[1]:<30}", ""]


def main() -> None:
    """Finds, plays, prints and records."""
    record_runs("find", __doc__, "skills found for eight rewards, share of the best window", table)


if __name__ == "__main__":
    main()
