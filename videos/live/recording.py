"""What was played, as a film: the states are kept while somebody plays, and drawn afterwards at true speed."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from skills.arrays import Float32s, Ids
from skills.bodies.body import body_of
from skills.errors import SkillsError
from skills.videos.films.films import Style
from skills.videos.films.sequence import film_sequence

LONGEST = 60.0  # s: its pictures are held in memory
_BLOCK = 16  # pixels; a film's sides are multiples


class Recorder:
    """Films go to a folder, as play-1.mp4, play-2.mp4, ...

    said: what became of the last one, for the page.
    """

    def __init__(self, folder: Path, style: Style, renderer: str, labels: Mapping[int, str]) -> None:
        width, height = (max(_BLOCK, side // _BLOCK * _BLOCK) for side in (style.width, style.height))
        self._style = replace(style, width=width, height=height)
        self._folder, self._renderer, self._labels = folder, renderer, labels
        self._step = body_of(style.env_id).seconds_per_step
        self._states: list[Float32s] = []
        self._skills: list[int] = []
        self._filming: threading.Thread | None = None
        self.said = ""

    @property
    def seconds(self) -> float | None:
        """How much has been recorded, s; None where nothing is."""
        return len(self._skills) * self._step if self._states else None

    @property
    def is_filming(self) -> bool:
        """Whether a film is being drawn."""
        return self._filming is not None and self._filming.is_alive()

    def begin(self, state: Float32s) -> None:
        """From this state on; not while another film is being drawn."""
        if not self._states and not self.is_filming:
            self._states, self._skills, self.said = [state], [], ""

    def add(self, state: Float32s, skill: int) -> None:
        """A step, the skill that acted and where it led to; nothing where nothing is recorded."""
        if self._states:
            self._states.append(state)
            self._skills.append(skill)
            if len(self._skills) * self._step >= LONGEST:
                self.end()

    def end(self) -> None:
        """Draws what was recorded, beside the play."""
        states, self._states = self._states, []
        if self._skills and states:
            path = self._free()
            self.said = f"Drawing {path} ..."
            arguments = (path, np.stack(states), np.array(self._skills, np.int64))
            self._filming = threading.Thread(target=self._film, args=arguments)
            self._filming.start()

    def wait(self) -> None:
        """Until the film that is being drawn is there."""
        if self._filming is not None:
            self._filming.join()

    def _free(self) -> Path:
        number = 1
        while (path := self._folder / f"play-{number}.mp4").exists():
            number += 1
        return path

    def _film(self, path: Path, states: Float32s, schedule: Ids) -> None:
        try:
            film_sequence(states, len(schedule), schedule, self._labels, self._style, path, self._renderer)
            self.said = f"{path} is there: {len(schedule) * self._step:.1f} s."
        except SkillsError as error:
            self.said = f"No film: {error.message}"
