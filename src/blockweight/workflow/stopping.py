"""Work that is asked to stop ends where nothing is lost, not where the signal finds it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_SIGNALS = ("SIGINT", "SIGTERM")


class Stop:
    """Whether the person, or the system, asked for an end, and by which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def asked(self) -> bool:
        """Whether to stop at the next good moment."""
        return self.signal is not None

    def leave(self) -> NoReturn:
        """End as the signal would have: KeyboardInterrupt for Ctrl-C, else SystemExit with its number + 128."""
        if self.signal in (None, signal.SIGINT):
            raise KeyboardInterrupt
        sys.exit(128 + (self.signal or 0))


@contextmanager
def stopping(told: Callable[[], None]) -> Iterator[Stop]:
    """A first Ctrl-C or SIGTERM in here is only noted, and `told`; a second one ends at once. In another thread than
    the main one, signals are none of our business."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for name in _SIGNALS if (number := getattr(signal, name, None))}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, _frame: FrameType | None) -> None:
        stop.signal = number
        restore()
        told()

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, note)
    try:
        yield stop
    finally:
        restore()
