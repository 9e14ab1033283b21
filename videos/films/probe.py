"""Measures one renderer and says so on stdout, as JSON: what `renderers.py` runs in a process of its own."""

import json
import sys

from skills.errors import SkillsError
from skills.videos.films.children import end_with_stdin
from skills.videos.films.renderers import construct, frames_per_second


def main(arguments: list[str]) -> int:
    """Arguments: the renderer and the environment. Writes {"frames_per_second": ...} or {"reason": ...}."""
    name, env_id = arguments
    try:
        speed = frames_per_second(construct(name, env_id, 256, 256, "fast"), env_id)
        answer: dict[str, float | str] = {"frames_per_second": round(speed, 1)}
    except SkillsError as error:
        answer = {"reason": error.message}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    end_with_stdin()
    sys.exit(main(sys.argv[1:]))
