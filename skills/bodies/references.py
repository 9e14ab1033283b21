"""What the benchmarks say of an environment: its domain, and the returns between which scores are normalised."""

from skills.choices import Domain
from skills.errors import NOT_FOUND, SkillsError

REFERENCE_SOURCE = "D4RL (Fu et al. 2020); Minari's own sets of these environments carry none"
# Returns of a random and of an expert policy, by the beginning of the environment's id.
_REFERENCE_RETURNS = {
    "Ant-": (-325.6, 3879.7),
    "HalfCheetah-": (-280.178953, 12135.0),
    "Walker2d-": (1.629008, 4592.3),
    "Hopper-": (-20.272305, 3234.3),
    "AntMaze_": (0.0, 1.0),
    "AdroitHandPen-": (96.262799, 3076.8331017826877),
    "AdroitHandHammer-": (-274.856578, 12794.134825156867),
    "AdroitHandDoor-": (-56.512833, 2880.5693087298737),
    "AdroitHandRelocate-": (-6.425911, 4233.877797728884),
}
_DOMAINS: dict[str, Domain] = {"AntMaze_": "antmaze", "AdroitHand": "adroit"}  # by the beginning of the id


def references_of(env_id: str) -> tuple[float, float] | None:
    """As `reference_returns`; None where there are none."""
    return next((returns for start, returns in _REFERENCE_RETURNS.items() if env_id.startswith(start)), None)


def reference_returns(env_id: str) -> tuple[float, float]:
    """(random, expert) returns of D4RL, between which a normalised score runs from 0 to 100.

    Raises: SkillsError (not found) for an environment that D4RL has none of.
    """
    found = references_of(env_id)
    if found is not None:
        return found
    raise SkillsError(f"There are no reference returns of the environment {env_id!r}.", exit_code=NOT_FOUND)


def domain_of(env_id: str | None) -> Domain:
    """What the body of an environment does; locomotion where nothing else is known."""
    found = (domain for beginning, domain in _DOMAINS.items() if env_id and env_id.startswith(beginning))
    return next(found, "locomotion")
