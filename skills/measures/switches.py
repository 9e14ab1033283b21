"""Switches: every skill from the midst of every other. Does the body stay up, and when does it do the new thing?

A skill is played until it has settled, then another goes on from there. What a skill does is known from its own going
on: means of what the body does, and of the squares, over a short window. The new behaviour is reached with the first
window that is as near to the new skill's mean as the skill's own windows are, and nearer than to the old skill's.

Letters: K skills, R starts of each, T steps that are looked at, F features of a step, Q quantities, N windows.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import FunctionTransformer

from skills.arrays import Bools, Float32s, Floats
from skills.bodies.body import body_of
from skills.errors import SkillsError
from skills.files import read_arrays, write_arrays
from skills.learning.policy import Policy
from skills.measures.descriptor import cut_windows, read_steps, window_means
from skills.measures.quantities import LoggedSteps, words_of
from skills.playing.midst import midst_of
from skills.playing.rollout import Transcript
from skills.progress import Reporter
from skills.runs.folder import RunFolder

_VERSION = 2
_WINDOW = 0.8  # s: a stride or more on every body here
_BETWEEN = 0.1  # s from one window to the next
_OWN = 0.95  # of a skill's own windows that count as it
_SURE = 4.0  # times as near to a skill as the nearest other is, a window counts as it too
_SURELY = 0.8  # of the starts from which the new behaviour must be reached to be called so


@dataclass(frozen=True)
class Switches:
    """What happens when the skill of a row gives way to the skill of a column.

    tried: [K] starts from which each skill was still up when it was to give way, of R.
    survived: [K, K] share of these that neither fell nor came to lie on their back in the time after.
    reached: [K, K] share that came to the new behaviour.   times: [K, K] s until they did, the median. NaN where there
        is nothing to say.
    values: [K, R, T, Q] the quantities of a skill that goes on, in the order of `words_of`; NaN after a fall.
    done: [K] rows that have been played.   seconds: s before a switch, and s that are looked at after it.
    """

    tried: NDArray[np.int64]
    survived: Float32s
    reached: Float32s
    times: Float32s
    values: Float32s
    done: Bools
    seconds: Floats

    @property
    def safe(self) -> Bools:
        """[K, K] whether nobody fell and most came to the new behaviour; nowhere from a skill to itself."""
        found = (self.survived == 1.0) & (self.reached >= _SURELY)
        return np.asarray(found & ~np.eye(len(found), dtype=bool))

    def safest(self, skill: int) -> list[int]:
        """Where one can safely go from a skill, the quickest to be reached first."""
        after = np.flatnonzero(self.safe[skill])
        return [int(one) for one in after[np.argsort(self.times[skill, after], kind="stable")]]


def play_switches(run: RunFolder, seconds: float, starts: int, reporter: Reporter) -> Switches:
    """Plays all switches, or those that are left; each finished row is kept in the run's folder.

    seconds: before a switch and after it.   The caller holds `run.writing()`.
    """
    run.require_skills("A table of switches")
    run.require("policy")
    policy = Policy.load(run.policy_folder)
    key = _key(run, seconds, starts)
    kept = _read(run, key)
    if kept is not None and kept.done.all():
        return kept
    stage = _Stage(policy, run.env_id, seconds, starts)
    count = policy.shape.skills
    progress = reporter(f"playing {count} x {count} switches, {starts} times each", "switches")
    switches = kept or stage.nothing()
    for skill in np.flatnonzero(~switches.done):
        progress(int(switches.done.sum()) * count, count * count)
        switches = stage.with_row(switches, int(skill))
        write_arrays(run.switches_file, {**vars(switches), "key": np.array(key)})
    progress(count * count, count * count)
    return switches


def known_switches(run: RunFolder) -> Switches | None:
    """The switches of the run's policy that have all been played."""
    kept = _read(run, None)
    return kept if kept is not None and kept.done.all() else None


def required_switches(run: RunFolder) -> Switches:
    """As `known_switches`. Raises: SkillsError with the command that plays them."""
    found = known_switches(run)
    if found is None:
        raise SkillsError(f"The switches of {run.path} have not been played.", f"Do it: skills transitions {run.path}")
    return found


