"""A request to end (SIGINT) that reaches Snakemake alone is passed on to its jobs.

Ctrl-C in a terminal reaches them all. From a service or a notebook it reaches one process, which
would stop starting jobs and wait for those that run, for days perhaps.
"""

import signal
import threading
from contextlib import suppress

import psutil


def install() -> None:
    """From now on, end the processes started by this one as Ctrl-C in a terminal does.

    Nothing changes where requests are ignored, or are someone else's business.
    """
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _pass_on)


def _pass_on(number: int, frame) -> None:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # gone, perhaps of this very request
            process.send_signal(number)
    signal.default_int_handler(number, frame)
