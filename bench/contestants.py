"""The processes that are measured: the app as in production, the floor, and the app of another commit."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.http import Connection, request
from bench.shop import API_KEY, SITE_ID

ROOT = Path(__file__).parents[1]
SERVE = "from saleor_cinetpay.cli import main; main()"
LIVE = request("GET", "/health/live")
START_S = 60.0
TICKS_EACH_S = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
"""Who is measured has the first, as on the smallest machine; whoever drives and answers has the others."""


def on_cores(cores: Sequence[int], pid: int = 0) -> None:
    """Keep a process (this one) and what it starts from now on to some cores, where the machine has more than one."""
    if len(CORES) > 1:
        os.sched_setaffinity(pid, cores)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Where the stubs are, and what they sign with."""

    cinetpay_port: int
    saleor_port: int
    key_set: str

    @property
    def saleor_api_url(self) -> str:
        """The stub Saleor's API URL."""
        return f"http://127.0.0.1:{self.saleor_port}/graphql/"

    @property
    def cinetpay_api_url(self) -> str:
        """The stub CinetPay's."""
        return f"http://127.0.0.1:{self.cinetpay_port}/v1/"


@dataclass(kw_only=True)
class Contestant:
    """One server, as a process of its own that can be asked what it has used."""

    name: str
    port: int
    command: list[str]
    environment: Mapping[str, str]
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    async def start(self) -> float:
        """Start it, and return the seconds to its first answer.

        Raises:
            RuntimeError: where it ends, or does not answer in time.
        """
        began_at = time.perf_counter()
        self._spawn()
        while time.perf_counter() - began_at < START_S:
            try:
                connection = await Connection.open(self.port)
                await connection.ask(LIVE)
                connection.close()
            except (OSError, EOFError):
                if self.process is None or self.process.poll() is not None:
                    break
                await asyncio.sleep(0.005)
            else:
                return time.perf_counter() - began_at
        raise RuntimeError(f"{self.name} did not start: see {self.folder}/{self.name}.log")

    def _spawn(self) -> None:
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=environment | dict(self.environment), cwd=self.folder, stdout=log, stderr=log
            )
        on_cores(CORES[:1], self.process.pid)

    def stop(self) -> None:
        """End it as an operator does, and wait for it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None

    @property
    def processor_s(self) -> float:
        """What it has used so far, all threads, user and system (proc(5): `/proc/<pid>/stat`)."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_EACH_S

    @property
    def memory_mb(self) -> float:
        """What it holds in memory now."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def the_app(
    name: str, port: int, around: Around, *, folder: Path, database_url: str, source: Path, packages: str = ""
) -> Contestant:
    """The app from that checkout, as `saleor-cinetpay serve` runs it: one worker process, logs at their default.

    `APP_ENV=development`, because the stubs are http and on this machine. The clock's own looks are put off.
    `packages` is a folder with what only that checkout needs.
    """
    return Contestant(
        name=name,
        port=port,
        command=[sys.executable, "-c", SERVE, "serve"],
        environment={
            "PYTHONPATH": f"{source}:{packages}".rstrip(":"),
            "APP_ENV": "development",
            "SECRET_KEY": "a key for benchmarks",
            "DATABASE_URL": database_url,
            "APP_API_BASE_URL": f"http://127.0.0.1:{port}",
            "CINETPAY_API_URL": around.cinetpay_api_url,
            "CINETPAY_SITE_ID": SITE_ID,
            "CINETPAY_API_KEY": API_KEY,
            "CHECK_DELAYS_S": "86400",
            "HOST": "127.0.0.1",
            "PORT": str(port),
        },
        folder=folder,
    )


def the_floor(name: str, port: int, around: Around, *, folder: Path, database_url: str) -> Contestant:
    """The floor, in the same server with the same settings."""
    server = "uvicorn.run('bench.floor:build', factory=True, port={}, log_level='warning', access_log=False)"
    return Contestant(
        name=name,
        port=port,
        command=[sys.executable, "-c", f"import uvicorn; {server.format(port)}"],
        environment={
            "PYTHONPATH": str(ROOT),
            "FLOOR_DATABASE": database_url,
            "FLOOR_CINETPAY": around.cinetpay_api_url,
            "FLOOR_SALEOR": around.saleor_api_url,
            "FLOOR_KEYS": around.key_set,
        },
        folder=folder,
    )


def the_stubs(around: Around, folder: Path) -> subprocess.Popen[bytes]:
    """Start the stubs, both in one process of their own."""
    arguments = [str(around.cinetpay_port), str(around.saleor_port), around.key_set]
    with (folder / "stubs.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "bench.stubs", *arguments], cwd=ROOT, stdout=log, stderr=log)
