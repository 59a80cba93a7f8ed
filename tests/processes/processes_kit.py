"""Real processes of the app on this machine, and what stands around them."""

import asyncio
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

import httpx2 as httpx

from saleor_cinetpay.demo import HOST, address_of, listening, serving
from saleor_cinetpay.sandbox.defaults import DEFAULT_API_KEY, DEFAULT_SITE_ID
from saleor_cinetpay.sandbox.saleor.app import serve_saleor
from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.sandbox.saleor.small_saleor import SmallSaleor

CHUNK_BYTES = 64 * 1024
STARTED_WITHIN_S = 20.0
WAIT_S = 0.02
WAITS_AT_MOST_S = 5.0
NO_KEEP_ALIVE = httpx.Limits(max_keepalive_connections=0)
LOG_SHOWN_BYTES = 4000
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


class Forkery:
    """Starts processes quickly: they are forked from one that has imported everything."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("forkery.py"))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=_heed_file_permissions
        )

    def order(self, **order: Any) -> Any:
        """Give an order and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """Let it end, and all that it has started with it."""
        self._process.communicate(timeout=10)


def _heed_file_permissions() -> None:
    """Give up what lets root write to files that nobody may write to; for anybody else it changes nothing."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


class Command:
    """One `saleor-cinetpay ...` process; started again, the same command in a new process."""

    def __init__(
        self, forkery: Forkery, *arguments: str, environment: Mapping[str, str], log: Path, shows_up_at: str = ""
    ) -> None:
        self._forkery = forkery
        self._order = {"arguments": arguments, "environment": dict(environment), "log": str(log)}
        self._log = log
        self._shows_up_at = shows_up_at
        self.pid: int | None = None

    def start(self) -> None:
        """Start it; it is not ready yet."""
        self.pid = self._forkery.order(**self._order)

    async def ready(self, http: httpx.AsyncClient) -> None:
        """Wait until it answers 200, if it is one that answers."""
        try:
            async with asyncio.timeout(STARTED_WITHIN_S):
                while self._shows_up_at and not await _answers(http, self._shows_up_at):  # noqa: ASYNC110  nobody tells
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"nobody answers at {self._shows_up_at}:\n{self.said()}") from None

    def kill(self) -> None:
        """End it with SIGKILL, and all that it has started, if it still runs."""
        if self.pid is not None:
            os.killpg(self.pid, signal.SIGKILL)
            while self._forkery.order(ended=self.pid) is None:
                time.sleep(0.001)
            self.pid = None

    async def exit_code(self, *, within_s: float) -> int:
        """Wait until it has ended by itself, and return how."""
        async with asyncio.timeout(within_s):
            while (code := self._forkery.order(ended=self.pid)) is None:  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.02)
        self.pid = None
        return int(code)

    def said(self) -> str:
        """Return the end of what it has written to its log and its error output."""
        return self._log.read_bytes()[-LOG_SHOWN_BYTES:].decode(errors="replace") if self._log.exists() else ""


def free_port() -> int:
    """Return a port of this machine that nobody uses just now."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


@asynccontextmanager
async def balanced(ports: Sequence[int]) -> AsyncIterator[str]:
    """Spread connections over these ports in turn, as a load balancer does; where nobody listens at all, they wait."""
    turns = count()
    carrying: set[asyncio.Task[None]] = set()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = next(turns) % len(ports)
        task = asyncio.create_task(_carry([*ports[first:], *ports[:first]], reader, writer))
        carrying.add(task)
        task.add_done_callback(carrying.discard)

    server = await asyncio.start_server(take, HOST, 0, backlog=512)
    try:
        yield f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)


