"""The judge: what the measures know of a dataset, from rows that discovery never saw; the same for every method.

Letters: K skills, R trials, T steps, N dataset windows, D descriptor size, O observation columns, G goals.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from skills.bodies.environments import load_model, seconds_per_step
from skills.bodies.references import reference_returns
from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.measures import coverage, diversity, effective, fidelity, quality, transfer, truth
from skills.measures.descriptor import Steps, Windows, cut_windows, describe, fit_whitening, read_steps
from skills.measures.intervals import Choice, Statistic, every_trial
from skills.playing.protocol import Protocol
from skills.playing.trials import Trials, take_segments
from skills.progress import Reporter

_STRIDE = 8  # steps between the windows that the classifier learns from
_MOST_WINDOWS = 2000  # of the dataset that recall asks for

Floats = NDArray[np.float64]


class Judge:
    """Fitted once for a run's classes; `statistic` then measures any method's trials.

    whitening, step_whitening: of descriptors and of the features of a step.   step_range: the least and the greatest of
        each whitened feature of a step.
    windows: [N, D] whitened, held out, not overlapping.   support: [K] share of the data in each class.
    """

    def __init__(
        self,
        discovery: Transitions,
        held: Transitions,
        classes: Classes,
        protocol: Protocol,
        seed: int,
        reporter: Reporter,
    ) -> None:
        self.env_id = held.env_id
        self.protocol = protocol
        self.support = classes.support
        self.count = classes.count
        progress = reporter("fitting the judge", "parts")
        generator = np.random.default_rng([seed, self.count])
        steps = read_steps(held.observations, self.env_id)
        learned_from = cut_windows(held.episode_starts, held.lengths, protocol.window, stride=_STRIDE)
        labels = classes.classify(held.observations, held.actions, held.next_observations, held.lengths)
        labels = labels[learned_from.middles]
        described = describe(steps, learned_from)
        self.whitening = fit_whitening(described)
        self.step_whitening = fit_whitening(steps.features)
        whitened = self.step_whitening.transform(steps.features)
        self.step_range = whitened.min(axis=0), whitened.max(axis=0)
        progress(1, 4)
        rows = self.whitening.transform(described)
        self._classifier = LogisticRegression(class_weight="balanced", max_iter=100, tol=1e-3)
        self._classifier.fit(rows, labels)
        progress(2, 4)
        apart = cut_windows(held.episode_starts, held.lengths, protocol.window)
        chosen = generator.permutation(len(apart))[:_MOST_WINDOWS]
        self.windows = self.whitening.transform(describe(steps, apart.take(chosen)))
        self._reach = coverage.reach(self.windows)
        self._fit_goals(steps, learned_from, labels)
        progress(3, 4)
        self.segments = take_segments(discovery, classes, self.count, generator, protocol)
        segments = Behaviour(self.segments, self)
        self._references = {name: diversity.reference_distance(found) for name, found in segments.successors.items()}
        self._cells = coverage.cell_count(segments.visited, every_trial(*self.segments.shape))
        progress(4, 4)

    def normalise(self, returns: Floats) -> Floats:
        """Scores: 0 a random policy's return, 100 an expert's (D4RL's references)."""
        low, high = reference_returns(self.env_id)
        return 100.0 * (returns - low) / (high - low)

    def log_probabilities(self, windows: Floats) -> Floats:
        """[N, D] whitened windows -> [N, K] log probability of each class; next to none of a class without windows."""
        found = np.full((len(windows), self.count), np.log(1e-12))
        with np.errstate(divide="ignore"):  # far off the data a probability rounds to 0: that class is out
            found[:, self._classifier.classes_] = self._classifier.predict_log_proba(windows)
        return found

    def statistic(self, trials: Trials) -> Statistic:
        """Every number of the six measures for a method's trials, as a function of the choice of trials."""
        behaviour = Behaviour(trials, self)
        rank = fidelity.ranks(behaviour.log_probabilities)
        shares = fidelity.own_class_shares(trials.classes, trials.lengths)
        log_q = effective.held_out_log_probabilities(behaviour.means)
        reached, inside = self._reached(behaviour)
        visited = behaviour.visited.reshape(-1, behaviour.visited.shape[-1]).astype(np.float32)
        scores = self.normalise(trials.returns)
        seconds = seconds_per_step(self.env_id)

        def numbers(choice: Choice) -> dict[str, float]:
            groups = {
                "fidelity": fidelity.fidelity(rank, choice),
                "occupancy": fidelity.occupancy(shares, self.support, choice),
                "effective_skills": effective.effective_skills(log_q, choice),
                "diversity": {
                    name: diversity.diversity(found, self._references[name], choice)
                    for name, found in behaviour.successors.items()
                },
                "coverage": coverage.coverage(visited, self._cells, reached, inside, choice),
                "quality": quality.quality(scores, trials, seconds, choice),
                "transfer": transfer.transfer(
                    behaviour.goals, self._selected, self._goal_means, self._goal_best, self._possible, choice
                ),
            }
            return {f"{group}.{name}": value for group, found in groups.items() for name, value in found.items()}

        return numbers

    def skill_fidelity(self, trials: Trials) -> NDArray[np.float64]:
        """[K] share of each skill's trials that are recognised as its class."""
        return np.asarray((fidelity.ranks(Behaviour(trials, self).log_probabilities) == 0).mean(axis=1))

    def truth(
        self, discovery: Transitions, classes: Classes, behaviours: NDArray[np.integer], trials: Trials
    ) -> dict[str, Any]:
        """How classes agree with the behaviours [N] that made the rows of discovery, and which ones skills recover."""
        found = truth.agreement(classes.labels, behaviours)
        cut = cut_windows(discovery.episode_starts, discovery.lengths, self.protocol.window)
        chosen = np.random.default_rng(self.count).permutation(len(cut))[: 2 * _MOST_WINDOWS]
        cut = cut.take(chosen)
        rows = self.whitening.transform(describe(read_steps(discovery.observations, self.env_id), cut))
        played = Behaviour(trials, self)
        owners = played.owners // trials.shape[1]
        shares = truth.match(rows, behaviours[cut.middles], played.windows, owners, self.count)
        skills = shares.argmax(axis=0)
        return {
            "ari": found.ari,
            "nmi": found.nmi,
            "recovered": float(truth.recovered(shares).mean()),
            "behaviours": [
                {"behaviour": index, "rows": float((behaviours == index).mean()), "skill": int(skill), "share": share}
                for index, (skill, share) in enumerate(zip(skills, shares.max(axis=0).tolist(), strict=True))
            ],
        }

    def _fit_goals(self, steps: Steps, windows: Windows, labels: NDArray[np.int32]) -> None:
        rewards = transfer.window_rewards(transfer.goal_rewards(steps), windows)
        self._selected = transfer.select(rewards, labels, self.count)
        self._goal_means, self._goal_best = rewards.mean(axis=0), rewards.max(axis=0)
        model = load_model(self.env_id)
        self._possible = transfer.possible_goals(planar=model.nq == model.nv)

    def _reached(self, behaviour: "Behaviour") -> tuple[NDArray[np.float32], Floats]:
        """What `coverage.coverage` asks of k-NN recall and precision: ([K * R, N], [K, R])."""
        windows, owners = behaviour.windows, behaviour.owners
        hits = coverage.is_reached(self.windows, windows, coverage.reach(windows))
        count, trials = behaviour.shape
        starts = np.searchsorted(owners, np.arange(count * trials))  # owners ascend, and every trial has a window
        reached = np.logical_or.reduceat(hits, starts, axis=1).T.astype(np.float32)
        near = coverage.is_reached(windows, self.windows, self._reach).any(axis=1)
        inside = np.bincount(owners, weights=near) / np.bincount(owners)
        return reached, inside.reshape(count, trials)


class Behaviour:
    """A method's trials as the judge describes them.

    windows: [V, D] whitened, not overlapping, trial after trial.   owners: [V] the trial (k * R + r) of each.
    """

    def __init__(self, trials: Trials, judge: Judge) -> None:
        self.shape = trials.shape
        self._judge = judge
        self._trials = trials
        played = np.arange(trials.observations.shape[2]) < trials.lengths[..., None]
        lengths = trials.lengths.ravel()
        self._played = played
        self._steps = read_steps(trials.observations[played], judge.env_id)
        self._starts = np.cumsum(lengths) - lengths
        cut = cut_windows(self._starts, lengths, judge.protocol.window)
        self.windows: Floats = judge.whitening.transform(describe(self._steps, cut))
        self.owners = np.searchsorted(self._starts, cut.starts, side="right") - 1

    @cached_property
    def means(self) -> Floats:
        """[K, R, D] the mean of each trial's windows."""
        return self._over_windows(self.windows)

    @cached_property
    def log_probabilities(self) -> Floats:
        """[K, R, K] of each class, the mean over each trial's windows."""
        return self._over_windows(self._judge.log_probabilities(self.windows))

    @cached_property
    def successors(self) -> dict[str, Floats]:
        """[K, R, F] successor features, as they are and with each feature within the range that it has in the data."""
        whitened = self._judge.step_whitening.transform(self._steps.features)
        lengths, discount = self._trials.lengths, self._judge.protocol.discount
        kinds = {"ratio": whitened, "in_range": np.clip(whitened, *self._judge.step_range)}
        return {
            name: diversity.successor_features(self._spread(features), lengths, discount)
            for name, features in kinds.items()
        }

    @cached_property
    def visited(self) -> NDArray[np.bool_]:
        """[K, R, C] cells of the ground."""
        moves = self._spread(self._steps.velocity[:, :2] * self._steps.seconds)
        places = np.cumsum(moves, axis=2) - moves[:, :, :1]
        return coverage.visited_cells(places, self._trials.lengths)

    @cached_property
    def goals(self) -> Floats:
        """[K, R, G] mean reward of each goal."""
        whole = Windows(self._starts, self._trials.lengths.ravel(), self._judge.protocol.steps)
        rewards = transfer.window_rewards(transfer.goal_rewards(self._steps), whole)
        return rewards.reshape(*self.shape, -1)

    def _over_windows(self, values: Floats) -> Floats:
        firsts = np.searchsorted(self.owners, np.arange(self.shape[0] * self.shape[1]))
        sums = np.add.reduceat(values, firsts, axis=0)
        return np.asarray((sums / np.bincount(self.owners)[:, None]).reshape(*self.shape, -1))

    def _spread(self, rows: Floats) -> Floats:
        """[M, ...] rows of played steps -> [K, R, T, ...], 0 in the padding."""
        whole = np.zeros((*self._played.shape, rows.shape[1]))
        whole[self._played] = rows
        return whole
