"""From a file of one's own steps to a gallery of the skills in them.

python examples/own_data.py steps.npz Ant-v5 mine/ant-v0   (arrays: observations, actions; terminals, timeouts, ...)
"""

import argparse
import json
from pathlib import Path

import skills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("environment")
    parser.add_argument("minari_id", help="what the dataset is to be called")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--skills", type=int)
    parser.add_argument("--set", type=json.loads, help='more settings, {"policy.steps": 5000}')
    options = parser.parse_args()

    skills.import_file(options.file, options.minari_id, options.environment)
    run = skills.discover(options.minari_id, preset=options.preset, skills=options.skills, set=options.set)
    for skill in sorted(run.skills, key=lambda one: -one.measures.displacement):
        print(f"{skill.number:3} {skill.measures.speed:6.2f} m/s  {skill.label}")
    print(run.gallery())


if __name__ == "__main__":
    main()
