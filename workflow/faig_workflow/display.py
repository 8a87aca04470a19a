"""What a person sees while the workflow runs: a line per running job, with the job's own progress.

It takes the place of Snakemake's messages about every job, some fifteen lines each. These still go
to Snakemake's log file, which is named at the end. Errors and warnings are shown as they are.

Not a logger plugin: Snakemake looks for those among the installed packages before it reads the
workflow, and would not find one that lies beside it.
"""

import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from snakemake.logging import get_event
from snakemake_interface_logger_plugins.common import LogEvent
from tqdm import tqdm

# what Snakemake says beside its warnings and errors, and the display says better or not at all
SILENT = {
    LogEvent.WORKFLOW_STARTED,
    LogEvent.RUN_INFO,
    LogEvent.RESOURCES_INFO,
    LogEvent.JOB_INFO,
    LogEvent.JOB_STARTED,
    LogEvent.JOB_FINISHED,
    LogEvent.GROUP_INFO,
    LogEvent.PROGRESS,
}
NOISE = re.compile("Select jobs to execute|Using shell: |Conda environments: ignored")
SECONDS = {"terminal": 1, "file": 60}  # from one look at the running jobs to the next
TAIL = 4096  # bytes of a log in which its last progress bar is looked for

# a bar of `faig.progress`: label, percentage, time left
_BAR = re.compile(r"^(.+?): +(\d+)%\|.*<([\d:]+|\?)[,\]]", re.MULTILINE)


def progress(log: Path) -> str:
    """The last progress bar of a log, in a few words; "" without any."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL))
            bars = _BAR.findall(file.read().decode(errors="replace"))
    except OSError:  # the job has not begun
        return ""
    if not bars:
        return ""
    label, percent, left = bars[-1]
    return f"{label} {percent} %" + (f", {left} left" if left != "?" else "")


class Job:
    """A running job, from Snakemake's message about it."""

    def __init__(self, record: logging.LogRecord):
        wildcards = getattr(record, "wildcards", None) or {}
        self.name = " ".join([record.rule_name, *map(str, wildcards.values())])
        self.logs = {Path(log): _changed(Path(log)) for log in record.log}
        self.shown = bool(record.output)  # a target such as `all` does nothing
        self.started = time.monotonic()

    @property
    def elapsed(self) -> str:
        return tqdm.format_interval(time.monotonic() - self.started)

    def __str__(self) -> str:
        # a log that did not change is that of an earlier attempt
        bars = [progress(log) for log, before in self.logs.items() if _changed(log) != before]
        return ", ".join([f"{self.name}: running for {self.elapsed}", *filter(None, bars)])


def _changed(log: Path) -> int | None:
    """When a file was changed; None if there is none."""
    try:
        return log.stat().st_mtime_ns
    except OSError:
        return None


class Display(logging.Handler):
    """Shows the jobs that run: on a terminal in place, in a file from time to time.

    Args:
        handler: Snakemake's own, which writes whatever else is shown.
    """

    def __init__(self, handler: logging.StreamHandler):
        super().__init__()
        self.handler = handler
        self.terminal = handler.can_color_tty()
        self.jobs: dict[int, Job] = {}
        self.done, self.total = 0, 0
        self._lines = 0  # on the terminal, to be overwritten
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look_again, daemon=True)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._erase()
            self._note(record)
            quiet = get_event(record) in SILENT or NOISE.match(str(record.msg))
            if not quiet or record.levelno >= logging.WARNING:
                self.handler.handle(record)
            if self.terminal:
                self._draw()
        except Exception:  # as in every handler: what cannot be shown must not end the run
            self.handleError(record)

    def _note(self, record: logging.LogRecord) -> None:
        """Keep account of the jobs."""
        match get_event(record):
            case LogEvent.RUN_INFO:
                self.total = record.stats["total"]
                self._write([f"{self.total} jobs to do"])
                if self._thread.ident is None:
                    self._thread.start()
            case LogEvent.JOB_INFO:
                self.jobs[record.jobid] = Job(record)
            case LogEvent.JOB_FINISHED:
                self._finish(self.jobs.pop(record.job_id, None))
            case LogEvent.JOB_ERROR:
                self.jobs.pop(record.jobid, None)
            case LogEvent.GROUP_ERROR:
                for job in record.job_error_info:
                    self.jobs.pop(job["jobid"], None)

    def _finish(self, job: Job | None) -> None:
        self.done += 1
        if job and job.shown:
            clock, width = time.strftime("%H:%M:%S"), len(str(self.total))
            count = f"{self.done:{width}}/{self.total}"
            self._write([f"{clock}  {count}  {job.name}: done in {job.elapsed}"])

    def _look_again(self) -> None:
        while not self._end.wait(SECONDS["terminal" if self.terminal else "file"]):
            with self.lock:
                if not self._end.is_set():
                    self._erase()
                    self._draw()

    def _draw(self) -> None:
        """A line for each running job, as many as there is room for."""
        columns, rows = shutil.get_terminal_size()
        jobs = [job for job in self.jobs.values() if job.shown]
        room = max(1, rows - 4)
        lines = [f"  {job}" for job in jobs[:room]]
        if len(jobs) > room:
            lines.append(f"  and {len(jobs) - room} more")
        if self.terminal:
            lines = [line[: columns - 1] for line in lines]
            self._lines = len(lines)
        self._write(lines)

    def _erase(self) -> None:
        if self._lines:
            self._write([], f"\x1b[{self._lines}F\x1b[J")
            self._lines = 0

    def _write(self, lines: Iterable[str], start: str = "") -> None:
        self.handler.stream.write(start + "".join(f"{line}\n" for line in lines))
        self.handler.flush()

    def close(self) -> None:
        self._end.set()
        with self.lock:
            self._erase()
        super().close()


def install(logger: logging.Logger) -> None:
    """Put the display in front of Snakemake's own handler, where there is one."""
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            logger.removeHandler(handler)
            logger.addHandler(Display(handler))
            return


def when_started(logger: logging.Logger, action: Callable[[], None]) -> None:
    """Call a function as soon as Snakemake says that it executes the workflow.

    It says so before it looks for jobs, and not for `--lint`, `--list`, `--unlock` and the like.
    What the function raises ends Snakemake.
    """

    def look(record: logging.LogRecord) -> bool:
        if get_event(record) == LogEvent.WORKFLOW_STARTED:
            logger.removeFilter(look)
            action()
        return True

    logger.addFilter(look)
