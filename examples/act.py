"""Plays one skill in plain Gymnasium.   python examples/act.py runs/ant-medium 17"""

import argparse

import gymnasium
import numpy as np

import skills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("skill", type=int)
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()

    run = skills.load(options.run)
    env = gymnasium.make(run.env_id)
    observation, info = env.reset(seed=0)
    start = np.array([info["x_position"], info.get("y_position", 0.0)])
    score = 0.0
    for _ in range(options.steps):
        observation, reward, terminated, truncated, info = env.step(run.policy.act(observation, skill=options.skill))
        score += float(reward)
        if terminated or truncated:
            break
    way = np.array([info["x_position"], info.get("y_position", 0.0)]) - start
    print(f"skill {options.skill} ({run.skills[options.skill].label}): moved {way.round(2)} m, return {score:.1f}")


if __name__ == "__main__":
    main()
