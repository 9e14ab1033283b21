"""`skills.find`: which skill does what is wanted, by what each did in its rollouts."""

from skills.api.run import Run
from skills.measures.aims import RewardFunction
from skills.measures.finding import Candidate, find_skills
from skills.runs.folder import open_run


def find(run: Run, reward: str | RewardFunction | None = None, *, goal: str | None = None) -> tuple[Candidate, ...]:
    """A run's skills, the best for a task first. Nothing is simulated; the run's dataset must be on this machine.

    reward: what a step is worth, "vx - 0.5*abs(yaw_rate)" (`skills find --help` lists the quantities), or a function
        of all steps of the data at once, a `LoggedSteps`: lambda steps: steps.velocity[:, 0] - abs(steps.yaw_rate)
    goal: or what the body is to be at, "vx=1.5, height=0.6".

    Raises: SkillsError (usage) for both or neither, for words that mean nothing, or a run that has one expert.
    """
    return find_skills(open_run(run.path), reward, goal).candidates
