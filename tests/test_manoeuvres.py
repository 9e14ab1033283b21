"""What bodies do in constructed motions with known answers, and in real ones that were told what to do."""

import re

import numpy as np
import pytest
from motions import (
    ANT,
    CHEETAH,
    HOPPER,
    SECONDS,
    WALKER,
    ant,
    cheetah,
    circle,
    kicking,
    swinging,
    then,
    there_and_back,
)

from skills.bodies import motion
from skills.bodies.environments import seconds_per_step
from skills.bodies.fast import Simulation
from skills.bodies.fates import fate
from skills.bodies.gaits import gait
from skills.bodies.legs import clearances, legs_of
from skills.data.made import shipped
from skills.data.made.driver import Driver, Orders
from skills.data.made.joystick import JOYSTICKS
from skills.measures.manoeuvres import Recorded, manoeuvre


def words(qpos, env_id=ANT):
    return manoeuvre(Recorded(qpos, env_id, fate(qpos, env_id, ended=False))).words


@pytest.mark.parametrize(
    ("qpos", "said"),
    [
        (ant(x=10), "slides forward 2.0 m/s"),
        (ant(y=5), "slides sideways to the left 1.0 m/s"),
        (ant(y=5, facing=np.pi / 2), "slides to the left 1.0 m/s"),
        (ant(x=5, facing=np.pi / 2), "slides sideways forward 1.0 m/s"),
        (ant(x=-5), "slides backwards 1.0 m/s"),
        (ant(x=-5, y=-5), "slides backwards to the right 1.4 m/s"),
        (ant(x=-5, y=5, facing=-np.pi / 3), "slides backwards to the back left 1.4 m/s"),
        (ant(x=5, y=5, facing=-np.pi / 3), "slides sideways to the front left 1.4 m/s"),
        (ant(x=5, y=5), "slides forward to the left 1.4 m/s"),
        (ant(), "stands still"),
        (ant(x=0.2), "stands still"),
        (ant(turn=5 * np.pi / 2), "turns left 90 deg/s"),
        (ant(x=10, turn=-np.pi), "slides sideways forward 2.0 m/s, turns right 36 deg/s"),
        (ant(roll=np.pi), "lies on its back"),
        (kicking(ant(roll=np.pi)), "lies on its back and kicks"),
        (ant(x=10, roll=np.pi), "slides forward on its back 2.0 m/s"),
        (ant(turn=np.pi, roll=np.pi), "lies on its back, spins left 36 deg/s"),
        (circle(turns=2), "slides in circles to the left 1.5 m/s, turns left 144 deg/s"),
        (circle(turns=-2), "slides in circles to the right 1.5 m/s, turns right 144 deg/s"),
        (there_and_back(ant()), "slides around 1.8 m/s"),
        (then(ant(x=10), ant(roll=np.pi)), "slides forward 2.0 m/s"),
        (then(ant(roll=np.pi), ant(x=10)), "slides forward 1.0 m/s, flips upright at 5.1 s"),
    ],
)
def test_a_free_body(qpos, said):
    assert words(qpos) == said


@pytest.mark.parametrize(
    ("qpos", "said"),
    [
        (there_and_back(cheetah()), "slides back and forth 1.8 m/s"),
        (cheetah(x=-25), "slides backwards 5.0 m/s"),
        (cheetah(x=10, tilt=np.pi), "slides forward on its back 2.0 m/s"),
        (kicking(cheetah(tilt=np.pi)), "lies on its back and kicks"),
        (cheetah(x=10, pitch=4.2 * np.pi), "slides forward 2.0 m/s, somersaults forward twice"),
        (cheetah(pitch=-2.2 * np.pi), "stands still, somersaults backward once"),
        (cheetah(x=5, tilt=-1.4), "slides forward 1.0 m/s, reared up"),
        (cheetah(x=5, tilt=1.4), "slides forward 1.0 m/s, nose down"),
        (then(cheetah(tilt=np.pi), cheetah(x=10)), "slides forward 1.0 m/s, flips upright at 5.1 s"),
    ],
)
def test_a_planar_body(qpos, said):
    assert words(qpos, CHEETAH) == said


def test_no_speed_rounds_to_nothing_or_below():
    assert "0.0 m/s" not in words(ant(x=-0.49)) + words(cheetah(x=-0.2), CHEETAH) + words(kicking(ant(x=-0.2)))


def test_a_single_state_is_no_error():
    assert words(ant(x=10)[:1]) == "stands still"


def test_step_rate_is_the_frequency_of_the_swing():
    assert motion.step_rate(swinging(ant(), 2.0), SECONDS) == pytest.approx(2.0, abs=0.1)
    assert motion.step_rate(ant(x=10), SECONDS) == 0.0


def test_legs_are_read_from_the_model():
    assert [len(legs_of(env_id)) for env_id in (ANT, CHEETAH, WALKER, HOPPER)] == [4, 2, 2, 1]
    hind, front = legs_of(CHEETAH)
    assert hind.x < 0 < front.x
    corners = {(leg.x > 0, leg.y > 0) for leg in legs_of(ANT)}
    assert len(corners) == 4


