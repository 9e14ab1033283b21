"""One skill's policy, or all of them, as an ONNX file, which runs without this program: observation in, action out.

Letters: B rows, O observation columns of the run's dataset, A action size.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from skills.bodies.actions import ActionRange
from skills.bodies.body import body_of
from skills.errors import ENVIRONMENT, USAGE, SkillsError
from skills.files import replacing
from skills.learning.engine.stacked import StackedMlp, with_ones
from skills.learning.policy import OwnTrunks, Policy
from skills.runs.folder import RunFolder

INPUT, CHOICE, OUTPUT = "observation", "skill", "action"


@dataclass(frozen=True)
class Exported:
    """What was written.

    observation_size: O.   action_size: A.   metadata: what the file says of itself, all of it text.
    """

    path: Path
    observation_size: int
    action_size: int
    metadata: dict[str, str]


class _Outward(nn.Module):
    """Actions in +-1 -> in an environment's own bounds; nothing where these are +-1."""

    middle: Tensor
    reach: Tensor

    def __init__(self, actions: ActionRange) -> None:
        super().__init__()
        self.unit = bool((actions.low == -1).all() and (actions.high == 1).all())
        if not self.unit:
            self.register_buffer("middle", torch.from_numpy((actions.high + actions.low) / 2))
            self.register_buffer("reach", torch.from_numpy((actions.high - actions.low) / 2))

    def forward(self, actions: Tensor) -> Tensor:
        return actions if self.unit else self.middle + self.reach * actions


class _Player(nn.Module):
    """Observations as the dataset has them [B, O] -> mean actions [B, A] of a policy of one skill, in their bounds."""

    def __init__(self, policy: Policy, actions: ActionRange) -> None:
        super().__init__()
        self.policy = policy
        self.bounds = _Outward(actions)

    def forward(self, observation: Tensor) -> Tensor:
        seen = observation[:, : self.policy.shape.observation_size]
        return self.bounds(self.policy.means(self.policy.standardise(seen))[:, 0])  # type: ignore[no-any-return]  # a module that is called has no type


class _AllPlayer(nn.Module):
    """Observations [B, O] and the number of a skill for each [B] -> mean actions [B, A] of a policy of many.

    Where every skill has a network, only those that are asked for are worked out.
    """

    def __init__(self, policy: Policy, actions: ActionRange) -> None:
        super().__init__()
        self.policy = policy
        self.bounds = _Outward(actions)

    def forward(self, observation: Tensor, skill: Tensor) -> Tensor:
        shape, network = self.policy.shape, self.policy.network
        seen = self.policy.standardise(observation[:, : shape.observation_size])
        if isinstance(network, OwnTrunks):
            stacked = StackedMlp.of(network.flat, shape.layers(shape.observation_size, shape.action_size))
            chosen = StackedMlp(layer[skill] for layer in stacked.layers)
            outputs = chosen(with_ones(seen)[:, None])[:, 0]
            return self.bounds(self.policy.outward(outputs, seen))  # type: ignore[no-any-return]  # a module that is called has no type
        means = self.policy.means(seen)
        chosen_means = torch.gather(means, 1, skill[:, None, None].expand(-1, 1, shape.action_size))[:, 0]
        return self.bounds(chosen_means)  # type: ignore[no-any-return]  # a module that is called has no type


def export_all(run: RunFolder, path: Path | None = None, *, force: bool = False) -> Exported:
    """Writes the policy of all skills to `path`, or to RUN/export/skills.onnx.

    As `export`, with a second input, `skill` [B] int64: the number of the skill for each observation, 0 to K - 1.
    """
    run.require("policy")
    path = free(path or run.all_exported_file, force)
    policy = Policy.load(run.policy_folder)
    columns = _columns(run)
    metadata = {**_metadata(run), "skills": str(policy.shape.skills)}
    given = torch.zeros(2, columns), torch.zeros(2, dtype=torch.int64)
    _write(_AllPlayer(policy, body_of(run.env_id).actions).eval(), given, (INPUT, CHOICE), metadata, path)
    return Exported(path, columns, policy.shape.action_size, metadata)


