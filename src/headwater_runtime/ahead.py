"""Speculation: pages are asked for before their turn, at the positions they should have, and taken in order.

The position a page itself gives is the only authority. Where it is not the one that was guessed, everything on its way is
dropped, so what is taken is what a serial reading takes, whatever the source does.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from headwater_runtime.call import Position
from headwater_runtime.errors import HeadwaterError

__all__ = ["FAREWELL", "Ahead"]

T = TypeVar("T")
FAREWELL = 1.0  # seconds to wait for requests that are on their way when nobody wants their answers any more
Foresee = Callable[[Position], "Position | None"]


class Ahead(Generic[T]):
    """Up to `width` requests at a time, for one reading, by one thread. What fails is asked for again in its turn.

    A wrong guess narrows the view to one page; each that was right doubles it. So a source whose pages cannot be foreseen
    is asked little for nothing.
    """

    def __init__(self, width: int, guess: Callable[[Position], T]) -> None:
        self._width = self._view = width
        self._guess = guess
        self._guesses: deque[_Guess[T]] = deque()
        self._dropped: list[_Guess[T]] = []

    def take(self, position: Position | None) -> T | None:
        """Return the answer at `position`; None if none was asked for, or if it failed."""
        for guess in (*self._guesses, *self._dropped):
            guess.check()
        if not self._guesses or self._guesses[0].position != position:
            self.drop()
            return None
        self._view = min(self._width, self._view * 2)
        return self._guesses.popleft().result()

    def go_on(self, position: Position, foresee: Foresee) -> None:
        """Ask for the page at `position`, the next one, and as many behind it as can be foreseen."""
        if self._guesses and self._guesses[0].position != position:
            self.drop()
            self._view = 1
        following: Position | None = foresee(self._guesses[-1].position) if self._guesses else position
        while following is not None and len(self._guesses) < self._view and self._room():
            self._guesses.append(_Guess(following, self._guess))
            following = foresee(following)

    def drop(self) -> None:
        """Want nothing of what is on its way."""
        self._dropped += self._guesses
        self._guesses.clear()

    def close(self) -> None:
        """Leave no thread behind, but for one whose answer does not come."""
        self.drop()
        until = time.monotonic() + FAREWELL
        for guess in self._dropped:
            guess.join(max(0.0, until - time.monotonic()))

    def _room(self) -> bool:
        self._dropped = [guess for guess in self._dropped if guess.is_alive()]
        return len(self._guesses) + len(self._dropped) < self._width


class _Guess(threading.Thread, Generic[T]):
    """One request on its way."""

    def __init__(self, position: Position, ask: Callable[[Position], T]) -> None:
        super().__init__(name="headwater-page", daemon=True)
        self.position = position
        self._ask = ask
        self._answer: T | None = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Ask."""
        try:
            self._answer = self._ask(self.position)
        except BaseException as error:  # noqa: BLE001  (it is raised again by `check`, if it is not the source's)
            self._error = error

    def result(self) -> T | None:
        """Wait for the answer; None if the source failed."""
        self.join()
        self.check()
        return self._answer

    def check(self) -> None:
        """Raise what came up that is not the source's failure."""
        if self._error is not None and not isinstance(self._error, HeadwaterError):
            raise self._error