def test_feet_stand_where_a_body_does():
    """A hopper that stands has its foot on the ground; lifted by half a metre, it is half a metre above."""
    qpos = np.zeros((1, 6), np.float32)
    qpos[:, 1] = 1.25
    low = clearances(qpos, HOPPER)
    assert low == pytest.approx(0.0, abs=0.05)
    qpos[:, 1] += 0.5
    assert clearances(qpos, HOPPER) - low == pytest.approx(0.5, abs=1e-6)


# In the order of `legs_of`: front left, hind left, hind right, front right of an ant that goes forward.
@pytest.mark.parametrize(
    ("late", "speed", "verb"),
    [
        ((0, 1, 0, 1), 2.0, "trots"),
        ((0, 1, 1, 0), 2.0, "bounds"),
        ((0, 0, 1, 1), 2.0, "paces"),
        ((0, 0, 0, 0), 2.0, "hops"),
        ((0, 0.5, 1, 1.5), 1.0, "walks"),
        ((0, 0.5, 1, 1.5), 2.5, "runs"),
        ((0, 0.5, 1, 1.5), 5.0, "gallops"),
    ],
)
def test_gaits_of_four_legs(late, speed, verb):
    """Legs that lift in turn, `late` half periods after the first: the ankles of the ant bend upwards together."""
    qpos = ant(x=5 * speed)
    clock = 2 * np.pi * 2 * SECONDS * np.arange(len(qpos))
    signs = np.sign([-1, 1, 1, -1])  # which way each ankle opens, as the model has them
    for leg, (half, sign) in enumerate(zip(late, signs, strict=True)):
        qpos[:, 8 + 2 * leg] = -sign * (0.9 + 0.4 * np.sin(clock - np.pi * half))
    qpos[:, 2] = 0.9  # above the ground: what is compared is how the legs move
    assert gait(qpos, ANT, speed) == verb


def walker(right, left, height=1.2):
    """A walker whose knees bend as [T + 1] rad say."""
    qpos = np.zeros((len(right), 9), np.float32)
    qpos[:, 1], qpos[:, 4], qpos[:, 7] = height, -right, -left
    qpos[:, 0] = np.arange(len(right)) * seconds_per_step(WALKER)
    return qpos


def test_gaits_of_two_legs():
    clock = 2 * np.pi * 2 * seconds_per_step(WALKER) * np.arange(600)
    bent, straight = np.full(600, 1.2), np.maximum(0.0, np.sin(clock))
    bounce = 1.2 + 0.1 * np.maximum(0.0, np.sin(clock + 1))
    assert gait(walker(straight, bent, bounce), WALKER, 1.0) == "hops on one leg"
    assert gait(walker(straight, straight, bounce), WALKER, 1.0) == "hops"
    assert gait(walker(straight, np.maximum(0.0, -np.sin(clock))), WALKER, 1.0) == "walks"


@pytest.fixture(scope="module")
def told():
    """What bodies do that the shipped policies are told to by one command for 6 s: {(body, cell): words}."""
    found = {}
    for body, wanted in {
        "halfcheetah": ("-3 m/s upright", "1.5 m/s upright", "6 m/s upright", "0 m/s on its back"),
        "hopper": ("stands", "hops at 1 m/s"),
        "ant": ("turns left", "turns right", "back 1 m/s"),
        "walker2d": ("4 m/s",),
    }.items():
        joystick = JOYSTICKS[body]
        cells = [number for number, cell in enumerate(joystick.cells) if cell.name in wanted]
        steps = round(6.0 / joystick.seconds_per_step)
        orders = [
            Orders(np.full(steps, cell, np.int32), np.tile(np.float32(joystick.cells[cell].middle), (steps, 1)))
            for cell in cells
        ]
        driver = Driver(joystick, {level: shipped.load(body, level) for level in joystick.networks}, orders)
        simulation = Simulation(joystick.env_id, len(cells), threads=1)
        generators = [np.random.default_rng([5, cell]) for cell in cells]
        observations, everyone = simulation.reset(generators), np.arange(len(cells))
        states = [simulation.qpos.copy()]
        for _ in range(steps):
            observations = simulation.step(driver.act(observations, generators, everyone)).observations
            states.append(simulation.qpos.copy())
        for place, cell in enumerate(cells):
            qpos = np.stack(states).astype(np.float32)[:, place]
            found[body, joystick.cells[cell].name] = words(qpos, joystick.env_id)
    return found


@pytest.mark.parametrize(
    ("body", "cell", "said"),
    [
        ("halfcheetah", "-3 m/s upright", r"(runs|hops) backwards 2\.\d m/s"),
        ("halfcheetah", "1.5 m/s upright", r"walks forward 1\.\d m/s"),
        ("halfcheetah", "6 m/s upright", r"gallops forward [5-7]\.\d m/s"),
        ("halfcheetah", "0 m/s on its back", r"lies on its back and kicks"),
        ("hopper", "stands", r"stands still"),
        ("hopper", "hops at 1 m/s", r"hops forward (0\.[7-9]|1\.\d) m/s"),
        ("ant", "turns left", r".* turns left \d\d deg/s"),
        ("ant", "turns right", r".* turns right \d\d deg/s"),
        ("ant", "back 1 m/s", r"\w+ (sideways )?(to the )?back.* m/s.*"),
        ("walker2d", "4 m/s", r"runs forward [3-4]\.\d m/s"),
    ],
)
def test_bodies_do_what_they_were_told(told, body, cell, said):
    assert re.fullmatch(said, told[body, cell]), told[body, cell]
