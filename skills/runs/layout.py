"""Where everything in a run lies. No other file names a path inside of one.

runs/ant-medium/
  config.json      every setting
  manifest.json    versions, dataset digest, and for each finished stage its wall time and the sha256 of its files;
                   the checksum of the settings, and its own
  experts.npz  rewards/  policy/  rollouts/  measures.json
  exemplars.npz    what the data show of each class
  switches.npz     what happens when one skill gives way to another
  likeness.npz     how steps of each class are usually
  segments/        logs cut into behaviours, a page each
  gallery/         the page, its films and what is known of them
  evaluation/      what was played and trained to be measured against, a folder each; a variant is a run itself
  export/          a policy a skill
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GALLERY = "gallery"
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Layout:
    """The paths of a run in the folder `path`, whether or not there is anything."""

    path: Path

    @property
    def config_file(self) -> Path:
        return self.path / "config.json"

    @property
    def manifest_file(self) -> Path:
        return self.path / _MANIFEST

    @property
    def lock_file(self) -> Path:
        return self.path / ".lock"

    @property
    def experts_file(self) -> Path:
        return self.path / "experts.npz"

    @property
    def rewards_folder(self) -> Path:
        return self.path / "rewards"

    @property
    def policy_folder(self) -> Path:
        return self.path / "policy"

    @property
    def rollouts_file(self) -> Path:
        return self.path / "rollouts" / "rollouts.npz"

    @property
    def beginnings_file(self) -> Path:
        return self.rollouts_file.with_name("beginnings.npz")

    @property
    def measures_file(self) -> Path:
        return self.path / "measures.json"

    @property
    def exemplars_file(self) -> Path:
        return self.path / "exemplars.npz"

    @property
    def switches_file(self) -> Path:
        return self.path / "switches.npz"

    @property
    def likeness_file(self) -> Path:
        return self.path / "likeness.npz"

    def segments_page(self, log: str) -> Path:
        """The page of a log that was cut into behaviours.   log: its name, of letters, digits and dashes."""
        return self.path / "segments" / f"{log}.html"

    def exported_file(self, skill: int) -> Path:
        """The policy of a skill, as ONNX."""
        return self.path / "export" / f"{skill:03d}.onnx"

    @property
    def all_exported_file(self) -> Path:
        """The policy of all skills, as ONNX."""
        return self.path / "export" / "skills.onnx"

    @property
    def gallery_folder(self) -> Path:
        return self.path / GALLERY

    @property
    def page_file(self) -> Path:
        return self.gallery_folder / "index.html"

    @property
    def page_document(self) -> Path:
        """What the page shows, as JSON."""
        return self.gallery_folder / _MANIFEST

    @property
    def films_file(self) -> Path:
        """Of what each film was made."""
        return self.gallery_folder / "videos.json"

    @property
    def films_state(self) -> Path:
        """The script that tells an open page which films are there."""
        return self.gallery_folder / "state.js"

    def film(self, skill: int, kind: str = "", form: str = "mp4") -> Path:
        """A film of a skill, as `film_name` names it."""
        return self.gallery_folder / film_name(skill, kind, form)

    def poster(self, skill: int) -> Path:
        """The still picture of a skill."""
        return self.gallery_folder / poster_name(skill)

    def films(self) -> list[Path]:
        """The films of skills themselves that there are."""
        return list(self.film(0).parent.glob("*[0-9].mp4"))

    @property
    def evaluation_folder(self) -> Path:
        return self.path / "evaluation"

    def method(self, name: str) -> "MethodFolder":
        """A method that the run's skills are measured beside, or they themselves."""
        return MethodFolder(self.evaluation_folder / name)

    def evaluation_file(self, name: str) -> Path:
        """What one kind of evaluation found: "plots.json", "ablation-data.svg"."""
        return self.evaluation_folder / name

    def is_part(self, entry: Path) -> bool:
        """Whether what lies in the folder is of a run, or is what a run leaves that was killed."""
        files = [self.config_file, self.manifest_file, self.lock_file, self.experts_file, self.measures_file]
        folders = [self.rewards_folder, self.policy_folder, self.rollouts_file.parent, self.exported_file(0).parent]
        files += [self.exemplars_file, self.switches_file, self.likeness_file]
        named = [*files, *folders, self.segments_page("").parent, self.gallery_folder, self.evaluation_folder]
        return entry in named or ".partial" in entry.name

    def inner_runs(self) -> Iterator[Path]:
        """The folders of the variants that there are."""
        return (manifest.parent for manifest in sorted(self.evaluation_folder.glob(f"*/{_MANIFEST}")))


@dataclass(frozen=True)
class MethodFolder:
    """What is kept of a method.   path: its folder; that of a variant is a run."""

    path: Path

    @property
    def trials_file(self) -> Path:
        return self.path / "trials.npz"

    @property
    def trials_note(self) -> Path:
        """Of which policy and classes they are."""
        return self.path / "trials.json"

    @property
    def numbers_file(self) -> Path:
        """The point estimate and the draws of each number."""
        return self.path / "numbers.npz"


def film_name(skill: int, kind: str = "", form: str = "mp4") -> str:
    """Within the gallery.   kind: "" the skill itself, "starts" its other rollouts, "data" its class."""
    return f"{'skills' if form == 'mp4' else 'slides'}/{skill:03d}{'-' if kind else ''}{kind}.{form}"


def poster_name(skill: int) -> str:
    """Within the gallery."""
    return f"skills/{skill:03d}.webp"


def is_run(path: Path) -> bool:
    """Whether a folder holds a run."""
    return Layout(path).manifest_file.is_file()


def runs_in(root: Path) -> list[Path]:
    """The folders of the runs in a folder, by name."""
    return [manifest.parent for manifest in sorted(root.glob(f"*/{_MANIFEST}"))]