class _Stage:
    """Where the skills are played.   own: the windows of each skill that goes on; what is like them is that skill."""

    def __init__(self, policy: Policy, env_id: str, seconds: float, starts: int) -> None:
        self._env_id, self._seconds, self._starts = env_id, seconds, starts
        self._count = policy.shape.skills
        self._step = body_of(env_id).seconds_per_step
        self._steps = max(1, round(seconds / self._step))
        self._window = max(1, round(_WINDOW / self._step))
        self._midst = midst_of(policy, env_id, self._count, starts, self._steps)
        every = np.repeat(np.arange(self._count), starts)
        self._own, _ = self._midst.go_on(every, every)
        self._likeness = _Likeness(*self._features(self._own)[:2], self._count, starts)

    def nothing(self) -> Switches:
        """Before any row has been played: what the skills do by themselves."""
        count, starts = self._count, self._starts
        empty = np.full((count, count), np.nan, np.float32)
        words = words_of(self._env_id)
        values = np.full((count * starts, self._steps, len(words)), np.nan, np.float32)
        played = self._own.played & self._midst.up[:, None]
        rows = LoggedSteps(
            self._own.states[:, :-1][played], self._own.actions[played], self._own.states[:, 1:][played], self._env_id
        )
        values[played] = np.stack([rows.quantities[name] for name in words], axis=1)
        tried = self._midst.up.reshape(count, starts).sum(axis=1)
        return Switches(
            tried, empty, empty.copy(), empty.copy(),
            values.reshape(count, starts, self._steps, -1), np.zeros(count, bool), np.full(2, self._seconds),
        )  # fmt: skip

    def with_row(self, switches: Switches, skill: int) -> Switches:
        """The same with the switches from one skill to all."""
        after = np.repeat(np.arange(self._count), self._starts)
        seen, fell = self._midst.go_on(np.full(len(after), skill), after)
        rows, owners, steps = self._features(seen)
        there = self._likeness.is_new(rows, skill, after[owners])
        times = np.full(len(after), np.inf)
        np.minimum.at(times, owners[there], steps[there] * self._step)
        up = np.tile(self._midst.up.reshape(self._count, -1)[skill], self._count)
        came = up & np.isfinite(times)
        shape = (self._count, self._starts)
        tried = max(int(switches.tried[skill]), 1)
        row = np.where(came, times, np.nan).reshape(shape)
        changes = {
            "survived": (up & ~fell).reshape(shape).sum(axis=1) / tried,
            "reached": came.reshape(shape).sum(axis=1) / tried,
            "times": _medians(row),
        }
        if not switches.tried[skill]:
            changes = {name: np.full(self._count, np.nan) for name in changes}
        arrays: dict[str, Any] = {name: getattr(switches, name).copy() for name in (*changes, "done")}
        for name, values in changes.items():
            arrays[name][skill] = values
        arrays["done"][skill] = True
        return replace(switches, **arrays)

    def _features(self, seen: Transcript) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """[N, 2 F] what is done in each whole window, [N] whose it is, [N] the step that it begins at."""
        motion = read_steps(seen.states[:, 1:][seen.played], self._env_id)
        features = np.concatenate(
            [motion.features, motion.velocity], axis=1
        )  # a skill may head for a place of the world
        starts = np.cumsum(seen.lengths) - seen.lengths
        stride = max(1, round(_BETWEEN / self._step))
        long = np.flatnonzero(seen.lengths >= self._window)
        windows = cut_windows(starts[long], seen.lengths[long], self._window, stride=stride)
        owners = np.searchsorted(starts, windows.starts, side="right") - 1
        both = np.concatenate([features, np.square(features)], axis=1)
        return window_means(both, windows), owners, windows.starts - starts[owners]


class _Likeness:
    """What each skill looks like, and how near to that its own windows are.

    Distances are those of linear discriminants (Fisher 1936): what tells the skills apart, in the spread that it has
    between the windows of one. A start of a skill that goes another way than the rest changes neither its middle nor
    its reach: both are medians over starts.
    """

    def __init__(self, own: Floats, owners: NDArray[np.int64], count: int, starts: int) -> None:
        """own: [N, 2 F] windows of skills that go on.   owners: [N] their simulations, skill * R + start."""
        skills = owners // starts
        self._apart = LinearDiscriminantAnalysis() if len(np.unique(skills)) > 1 else FunctionTransformer()
        rows = self._apart.fit(own, skills).transform(own)
        self._middles, self._reach = np.zeros((count, rows.shape[1])), np.zeros(count)
        for skill in np.unique(skills):
            parts = [rows[owners == one] for one in np.unique(owners[skills == skill])]
            middle = self._middles[skill] = np.median([part.mean(axis=0) for part in parts], axis=0)
            apart = [np.quantile(np.linalg.norm(part - middle, axis=1), _OWN) for part in parts]
            self._reach[skill] = np.median(apart)
        known = np.unique(skills)
        between = np.linalg.norm(self._middles[known][:, None] - self._middles[known], axis=-1)
        nearest = (between + np.diag(np.full(len(known), np.inf))).min(axis=1, initial=np.inf)
        surely = np.where(np.isfinite(nearest), nearest / _SURE, 0.0)  # a body at rest never rests twice in one place
        self._reach[known] = np.maximum(self._reach[known], surely)

    def is_new(self, rows: Floats, before: int, after: NDArray[np.int64]) -> Bools:
        """[N] whether a window is as near to the new skill as that is to itself, and nearer than to the old one."""
        scaled = self._apart.transform(rows)
        to_new = np.linalg.norm(scaled - self._middles[after], axis=1)
        to_old = np.linalg.norm(scaled - self._middles[before], axis=1)
        return np.asarray((to_new <= self._reach[after]) & ((to_new < to_old) | (after == before)))


def _medians(row: Floats) -> Floats:
    """[K, R] -> [K], of what is there; NaN of nothing."""
    found = np.full(len(row), np.nan)
    some = np.isfinite(row).any(axis=1)
    found[some] = np.nanmedian(row[some], axis=1)
    return found


def _key(run: RunFolder, seconds: float, starts: int) -> str:
    """Says of which policy, and how, switches were played."""
    text = repr((_VERSION, run.manifest["stages"]["policy"]["files"]))
    return f"{hashlib.sha256(text.encode()).hexdigest()} {seconds:g} {starts}"


def _read(run: RunFolder, key: str | None) -> Switches | None:
    """What is kept of the run's policy; of this `key`, or where it is None, however it was played."""
    if not run.switches_file.is_file():
        return None
    arrays: dict[str, Any] = dict(read_arrays(run.switches_file))
    found = str(arrays.pop("key"))
    known = found == key if key is not None else found.split()[0] == _key(run, 0, 0).split()[0]
    return Switches(**arrays) if known else None
