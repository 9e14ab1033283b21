"""Trials of real bodies: the same starts for everybody, the padding, segments of data."""

from dataclasses import replace

import numpy as np
import pytest

from skills.bodies.fates import OUTCOMES, SURVIVES, Outcome
from skills.data.transitions import Transitions
from skills.errors import SkillsError
from skills.learning.classes import Classes, cluster
from skills.playing.protocol import Protocol
from skills.playing.rollout import Transcript
from skills.playing.trials import Trials, play_trials, take_segments
from skills.progress import silent_reporter
from skills.settings.config import ExpertsConfig

STEPS = Protocol().steps


class Constant:
    """Skill k holds every joint at (k - 1) / 2."""

    def act(self, observations, skills):
        return np.repeat((skills[:, None] - 1) / 2, 3, axis=1).astype(np.float32)


def classes_of(transitions: Transitions, count: int) -> Classes:
    labels = (np.arange(len(transitions)) % count).astype(np.int32)
    columns = np.arange(3)
    plain = np.zeros(3, np.float32)
    return Classes(labels, np.arange(3 * count, dtype=np.float32).reshape(count, 3), columns, plain, plain + 1)


def ended(trials: Trials) -> np.ndarray:
    return ~np.isin(trials.fates, [OUTCOMES.index(outcome) for outcome in SURVIVES])


@pytest.fixture
def trials(hopper) -> Trials:
    return play_trials(Constant(), 3, hopper, classes_of(hopper, 3), Protocol(trials=4), silent_reporter)


def test_every_skill_starts_from_the_same_states_and_then_differs(trials):
    assert trials.shape == (3, 4)
    assert trials.observations.shape == (3, 4, STEPS, 11)
    assert (trials.observations[:, :, 0] == trials.observations[:1, :, 0]).all()
    assert not (trials.observations[0, :, 5] == trials.observations[2, :, 5]).all()
    assert len(np.unique(trials.observations[0, :, 0, 0])) == 4


def test_what_is_not_played_counts_for_nothing(trials):
    assert (ended(trials) & ~np.isin(trials.fates, OUTCOMES.index(Outcome.LEAPS))).all()  # no hopper stands for long
    assert (trials.survived == trials.lengths).all()
    played = np.arange(STEPS) < trials.lengths[..., None]
    assert (trials.classes[played] >= 0).all()
    assert (trials.classes[~played] == -1).all()
    assert (trials.observations[~played] == 0).all()
    assert (np.abs(trials.returns) > 0).all()


def test_windows_of_classes_end_where_a_trial_does(cheetah):
    generator = np.random.default_rng(0)
    classes = cluster(cheetah, 5, ExpertsConfig(window=7), seed=1)
    transcript = Transcript(3, 30, *(part.shape[1] for part in (cheetah.observations, cheetah.actions)))
    transcript.states[:] = generator.normal(size=transcript.states.shape)
    transcript.actions[:] = generator.normal(size=transcript.actions.shape)
    transcript.lengths[:] = 30, 4, 17
    found = transcript.classify(classes)
    for number, length in enumerate(transcript.lengths):
        before, after = transcript.states[number, :length], transcript.states[number, 1 : length + 1]
        alone = classes.classify(before, transcript.actions[number, :length], after, np.array([length]))
        assert found[number, :length].tolist() == alone.tolist()
        assert (found[number, length:] == -1).all()


def test_the_class_of_the_last_step_that_counts_looks_ahead(hopper):
    classes = replace(classes_of(hopper, 3), window=np.array(9))
    short = play_trials(Constant(), 3, hopper, classes, Protocol(trials=2, steps=6), silent_reporter)
    long = play_trials(Constant(), 3, hopper, classes, Protocol(trials=2), silent_reporter)
    assert (short.lengths == 6).all()
    assert (short.classes == long.classes[:, :, :6]).all()
    assert (short.observations == long.observations[:, :, :6]).all()


def test_the_same_again_is_the_same_and_survives_its_file(trials, hopper, tmp_path):
    again = play_trials(Constant(), 3, hopper, classes_of(hopper, 3), Protocol(trials=4), silent_reporter)
    trials.save(tmp_path / "trials.npz")
    loaded = Trials.load(tmp_path / "trials.npz")
    for name, array in vars(trials).items():
        assert (array == vars(again)[name]).all(), name
        assert (array == vars(loaded)[name]).all(), name
    np.savez(tmp_path / "trials.npz", lengths=np.zeros(3))
    with pytest.raises(SkillsError, match="damaged"):
        Trials.load(tmp_path / "trials.npz")


def test_segments_are_pieces_of_the_data_with_their_episodes_return(cheetah):
    found = take_segments(cheetah, classes_of(cheetah, 5), 5, np.random.default_rng(0), Protocol(trials=2))
    assert found.shape == (5, 2)
    assert (found.lengths == 200).all()  # ten whole episodes are just enough for ten whole segments
    firsts = cheetah.observations[cheetah.episode_starts]
    assert all((first == firsts).all(axis=1).any() for first in found.observations[:, :, 0].reshape(10, -1))
    assert set(found.returns.ravel()) <= set(cheetah.returns)


def test_segments_of_short_episodes_end_where_they_end(hopper):
    found = take_segments(hopper, classes_of(hopper, 2), 2, np.random.default_rng(0), Protocol(trials=5))
    assert (found.lengths < STEPS).all()
    assert len(np.unique(found.observations[:, :, 0, 0])) > 5  # not all from the one longest episode
    assert ended(found).all()
    assert (found.classes[:, :, -1] == -1).all()


def test_what_became_of_trials_and_of_the_data_is_told_by_the_same_rule(cheetah):
    """A half-cheetah's episodes never end: one that rolls onto its back has not survived, played or in the data."""
    seen = cheetah.observations.copy()
    seen[:, 1] = 0.0
    seen[50:400, 1] = np.pi  # the first two of ten episodes end on their backs
    changed = replace(cheetah, observations=seen, next_observations=np.concatenate([seen[1:], seen[-1:]]))
    found = take_segments(changed, classes_of(changed, 5), 5, np.random.default_rng(0), Protocol(trials=2))
    lies = found.fates == OUTCOMES.index(Outcome.LIES)
    starts = changed.observations[changed.episode_starts]
    episodes = [int((starts == first).all(axis=1).argmax()) for first in found.observations[:, :, 0].reshape(10, -1)]
    assert {0, 1} & set(episodes)
    assert lies.ravel().tolist() == [episode < 2 for episode in episodes]
    where = dict(zip(episodes, found.survived.ravel().tolist(), strict=True))
    assert {episode: where[episode] for episode in (0, 1) if episode in where}.items() <= {0: 50, 1: 0}.items()