async def _carry(ports: Sequence[int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Join a connection with the first of these ports that takes one."""
    for port in islice(cycle(ports), int(WAITS_AT_MOST_S / WAIT_S)):
        with suppress(OSError):
            answers, asks = await asyncio.open_connection(HOST, port)
            await asyncio.gather(_pump(reader, asks), _pump(answers, writer))
            return
        await asyncio.sleep(WAIT_S)
    writer.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Carry bytes until one side ends, then end the other."""
    try:
        with suppress(OSError):
            while chunk := await source.read(CHUNK_BYTES):
                target.write(chunk)
                await target.drain()
    finally:
        target.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A shop's Saleor, which has installed the app, the processes of the app, and its CinetPay."""

    saleor: SmallSaleor
    cinetpay: str
    app: str
    http: httpx.AsyncClient
    commands: Sequence[Command]
    direct: str = ""
    """Where the first process that serves listens itself, without the balancer."""

    def said(self) -> str:
        """Return the last words of every process."""
        return "\n".join(command.said() for command in self.commands)


@asynccontextmanager
async def opened(
    forkery: Forkery, folder: Path, database_url: str, *processes: str, **settings: str
) -> AsyncIterator[Stage]:
    """Run the app as these processes (`serve --no-worker`, `worker`), with all that it needs, and install it."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=20, limits=NO_KEEP_ALIVE))
        ports = [free_port() for process in processes if process.startswith("serve")]
        app = await stack.enter_async_context(balanced(ports))
        cinetpay_port = free_port()
        cinetpay = f"http://{HOST}:{cinetpay_port}"
        environment = environment_of(app, cinetpay, database_url) | settings

        async def started(arguments: str, port: int, path: str) -> Command:
            command = Command(
                forkery,
                *arguments.split(),
                environment=environment | {"PORT": str(port)},
                log=folder / f"{arguments}.log",
                shows_up_at=f"http://{HOST}:{port}{path}" if port else "",
            )
            stack.callback(command.kill)
            command.start()
            await command.ready(http)
            return command

        await started(f"sandbox --port {cinetpay_port}", cinetpay_port, "/_sandbox/faults")
        commands = [
            await started(process, port, "/health/live") for process, port in zip(processes, [*ports, 0], strict=False)
        ]
        saleor = await stack.enter_async_context(_small_saleor())
        await saleor.install_app(f"{app}/api/manifest")
        direct = f"http://{HOST}:{ports[0]}" if ports else app
        yield Stage(saleor=saleor, cinetpay=cinetpay, app=app, http=http, commands=commands, direct=direct)


@asynccontextmanager
async def _small_saleor() -> AsyncIterator[SmallSaleor]:
    """Serve a small Saleor in this process; each call of its takes a new connection, so that all processes get some."""
    listener = listening(0)
    saleor = SmallSaleor(SaleorConfig(url=address_of(listener)), httpx.AsyncClient(limits=NO_KEEP_ALIVE))
    async with serving(serve_saleor(saleor), listener):
        yield saleor


def environment_of(app: str, cinetpay: str, database_url: str) -> dict[str, str]:
    """Return what a process of the app is told: where everything is, and to look often."""
    return {
        "PATH": os.environ["PATH"],
        "APP_ENV": "development",
        "SECRET_KEY": "a key for tests, not secret",
        "DATABASE_URL": database_url,
        "APP_API_BASE_URL": app,
        "CINETPAY_API_URL": f"{cinetpay}/v1/",
        "CINETPAY_CHECKOUT_URL": f"{cinetpay}/",
        "CINETPAY_SITE_ID": DEFAULT_SITE_ID,
        "CINETPAY_API_KEY": DEFAULT_API_KEY,
        "CINETPAY_TIMEOUT_S": "4",
        "CHECK_DELAYS_S": "3,5,10,20*1000",
        "REFUSAL_GRACE_S": "0",
        "HOST": HOST,
        "LOG_LEVEL": "warning",
    }


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    with suppress(httpx.TransportError):
        return (await http.get(url)).status_code == 200
    return False


async def eventually(holds: Callable[[], Any], within_s: float, otherwise: Callable[[], str]) -> None:
    """Wait until something holds; if it does not in that time, fail with what the last words are."""
    try:
        async with asyncio.timeout(within_s):
            while not holds():  # noqa: ASYNC110  what is waited for happens in other processes
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(otherwise()) from None
