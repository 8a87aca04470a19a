"""A throw-away SLURM cluster on this machine, without systemd, cgroups or a GPU.

Two nodes of 8 pretended CPUs, `c1` and `g1`, the latter with one pretended GPU; partitions `cpu`
and `gpu`. Real daemons on the loopback device, from the distribution's packages.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
PROGRAMS = ("slurmctld", "slurmd", "squeue", "munged")
# the one place where a job's own srun looks for it
ETC = Path("/etc/slurm")
NODES = ("c1", "g1")

CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16917
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=4
KillWait=30
MinJobAge=3600
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu
NodeName=c1 NodeHostname={host} NodeAddr=127.0.0.1 Port=16921 CPUs=8 RealMemory=64000
NodeName=g1 NodeHostname={host} NodeAddr=127.0.0.1 Port=16922 CPUs=8 RealMemory=64000 Gres=gpu:1
PartitionName=cpu Nodes=c1 Default=YES
PartitionName=gpu Nodes=g1
"""


class Unavailable(Exception):
    """There can be no cluster on this machine; the message says why."""


def wait_for(condition: Callable[[], object], what: str, seconds: float = 60) -> object:
    """The condition's first true value.

    Raises:
        TimeoutError: it stayed false for so many seconds.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.2)
    raise TimeoutError(f"waited {seconds:.0f} s for {what}")


def install() -> None:
    """Install SLURM, where that is possible.

    Raises:
        Unavailable: it is not.
    """
    if os.geteuid():
        raise Unavailable("a SLURM cluster for tests needs root")
    if all(map(shutil.which, PROGRAMS)):
        return
    if not shutil.which("apt-get"):
        raise Unavailable("SLURM is not installed, and there is no apt-get to install it")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *PACKAGES],
    )
    for command in commands:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise Unavailable(f"SLURM could not be installed: '{' '.join(command)}': {last}")


def call(*command: str) -> str:
    """Standard output of one of SLURM's commands."""
    return subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, timeout=30
    ).stdout.strip()


def jobs(states: str = "all", fields: str = "%i %T") -> list[str]:
    """Lines of squeue."""
    return call("squeue", "--noheader", f"--states={states}", f"--format={fields}").splitlines()


def _of_node(node: str) -> set[int]:
    """Processes of all jobs on a node, those that look after them included."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"SLURMD_NODENAME={node}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if Path(f"/proc/{parent}/comm").read_text() == "slurmstepd\n":
                    found.add(parent)
        except OSError:  # it has ended meanwhile
            continue
    return found


class Cluster:
    """The cluster as a context: up inside, down after.

    Args:
        folder: for its configuration, state and logs.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> "Cluster":
        install()
        for name in ("munge", "state", *(f"spool/{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        self._configure()
        try:
            self._start_all()
        except Exception:
            self.__exit__()
            raise
        return self

    def _configure(self) -> None:
        ETC.mkdir(exist_ok=True)
        files = {
            "slurm.conf": CONFIG.format(
                host=socket.gethostname().split(".")[0], folder=self.folder
            ),
            "gres.conf": "NodeName=g1 Name=gpu Count=1 File=/dev/null\n",
        }
        for name, text in files.items():
            link = ETC / name
            if link.exists():
                raise Unavailable(f"{link} exists: there is a cluster on this machine already")
            (self.folder / name).write_text(text)
            link.unlink(missing_ok=True)
            link.symlink_to(self.folder / name)

    def _start_all(self) -> None:
        munge = self.folder / "munge"
        (munge / "key").write_bytes(os.urandom(128))
        (munge / "key").chmod(0o600)
        places = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log"}
        options = [f"--{name}={munge / file}" for name, file in places.items()]
        seed = f"--seed-file={munge / 'seed'}"
        self._start("munged", "munged", "--foreground", "--force", seed, *options)
        wait_for((munge / "socket").exists, "munged")
        self._start("slurmctld", "slurmctld", "-D", "-c")
        for node in NODES:
            self.start(node)
        wait_for(lambda: self.idle() == set(NODES), "both nodes to be idle")

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as output:
            self.daemons[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def idle(self) -> set[str]:
        """Nodes that are up and do nothing."""
        command = ["sinfo", "-h", "-N", "-t", "idle", "-o", "%N"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return set(result.stdout.split())

    def start(self, node: str) -> None:
        """Switch a node on."""
        self._start(node, "slurmd", "-D", "-N", node)

    def crash(self, node: str) -> None:
        """Pull a node's plug."""
        victims = {self.daemons[node].pid, *_of_node(node)}
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in victims:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue
        self.daemons.pop(node).wait()

    def __exit__(self, *exception) -> None:
        if "slurmctld" in self.daemons:
            subprocess.run(["scancel", "--user=root"], check=False, timeout=30)
            try:
                wait_for(lambda: not jobs("pending,running,completing"), "jobs to end", 20)
            except (TimeoutError, subprocess.SubprocessError) as error:
                print(f"taking the cluster down all the same: {error}")
        for process in reversed(self.daemons.values()):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for name in ("slurm.conf", "gres.conf"):
            link = ETC / name
            if link.is_symlink() and link.readlink() == self.folder / name:
                link.unlink()
