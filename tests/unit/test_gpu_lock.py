import signal
import tempfile
from multiprocessing import get_context
from types import SimpleNamespace

import pytest
import torch
from faig.run.gpu_lock import claim


@pytest.fixture
def processes(monkeypatch, tmp_path):
    """Start processes that claim a GPU of a pretended machine, and keep it until they are killed.

    Every started process answers with the device that it got.
    """
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "pretended")
    context, started = get_context("fork"), []

    def hold(answers, device):
        answers.send(str(claim(torch.device(device))))
        signal.pause()

    def start(device: str, uuids=("one", "two")):
        properties = [SimpleNamespace(uuid=uuid) for uuid in uuids]
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(uuids))
        monkeypatch.setattr(torch.cuda, "get_device_properties", properties.__getitem__)
        answers, theirs = context.Pipe()
        process = context.Process(target=hold, args=(theirs, device), daemon=True)
        process.start()
        started.append(process)
        return process, answers

    yield start
    for process in started:
        process.kill()
        process.join()


def answer(answers) -> str:
    """What a process got."""
    assert answers.poll(30)
    return answers.recv()


def waiting(answers, capfd) -> str:
    """What a process says that has got nothing."""
    for _ in range(300):
        if answers.poll(0.1) or (shown := capfd.readouterr().out):
            break
    assert not answers.poll()
    return shown


def test_every_process_gets_a_gpu_of_its_own(processes):
    assert [answer(processes("cuda")[1]) for _ in range(2)] == ["cuda:0", "cuda:1"]


def test_a_process_waits_for_a_free_gpu_and_says_so(processes, capfd):
    (first, one), (_, two) = processes("cuda"), processes("cuda")
    assert {answer(one), answer(two)} == {"cuda:0", "cuda:1"}
    _, third = processes("cuda")
    assert "waiting for a GPU" in (shown := waiting(third, capfd))
    assert "cuda:0 (pretended), cuda:1 (pretended)" in shown
    first.kill()  # no chance to clean up
    assert answer(third) in ("cuda:0", "cuda:1")


def test_a_named_gpu_is_waited_for(processes, capfd):
    holder, answers = processes("cuda:1")
    assert answer(answers) == "cuda:1"
    assert answer(processes("cuda")[1]) == "cuda:0"
    _, second = processes("cuda:1")
    assert "have cuda:1 (pretended)" in waiting(second, capfd)
    holder.kill()
    assert answer(second) == "cuda:1"


def test_a_gpu_is_known_under_every_number(processes, capfd):
    """CUDA_VISIBLE_DEVICES can number the same GPUs differently."""
    assert answer(processes("cuda", ["one", "two"])[1]) == "cuda:0"
    assert "have cuda:0 (pretended)" in waiting(processes("cuda", ["one"])[1], capfd)
    assert answer(processes("cuda", ["one", "two"])[1]) == "cuda:1"


def test_other_devices_are_shared(processes):
    for name in ("cpu", "cpu", "mps", "mps"):
        assert answer(processes(name)[1]) == name
