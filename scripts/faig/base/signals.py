"""Requests to end, noted so that work can be saved first."""

import signal
import threading
from typing import NoReturn


class EndRequest:
    """While it lasts, a request to end (SIGTERM, Ctrl-C) is noted, so that work can be saved first.

    A scheduler sends SIGTERM some seconds before it kills a job whose time is up.

    Attributes:
        signal: the signal's number; None as long as there was none.
    """

    def __init__(self):
        self.signal: int | None = None
        self._before: dict = {}

    def __enter__(self) -> "EndRequest":
        if threading.current_thread() is threading.main_thread():
            for kind in (signal.SIGTERM, signal.SIGINT):
                self._before[kind] = signal.signal(kind, self._note)
        return self

    def __exit__(self, *exception) -> None:
        for kind, handler in self._before.items():
            signal.signal(kind, handler)

    def _note(self, number: int, frame) -> None:
        self.signal = number

    def obey(self, message: str) -> NoReturn:
        """Print a message with the signal's name, and exit with the status that is its custom."""
        print(message.format(signal.Signals(self.signal).name), flush=True)
        raise SystemExit(128 + self.signal)
