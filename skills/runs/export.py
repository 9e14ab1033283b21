"""One skill's policy as an ONNX file, which runs without this program: observation in, action out.

Letters: B rows, O observation columns as the environment gives them, A action size.
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
from skills.files import read_json, replacing
from skills.learning.policy import Policy
from skills.runs.folder import RunFolder

INPUT, OUTPUT = "observation", "action"


@dataclass(frozen=True)
class Exported:
    """What was written.

    observation_size: O.   action_size: A.   metadata: what the file says of itself, all of it text.
    """

    path: Path
    observation_size: int
    action_size: int
    metadata: dict[str, str]


class _Player(nn.Module):
    """Observations as the environment gives them [B, O] -> mean actions [B, A] of a policy of one skill, in its bounds.

    actions: these bounds.
    """

    middle: Tensor
    reach: Tensor

    def __init__(self, policy: Policy, actions: ActionRange) -> None:
        super().__init__()
        self.policy = policy
        self.unit = bool((actions.low == -1).all() and (actions.high == 1).all())
        self.register_buffer("middle", torch.from_numpy((actions.high + actions.low) / 2))
        self.register_buffer("reach", torch.from_numpy((actions.high - actions.low) / 2))

    def forward(self, observation: Tensor) -> Tensor:
        seen = observation[:, : self.policy.shape.observation_size]
        means = self.policy.means(self.policy.standardise(seen))[:, 0]
        return means if self.unit else self.middle + self.reach * means


def export(run: RunFolder, skill: int | None, path: Path | None = None, *, force: bool = False) -> Exported:
    """Writes a skill's policy to `path`, or to RUN/export/017.onnx.   skill: None for the only one.

    The graph takes `observation` [B, O] float32, chooses its columns, standardises, and gives `action` [B, A], the mean
    action, within the environment's bounds; B is free.   force: write over a file that is there.

    Raises: SkillsError (usage) for a skill that the run has not or a file that is there, (environment) where onnx or
    onnxscript is not installed; where the run has no policy yet.
    """
    heads = run.config.heads
    if skill is None and heads > 1:
        raise SkillsError(f"{run.path} has {heads} skills.", f"Choose one: --skill 0 to {heads - 1}.", USAGE)
    skill = skill or 0
    run.require_skill(skill)
    run.require("policy")
    path = path or run.exported_file(skill)
    if path.exists() and not force:
        raise SkillsError(f"{path} is there already; it is left as it is.", "--force writes over it.", USAGE)
    _check_can_export()
    policy = Policy.load(run.policy_folder).alone(skill)
    body = body_of(run.env_id)
    columns, metadata = body.observation_size, _metadata(run, skill)
    _write(_Player(policy, body.actions).eval(), columns, metadata, path)
    return Exported(path, columns, policy.shape.action_size, metadata)


def _metadata(run: RunFolder, skill: int) -> dict[str, str]:
    metadata = {
        "run": run.path.resolve().name,
        "skill": str(skill),
        "env_id": run.env_id,
        "dataset": run.manifest["dataset"]["minari_id"],
    }
    if "measures" in run.finished_stages():
        metadata["label"] = read_json(run.measures_file)["skills"][skill]["label"]
    return metadata


def _write(player: _Player, columns: int, metadata: dict[str, str], path: Path) -> None:
    with _quiet():
        program = torch.onnx.export(
            player,
            (torch.zeros(2, columns),),
            dynamo=True,
            verbose=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
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
