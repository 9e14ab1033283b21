"""Whole runs that differ in a few settings, side by side: what the benchmarks of trunks and of presets share."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
from scipy.stats import bootstrap

from skills.config import Config
from skills.pipeline import discover
from skills.progress import silent_reporter
from skills.run import open_or_create


def changed(config: Config, settings: dict[str, object]) -> Config:
    """The configuration with other values for some settings: {"policy.hidden": 512, "data.steps": 50_000}."""
    for name, value in settings.items():
        stage, _, inner = name.partition(".")
        part = dataclasses.replace(getattr(config, stage), **{inner: value}) if inner else value
        config = dataclasses.replace(config, **{stage: part})
    return config


def finished(config: Config, folder: Path, name: str) -> dict[str, object]:
    """Brings the run to its end, from where it stands; its measures, and `minutes` of the stages that learn."""
    run = open_or_create(folder / re.sub(r"[^\w.-]+", "-", name), config)
    with run.writing():
        discover(run, source="auto", reporter=silent_reporter, notify=lambda line: None)
    stages = run.manifest["stages"]
    minutes = sum(stages[stage]["seconds"] for stage in ("experts", "rewards", "policy")) / 60
    return {**json.loads(run.measures_file.read_text()), "minutes": minutes}


def mean_with_interval(values: list[float]) -> str:
    """ "0.21 [0.10, 0.34]": the mean over skills and its 95 % bootstrap interval."""
    sample = np.array(values)
    if np.ptp(sample) == 0:
        return f"{sample.mean():.2f} (all skills alike)"
    low, high = bootstrap((sample,), np.mean, rng=np.random.default_rng(1)).confidence_interval
    return f"{sample.mean():.2f} [{low:.2f}, {high:.2f}]"
