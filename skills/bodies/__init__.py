"""What moves, and how? Environments, their batched simulation, mazes, reference scores, and what motion means."""

import os

_CHOICE = "MUJOCO_GL"


def _import_mujoco(chosen: str) -> None:
    """Imports MuJoCo, whose import fails where MUJOCO_GL names a library that is not here, or nothing that it knows.

    The variable may be set for another program. Nothing here draws by it: `skills.videos.films.gl` asks for EGL itself.
    """
    try:
        import mujoco  # only that it is imported
    except Exception:  # noqa: BLE001  # PyOpenGL raises whatever its missing libraries provoke
        os.environ[_CHOICE] = "disable"
        try:
            import mujoco  # noqa: F401  # the parts that were imported stay
        finally:
            os.environ[_CHOICE] = chosen


if _CHOICE in os.environ:
    _import_mujoco(os.environ[_CHOICE])
