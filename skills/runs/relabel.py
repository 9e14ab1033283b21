"""A run's dataset with the reward of one of its skills in the place of the environment's: for any offline RL library.

The paper calls its rewards pluggable: whoever learns from them need not know where they come from.

Letters: N transitions, K skills.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from minari.data_collector import EpisodeBuffer
from numpy.typing import NDArray

from skills.data import store
from skills.data.minari import first_steps, learned, open_dataset
from skills.data.stored import SAID
from skills.data.transitions import Transitions
from skills.errors import SkillsError
from skills.learning.matrix import Rewards
from skills.progress import Progress, silent, silent_reporter, unsaid
from skills.runs.command import command
from skills.runs.folder import RunFolder
from skills.runs.reading import read_own, require_rewards


def relabel(run: RunFolder, skill: int, minari_id: str, progress: Progress = silent) -> None:
    """Writes the transitions that a run learned from as the Minari dataset `minari_id`, rewarded for one skill.

    The reward is the one that the run's own policy learned from: the label times the skill's scale. The environment's
    reward is kept in infos/environment_reward. Observations keep all their columns. Progress counts rows.

    One that is there already, of the same rewards of the same rows, is left.

    Raises: SkillsError (usage) for a skill that the run has not, or an id that is taken; where the run has no rewards,
    yet or at all, or its dataset is gone, or another by now.
    """
    run.require_skill(skill)
    require_rewards(run)
    known: dict[str, Any] = run.manifest["dataset"]
    made_of = {
        "labelled_from": known["minari_id"],
        "skill": skill,
        "source_digest": known["digest"],
        "labelled_with": run.manifest["stages"]["rewards"]["files"],
    }
    if store.is_made(minari_id, made_of):
        return
    store.check_new(minari_id)
    _check_stored(read_own(run, "local", silent_reporter, unsaid), known)
    dataset = open_dataset(known["minari_id"])
    rewards = Rewards.open(run.rewards_folder, run.rows)
    values = rewards.labels[: known["steps"], skill].astype(np.float32) * rewards.scale[skill]
    source: dict[str, Any] = dataset.storage.metadata
    description = store.Description(
        dataset.observation_space,
        dataset.action_space,
        dataset.env_spec,
        str(source.get("algorithm_name", "unknown")),
        f"{known['minari_id']} with the rewards of skill {skill} of {run.config.heads} found in it by "
        f"`{command(run.config, run.path)}`. The environment's own are in infos/environment_reward.",
        made_of | {key: source[key] for key in SAID if key in source},
    )
    cut = run.manifest["dataset"]["return_mean"] is not None  # at the goals that its rewards told of
    size = values.nbytes * (2 + dataset.action_space.shape[0])  # with the observations it is more
    store.write(minari_id, description, _episodes(dataset, values, cut, progress), size)


def _check_stored(found: Transitions, known: Mapping[str, Any]) -> None:
    """Raises: SkillsError where what is copied and nothing is learned from (infos, say) is not what it was."""
    if known.get("stored_digest") not in (None, found.stored_digest):
        raise SkillsError(
            f"What {found.minari_id} holds beside the rows that are learned from (infos, truncations, further columns) "
            "is not what it was when this run began.",
            "It is copied with them: get or make the dataset again.",
        )


def _episodes(dataset: Any, values: NDArray[np.float32], cut: bool, progress: Progress) -> Iterator[EpisodeBuffer]:
    """The episodes that hold the first rows, as many as there are values; the last one cut as the run's was."""
    row = 0
    for episode in learned(dataset, dataset.id, cut):
        length = min(len(episode.rewards), len(values) - row)
        if length:
            yield _rewarded(episode, values[row : row + length])
        row += length
        progress(row, len(values))
        if row == len(values):
            return
    raise SkillsError(
        f"{dataset.id} has {row:,} rows; the run learned from {len(values):,}.", "Get or make the dataset again."
    )


def _rewarded(episode: Any, values: NDArray[np.float32]) -> EpisodeBuffer:
    kept = first_steps(episode, len(values))
    truncations = np.array(kept.truncations)
    if len(kept) < len(episode):
        truncations[-1] = True
    return EpisodeBuffer(
        observations=kept.observations,
        actions=kept.actions,
        rewards=values,
        terminations=kept.terminations,
        truncations=truncations,
        infos={**kept.infos, "environment_reward": kept.rewards},
    )
