"""What the commands that plot share: whether they can, and files that are the same for the same numbers."""

from pathlib import Path
from typing import TYPE_CHECKING

from skills.errors import ENVIRONMENT, SkillsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Dark blue and light orange, of Okabe and Ito's palette: told apart by every kind of eye, and by their lightness alone.
DARK, LIGHT = "#0072B2", "#E69F00"


def check_can_plot() -> None:
    """Raises: SkillsError (environment) where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401  # only whether it is there
    except ModuleNotFoundError:
        raise SkillsError("The plot needs matplotlib.", "Install it: pip install matplotlib", ENVIRONMENT) from None


def figure(width: float, height: float) -> "Figure":
    """An empty figure, in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(drawn: "Figure", path: Path) -> None:
    """Writes it as SVG, whole or not at all; the same numbers give the same bytes."""
    import matplotlib as mpl

    from skills.files import replacing

    with replacing(path) as temporary, mpl.rc_context({"svg.hashsalt": "skills"}):
        drawn.savefig(temporary, format="svg", metadata={"Date": None})
