"""Somebody plays: one thread that heeds orders, lets the body step in time and paints it."""

import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skills.arrays import Float32s
from skills.bodies.body import body_of
from skills.measures.steering import Steering, Velocity
from skills.playing.live import LiveBody
from skills.playing.rollout import Actor
from skills.videos.films.films import Style
from skills.videos.films.scene import model_of, torso_track, view_of
from skills.videos.live.orders import Order
from skills.videos.live.painter import Painter
from skills.videos.live.recording import Recorder
from skills.videos.live.reel import Reel

PICTURES = 40  # a second
_SLOWEST = 0.1  # s that a picture goes on at most: a machine that cannot keep up shows it slower, and does not jump
_AT_ONCE = 2.0  # steps that the newest state may be ahead of the picture for another skill to act at once
_FALLEN = 1.0  # s that a fallen body lies before it is put down anew
_OVER = 0.5  # s over which its speed is measured
_IDLE = 0.2  # s between looks at whether anybody watches


@dataclass(frozen=True)
class Cast:
    """Who plays what.

    actor: of all skills.   labels: [K].   steering: None of a body that goes nowhere.   style, renderer: of pictures.
    films: the folder of what is recorded.   seed: of the starts.
    """

    actor: Actor
    labels: tuple[str, ...]
    steering: Steering | None
    style: Style
    renderer: str
    films: Path
    seed: int


@dataclass(frozen=True)
class Picture:
    """about: what the page says of it.   jpeg: itself."""

    about: dict[str, Any]
    jpeg: bytes


class Session:
    """Runs in a thread of its own while it is entered.

    picture: the newest one.   heeded: the number of the last order.   error: what ended it, if anything did.
    """

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.picture: Picture | None = None
        self.error: Exception | None = None
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._watching: set[Callable[[], None]] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._model = model_of(cast.style.env_id)
        self._view = view_of(cast.style.env_id, cast.style.camera)
        self._step = body_of(cast.style.env_id).seconds_per_step
        self._body = LiveBody(cast.actor, cast.style.env_id, 0, cast.seed)
        self._recorder = Recorder(cast.films, cast.style, cast.renderer, dict(enumerate(cast.labels)))
        self._reel = Reel(self._body.qpos)
        self._way: deque[Float32s] = deque(maxlen=round(_OVER / self._step) + 1)
        self._command: Velocity | None = None
        self._rate = 1.0
        self._lies, self._anew = 0.0, False
        self.heeded, self._acted = 0, 0.0

    def __enter__(self) -> "Session":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._recorder.wait()

    def order(self, order: Order) -> None:
        """Takes an order; it is heeded at once."""
        self._orders.put(order)

    def watch(self, tell: Callable[[], None]) -> None:
        """Calls `tell` for every new picture, from this session's thread. While nobody watches, nothing moves."""
        self._watching.add(tell)

    def leave(self, tell: Callable[[], None]) -> None:
        """The opposite."""
        self._watching.discard(tell)

    def _run(self) -> None:
        try:
            self._play(Painter(self.cast.style, self.cast.renderer))
        except Exception as error:  # noqa: BLE001  # whoever serves has to hear of it
            self.error = error
            signal.raise_signal(signal.SIGINT)
        finally:
            self._body.close()

    def _play(self, painter: Painter) -> None:
        before = shown = time.perf_counter()
        while not self._ended.is_set():
            if not self._watching:
                self._ended.wait(_IDLE)
                before = shown = time.perf_counter()
                continue
            self._heed(shown + 1 / PICTURES)
            now = time.perf_counter()
            shown = max(shown + 1 / PICTURES, now - 1 / PICTURES)
            seconds = min(now - before, _SLOWEST) * self._rate
            before = now
            self._go(seconds)
            if self._anew:
                painter.cut()
                self._anew = False
            self.picture = Picture(self._about(), painter.paint(self._reel.shown(self._model), seconds))
            for tell in tuple(self._watching):
                tell()

    def _heed(self, until: float) -> None:
        """Does what is ordered, as it comes, until the next picture is due."""
        while True:
            left = until - time.perf_counter()
            try:
                order = self._orders.get(timeout=left) if left > 0 else self._orders.get_nowait()
            except queue.Empty:
                return
            self._do(order)

    def _do(self, order: Order) -> None:
        skill = self._body.skill
        if order.skill is not None:
            self._command, skill = None, order.skill
        if order.command is not None and self.cast.steering is not None:
            most = self.cast.steering.fastest
            one, two, turn = (float(np.clip(own, -top, top)) for own, top in zip(order.command, most, strict=True))
            self._command = (one, two, turn)
            skill = self.cast.steering.nearest(self._command)
        if order.rate is not None:
            self._rate = order.rate
        if order.record is not None:
            self._recorder.begin(self._body.qpos) if order.record else self._recorder.end()
        if order.reset:
            self._reset()
        switched, self._body.skill = skill != self._body.skill, skill
        if switched and self._rate > 0 and self._reel.ahead < _AT_ONCE and not self._body.fell:
            self._act()
        self.heeded, self._acted = order.number, time.time()

    def _act(self) -> None:
        self._body.step()
        state = self._body.qpos
        self._reel.add(state)
        self._way.append(state)
        self._recorder.add(state, self._body.skill)

    def _go(self, seconds: float) -> None:
        """Lets time pass."""
        steps = seconds / self._step
        while self._reel.ahead < steps and not self._body.fell:
            self._act()
        self._lies = self._lies + seconds if self._body.fell else 0.0
        self._reel.forward(steps)
        if self._lies >= _FALLEN:
            self._reset()

    def _reset(self) -> None:
        self._body.reset()
        self._lies, self._anew = 0.0, True
        self._way.clear()
        self._reel = Reel(self._body.qpos)

    def _about(self) -> dict[str, Any]:
        return {
            "skill": self._body.skill,
            "seconds": round(self._body.steps * self._step, 2),
            "velocity": self._velocity(),
            "command": self._command,
            "rate": self._rate,
            "fell": self._body.fell,
            "recorded": self._recorder.seconds,
            "filming": self._recorder.is_filming,
            "said": self._recorder.said,
            "number": self.heeded,
            "acted": round(1000 * self._acted, 1),
        }

    def _velocity(self) -> list[float]:
        """m/s in x and y, over the last half second."""
        if len(self._way) < 2:
            return [0.0, 0.0]
        ends = torso_track(self._view, np.stack([self._way[0], self._way[-1]]))
        return np.round((ends[1] - ends[0]) / ((len(self._way) - 1) * self._step), 2).tolist()  # type: ignore[no-any-return]  # tolist has no type