def export(run: RunFolder, skill: int | None, path: Path | None = None, *, force: bool = False) -> Exported:
    """Writes a skill's policy to `path`, or to RUN/export/017.onnx.   skill: None for the only one.

    The graph takes `observation` [B, O] float32, as the environment of the run's dataset gives it (an Ant's with or
    without contact forces), chooses its columns, standardises, and gives `action` [B, A], the mean action, in the
    environment's bounds; B is free.   force: write over a file that is there.

    Raises: SkillsError (usage) for a skill that the run has not or a file that is there, (environment) where onnx or
    onnxscript is not installed; where the run has no policy yet.
    """
    heads = run.config.heads
    if skill is None and heads > 1:
        raise SkillsError(
            f"{run.path} has {heads} skills.", f"Choose one: --skill 0 to {heads - 1}; or --all in one file.", USAGE
        )
    skill = skill or 0
    run.require_skill(skill)
    run.require("policy")
    path = free(path or run.exported_file(skill), force)
    policy = Policy.load(run.policy_folder).alone(skill)
    columns = _columns(run)
    metadata = {**_metadata(run), "skill": str(skill)}
    if "measures" in run.finished_stages():
        metadata["label"] = run.measures["skills"][skill]["label"]
    _write(_Player(policy, body_of(run.env_id).actions).eval(), (torch.zeros(2, columns),), (INPUT,), metadata, path)
    return Exported(path, columns, policy.shape.action_size, metadata)


def _columns(run: RunFolder) -> int:
    """How many columns an observation of the run's dataset has."""
    return int(run.manifest["dataset"].get("columns") or body_of(run.env_id).observation_size)


def free(path: Path, force: bool) -> Path:
    """The path of a file to be exported.

    Raises: SkillsError (usage) for a file that is there, (environment) where none can be written.
    """
    if path.exists() and not force:
        raise SkillsError(f"{path} is there already; it is left as it is.", "--force writes over it.", USAGE)
    _check_can_export()
    return path


def _metadata(run: RunFolder) -> dict[str, str]:
    known = run.manifest["dataset"]
    return {"run": run.path.resolve().name, "env_id": run.env_id, "dataset": known["minari_id"]}


def _write(
    player: nn.Module, given: tuple[Tensor, ...], names: tuple[str, ...], metadata: dict[str, str], path: Path
) -> None:
    """given: an example of each of the inputs, which have these names and a batch as their first axis."""
    batch = torch.export.Dim("batch")
    with _quiet():
        program = torch.onnx.export(
            player,
            given,
            dynamo=True,
            verbose=False,
            input_names=list(names),
            output_names=[OUTPUT],
            dynamic_shapes=tuple({0: batch} for _ in given),
        )
    assert program is not None, "with dynamo=True there is a program"
    shape = program.model.graph.inputs[0].shape
    if shape is None or isinstance(shape[0], int):  # as torch 2.6 does, and says nothing
        raise SkillsError(
            f"With torch {torch.__version__} the file would act on two observations at a time, and on no other number.",
            "Install a later one: pip install 'torch>=2.13'",
            ENVIRONMENT,
        )
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    ClearMetadataAndDocStringPass()(program.model)  # the exporter notes source lines, with the paths of this machine
    program.model.metadata_props.update(metadata)
    with replacing(path) as temporary:
        program.save(temporary, external_data=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what the exporter says to its own developers off stderr."""
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")  # operators of torchvision
    level = registration.level
    registration.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.filterwarnings("ignore", message=".*axis name.*")  # two inputs have one batch
            yield
    finally:
        registration.setLevel(level)


def _check_can_export() -> None:
    try:
        import onnx  # noqa: F401  # only whether it is there
        import onnxscript  # noqa: F401  # likewise
    except ModuleNotFoundError:
        raise SkillsError(
            "Writing ONNX needs onnx and onnxscript.", "Install them: pip install onnx onnxscript", ENVIRONMENT
        ) from None
