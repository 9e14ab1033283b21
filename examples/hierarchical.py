"""Stable-Baselines3's PPO learns which skill to perform when, for a task of one's own.   hierarchical.py RUN"""

import argparse

import gymnasium
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor

import skills


def to_the_left(step: skills.EnvStep) -> float:
    """m covered along y in a step, less a fine where the ant lies on its back."""
    return float(0.05 * step.velocity[1]) - 0.1 * (step.upright < 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--decisions", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=20, help="of the environment, that a skill lasts")
    parser.add_argument("--episodes", type=int, default=10, help="that are played before and after")
    parser.add_argument("--limit", type=int, default=1000, help="steps of the environment in an episode")
    options = parser.parse_args()

    run = skills.load(options.run)
    env = Monitor(
        skills.SkillEnv(gymnasium.make(run.env_id, max_episode_steps=options.limit), run, options.steps, to_the_left)
    )
    model = PPO("MlpPolicy", env, n_steps=256, batch_size=64, gamma=0.95, seed=0, device="cpu")
    before, _ = evaluate_policy(model, env, options.episodes, deterministic=False)
    model.learn(options.decisions)
    after, _ = evaluate_policy(model, env, options.episodes)
    print(f"{before:.2f} m to the left by chance, {after:.2f} m after {model.num_timesteps} decisions")


if __name__ == "__main__":
    main()
