"""Skills found for eight rewards, by their classes and by their rollouts, and what they do: the table in docs/use.md.

    python bench/find.py RUN [RUN ...]

For each reward the skill whose class is worth most is played, the one that `skills find` puts first, and the one that
`skills find --verify 5` puts first: ten times from a reset, from starts that none of them was chosen by. A share is
the gain over the data's mean, over that of the best of all windows of the data: the best 1.6 s that anybody ever did,
against ten seconds that begin at rest. What was never to be seen in the data has next to no best window, and a share
of hundreds: in the mean a share counts 1 at most, -1 at least.
"""

from timing import record_runs

from skills.bodies.body import body_of
from skills.cli.find import interval
from skills.measures.finding import Findings, Verified, find_skills, verify
from skills.measures.intervals import student
from skills.measures.judged.transfer import REWARDS
from skills.playing.trials import STARTS_SEED
from skills.runs.folder import RunFolder

TRIED = 5
# In a plane there is no sideways and no turning: there are the other words, both ways where both make sense.
PLANAR = ("vx", "-vx", "-speed", "height", "-height", "upright", "-upright", "-energy")


def by_class(found: Findings) -> int:
    """The skill whose class is worth most."""
    known = [one for one in found.candidates if one.in_class is not None]
    return max(known, key=lambda one: float(one.in_class or 0.0)).skill


def three(run: RunFolder, reward: str) -> tuple[Findings, list[Verified]]:
    """What was found for a reward, and what the skill by its class, by its rollouts, and the best of five did."""
    found = find_skills(run, reward)
    tried = verify(run, found, [one.skill for one in found.candidates[:TRIED]], seed=STARTS_SEED + 1)
    chosen = by_class(found), found.candidates[0].skill, tried[0].skill
    played = {one.skill: one for one in verify(run, found, sorted(set(chosen)))}
    return found, [played[skill] for skill in chosen]


def table(run: RunFolder) -> list[str]:
    """The lines about a run."""
    rewards = PLANAR if body_of(run.env_id).planar else tuple(REWARDS.values())
    lines = [
        f"{run.path.name}, {run.config.dataset}, {run.config.heads} skills, preset {run.config.preset}",
        f"{'reward':<11}{'mean':>7}{'best':>7}   {'by its class':<30}{'by its rollouts':<30}{'of predicted':<22}"
        "best of five played",
    ]
    shares: tuple[list[float], ...] = ([], [], [])
    for reward in rewards:
        found, played = three(run, reward)
        cells = []
        for one, of_all in zip(played, shares, strict=True):
            if one.over_best is not None and one.over_best.value is not None:
                of_all.append(min(max(one.over_best.value, -1.0), 1.0))
            cells.append(f"{one.skill:>3}  {interval(one.over_best)}")
        promised = interval(played[1].over_predicted)
        lines.append(
            f"{reward:<11}{found.mean:>7.2f}{found.best:>7.2f}   {cells[0]:<30}{cells[1]:<30}{promised:<22}{cells[2]}"
        )
    means = [f"     {interval(student(of_all))}" for of_all in shares]
    return [*lines, f"{'mean':<25}   {means[0]:<30}{means[1]:<52}{means[2]}", ""]


def main() -> None:
    """Finds, plays, prints and records."""
    record_runs("find", __doc__, "skills found for eight rewards, share of the best window", table)


if __name__ == "__main__":
    main()
