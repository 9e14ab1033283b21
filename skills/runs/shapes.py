"""What is relied on of a run's JSON files, as `skills.shape` has it; more may be in them."""

from typing import Any

_STAGE = {"seconds": float, "files": {str: str}, "skills?": int}
_DATASET = {
    "name": str,
    "minari_id": str,
    "env_id": str,
    "made_here": bool,
    "steps": int,
    "episodes": int,
    "columns?": int,
    "digest": str,
    "rewards_digest?": str,
    "stored_digest?": str,
    "return_mean?": float,
    "source?": str,
    "package?": str,
}
_EXPERT = {
    "name": str,
    "minari_id?": str,
    "steps": int,
    "steps_read?": int,
    "episodes": [int],
    "returns": [float],
    "digest": str,
    "source?": str,
    "package?": str,
}
MANIFEST: dict[str, Any] = {
    "schema_version": int,
    "created": str,
    "machine": str,
    "versions": {str: str},
    "packages?": {str: str},
    "config?": str,
    "checksum?": str,
    "stages": {str: _STAGE},
    "dataset?": _DATASET,
    "part_of?": _DATASET,
    "expert?": _EXPERT,
}
MEASURES: dict[str, Any] = {
    "summary": dict,
    "skills": [{"skill": int, "label": str}],
    "protocol?": dict,
    "measures?": dict,
    "nulls?": dict,
    "baselines?": dict,
    "ranking?": dict,
}
# What is read again of the page.
PAGE: dict[str, Any] = {
    "skills": [{"skill": int}],
    "representatives?": [int],
}
