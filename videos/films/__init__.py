"""Films: what a skill does, drawn by OpenGL or by rays, encoded, side by side or as a still."""

from skills import bodies as _bodies  # noqa: F401  # before any file here imports MuJoCo: see there
