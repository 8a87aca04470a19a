import io
import logging
import os
import re

import pytest
from faig_workflow import display
from faig_workflow.display import Display
from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

BARS = """computing on cpu in bfloat16, 1 CPU threads
target:   0%|                                  | 0/1000 [00:00<?, ?it/s]
target:  42%|########4           | 420/1000 [00:07<00:09, 60.1it/s]
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def record(event=None, message="", level=logging.INFO, **facts) -> logging.LogRecord:
    """A message as Snakemake sends it."""
    made = logging.LogRecord("snakemake", level, "", 1, message, (), None)
    for key, value in {"event": event, **facts}.items():
        setattr(made, key, value)
    return made


def start(number: int, log, output=("weights",)) -> logging.LogRecord:
    return record(
        LogEvent.JOB_INFO,
        "rule train: and all that",
        jobid=number,
        rule_name="train",
        wildcards={"network": "small", "seed": str(number)},
        log=[str(log)],
        output=list(output),
    )


def finish(number: int) -> logging.LogRecord:
    return record(LogEvent.JOB_FINISHED, f"Finished jobid: {number}", job_id=number)


@pytest.fixture
def shown(monkeypatch):
    """What a display shows of messages: on a terminal, or in a file."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "8")
    monkeypatch.setattr(display, "SECONDS", {"terminal": 0.01, "file": 0.01})
    started = []

    def make(stream) -> Display:
        own = ColorizingTextHandler(
            stream=stream,
            formatter=DefaultFormatter(show_failed_logs=True),
            filter=DefaultFilter(None, False, False, False, False),
        )
        started.append(Display(own))
        return started[-1]

    yield make
    for one in started:
        one.close()


def wait_for(stream: io.StringIO, words: str) -> str:
    """The text, as soon as it holds the words."""
    for _ in range(300):
        if words in stream.getvalue():
            break
        display.time.sleep(0.01)
    return stream.getvalue()


def visible(text: str) -> list[str]:
    """Lines that a terminal shows after all that was written."""
    lines: list[str] = []
    for part in re.split(r"(\x1b\[\d+F\x1b\[J)", re.sub(r"\x1b\[\d*m", "", text)):
        if up := re.fullmatch(r"\x1b\[(\d+)F\x1b\[J", part):
            del lines[len(lines) - int(up[1]) :]
        else:
            lines += part.split("\n")[:-1]
    return lines


def test_a_running_job_has_one_line_with_percentage_and_time_left(shown, tmp_path):
    one = shown(stream := Terminal())
    one.handle(record(LogEvent.RUN_INFO, stats={"total": 2}))
    one.handle(start(3, log := tmp_path / "log"))
    log.write_text(BARS)
    lines = visible(wait_for(stream, "42 %"))
    assert lines[0] == "2 jobs to do"
    assert re.fullmatch(r"  train small 3: running for 00:\d\d, target 42 %, 00:09 left", lines[1])
    assert len(lines) == 2


def test_a_finished_job_leaves_one_line(shown, tmp_path):
    one = shown(stream := Terminal())
    one.handle(record(LogEvent.RUN_INFO, stats={"total": 2}))
    one.handle(start(3, tmp_path / "log"))
    one.handle(finish(3))
    lines = visible(stream.getvalue())
    assert lines[0] == "2 jobs to do"
    assert re.fullmatch(r"\d\d:\d\d:\d\d  1/2  train small 3: done in 00:\d\d", lines[1])
    assert len(lines) == 2


def test_a_file_gets_a_line_from_time_to_time(shown, tmp_path):
    one = shown(stream := io.StringIO())
    one.handle(start(3, log := tmp_path / "log"))
    log.write_text(BARS)
    assert stream.getvalue() == ""
    one.handle(record(LogEvent.RUN_INFO, stats={"total": 2}))
    text = wait_for(stream, "42 %")
    assert re.search(r"train small 3: running for 00:\d\d, target 42 %, 00:09 left\n", text)
    assert "\x1b" not in text


def test_the_log_of_an_earlier_attempt_is_not_shown(shown, tmp_path):
    log = tmp_path / "log"
    log.write_text(BARS)
    os.utime(log, (0, 0))
    one = shown(stream := Terminal())
    one.handle(start(3, log))
    assert "%" not in stream.getvalue()
    log.write_text(BARS)
    one.handle(start(4, tmp_path / "other"))
    assert "42 %" in stream.getvalue()


def test_no_more_lines_than_there_is_room_for(shown, tmp_path):
    one = shown(stream := Terminal())
    for number in range(9):
        one.handle(start(number, tmp_path / ("long" * 30)))
    lines = visible(stream.getvalue())
    assert len(lines) == 5
    assert lines[-1] == "  and 5 more"
    assert all(len(line) < 60 for line in lines)


def test_a_failed_job_is_shown_with_its_log(shown, tmp_path):
    (log := tmp_path / "log").write_text("error: the loss became nan\n")
    one = shown(stream := Terminal())
    one.handle(start(3, log))
    facts = {"rule_name": "train", "rule_msg": None, "jobid": 3, "input": [], "output": []}
    facts |= {"log": [str(log)], "conda_env": None, "shellcmd": "", "aux": {}}
    one.handle(record(LogEvent.JOB_ERROR, "Error in rule train", logging.ERROR, **facts))
    text = "\n".join(visible(stream.getvalue()))
    assert "Error in rule train" in text
    assert str(log) in text
    assert "the loss became nan" in text
    assert "running" not in text


def test_jobs_of_a_failed_group_are_shown_no_more(shown, tmp_path):
    one = shown(stream := Terminal())
    for number in (3, 4):
        one.handle(start(number, tmp_path / "log"))
    facts = {"rule_name": "train", "jobid": 3, "output": [], "log": []}
    facts = {"aux_logs": [], "job_error_info": [facts]}
    one.handle(record(LogEvent.GROUP_ERROR, "Error in group g", logging.ERROR, **facts))
    text = "\n".join(visible(stream.getvalue()))
    assert "Error in group g" in text
    assert "train small 3: running" not in text
    assert "train small 4: running" in text


@pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR])
def test_warnings_and_errors_are_shown(shown, level):
    one = shown(stream := Terminal())
    one.handle(record(None, "Select jobs to execute was not possible", level))
    assert "was not possible" in stream.getvalue()


def test_a_message_that_cannot_be_shown_does_not_end_the_run(shown, capsys):
    shown(Terminal()).handle(record(LogEvent.JOB_INFO))  # without any of its facts
    assert "AttributeError" in capsys.readouterr().err


def test_only_snakemakes_own_handler_is_replaced():
    logger = logging.Logger("test")
    logger.addHandler(to_file := logging.NullHandler())
    logger.addHandler(own := ColorizingTextHandler(stream=io.StringIO()))
    own.name = "DefaultStreamHandler"
    display.install(logger)
    assert to_file in logger.handlers
    assert own not in logger.handlers
    assert sum(isinstance(handler, Display) for handler in logger.handlers) == 1
