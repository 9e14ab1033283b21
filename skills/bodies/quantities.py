"""What can be said of a step of a body, by name: the words that rewards and goals are written in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """unit: "" of a bare number.   meaning: in a few words; the world's axes are x forward, y left, z up."""

    unit: str
    meaning: str


QUANTITIES = {
    "vx": Quantity("m/s", "velocity of the torso along the world's x, forward"),
    "vy": Quantity("m/s", "along y, to the left; 0 for a planar body"),
    "vz": Quantity("m/s", "along z, up"),
    "speed": Quantity("m/s", "over the ground, whichever way"),
    "yaw_rate": Quantity("rad/s", "turning to the left, seen from above; 0 for a planar body"),
    "height": Quantity("m", "of the torso; HalfCheetah counts from its resting height"),
    "upright": Quantity("", "1 upright, 0 on its side, -1 on its back"),
    "energy": Quantity("", "mean square of the action: 0 slack, 1 all motors at full torque"),
}
FUNCTIONS = ("abs", "sqrt", "square", "exp", "log", "sin", "cos", "tanh", "sign", "min", "max", "clip")
