"""A database that can't be written: nobody is told what is not written down, and all goes on by itself afterwards."""

import asyncio
import resource
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

import pytest
from postgresql_kit import PostgreSQL, running_postgresql
from processes_kit import Command, Forkery, Stage, environment_of, eventually, opened

from saleor_cinetpay.sandbox.saleor.payments import Session

ANSWERED_WITHIN_S = 10.0
CHARGED_WITHIN_S = 60.0
ENDED_WITHIN_S = 15.0
DISK_BYTES = 4 * 1024 * 1024
CALLERS = 4
Result = TypeVar("Result")


class Trouble(Protocol):
    """A database, and what befalls it while the app runs."""

    url: str
    reasons: tuple[str, ...]
    """What of it the operator may read."""
    processes: tuple[str, ...] = ("serve",)

    async def begin(self, stage: Stage) -> None:
        """Let it happen."""
        ...

    async def end(self, stage: Stage) -> None:
        """Let it be over."""
        ...


class NoFileMayGrow(Trouble):
    """The operating system takes not one more byte, as where a quota is used up."""

    reasons = ("SQLITE_IOERR_WRITE", "SQLITE_FULL")

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/ledger.db"

    async def begin(self, stage: Stage) -> None:
        self._limit(stage, 0)

    async def end(self, stage: Stage) -> None:
        self._limit(stage, resource.RLIM_INFINITY)

    def _limit(self, stage: Stage, most_bytes: int) -> None:
        for command in stage.commands:
            assert command.pid is not None
            resource.prlimit(command.pid, resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))


class FullDisk(Trouble):
    """A small disk of its own, which somebody else fills to the last byte."""

    reasons = ("SQLITE_FULL",)

    def __init__(self, disk: Path) -> None:
        self.url = f"sqlite:///{disk}/ledger.db"
        self._filler = disk / "filler"

    async def begin(self, _stage: Stage) -> None:
        with self._filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    async def end(self, _stage: Stage) -> None:
        self._filler.unlink()


class NotWritable(Trouble):
    """The file may only be read, as where somebody else has put a backup in its place; later that is set right."""

    reasons = ("SQLITE_READONLY",)
    processes = ("serve --no-worker", "worker")

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/ledger.db"
        self._folder = folder

    async def begin(self, stage: Stage) -> None:
        for command in stage.commands:
            command.kill()
        serve = stage.commands[0]
        serve.start()
        await serve.ready(stage.http)
        await stage.saleor.gateway_initialize(stage.saleor.create_checkout())  # it reads, and remembers who calls
        self._permit(0o444)

    async def end(self, stage: Stage) -> None:
        self._permit(0o644)
        stage.commands[1].start()

    def _permit(self, mode: int) -> None:
        for file in self._folder.glob("ledger.db*"):
            file.chmod(mode)


class Locked(Trouble):
    """Another program holds the file for itself, as a person's tool may."""

    reasons = ("SQLITE_BUSY", "no answer")

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/ledger.db"
        self._file = folder / "ledger.db"

    async def begin(self, _stage: Stage) -> None:
        self._holder = sqlite3.connect(self._file, isolation_level=None)
        self._holder.execute("BEGIN EXCLUSIVE")

    async def end(self, _stage: Stage) -> None:
        self._holder.close()


class Stopped(Trouble):
    """PostgreSQL is stopped, and started again."""

    reasons = ("FileNotFoundError", "ConnectionRefusedError", "no answer")

    def __init__(self, server: PostgreSQL) -> None:
        self.url = server.url("postgres")
        self._server = server

    async def begin(self, _stage: Stage) -> None:
        self._server.stop()

    async def end(self, _stage: Stage) -> None:
        self._server.start()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a disk of four megabytes there."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def may_mount() -> bool:
    """Say whether we may mount a disk here; where not, `NoFileMayGrow` stands for a full one."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder)):
                return True
        except (subprocess.CalledProcessError, OSError):
            return False


TROUBLES = ["no file may grow", "not writable", "locked", "stopped", *(["full disk"] if may_mount() else [])]


@pytest.fixture(params=TROUBLES)
def trouble(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trouble]:
    """Prepare a database for its trouble."""
    match request.param:
        case "no file may grow":
            yield NoFileMayGrow(tmp_path)
        case "not writable":
            yield NotWritable(tmp_path)
        case "locked":
            yield Locked(tmp_path)
        case "stopped":
            with tempfile.TemporaryDirectory() as folder, running_postgresql(Path(folder)) as server:
                yield Stopped(server)
        case "full disk":
            with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder)) as disk:
                yield FullDisk(disk)


async def in_time(call: Awaitable[Result], *, after_s: float = 0) -> Result:
    """Await an answer, which must come within ten seconds."""
    await asyncio.sleep(after_s)
    began_at = time.monotonic()
    result = await call
    assert time.monotonic() - began_at < ANSWERED_WITHIN_S
    return result


def codes_of(session: Session) -> list[str]:
    """Return the storefront's error codes of an answer that Saleor has understood as a failure."""
    assert session.transaction_event is not None
    assert ("CHARGE_FAILURE", True) == (session.transaction_event.type, session.transaction_event.counts)
    return [error["code"] for error in session.data["errors"]]


async def test_what_is_not_written_is_not_acknowledged(forkery: Forkery, trouble: Trouble, tmp_path: Path) -> None:
    """Every caller learns in time that it can't be done or known, readiness says why, and afterwards all goes on."""
    async with opened(forkery, tmp_path, trouble.url, *trouble.processes) as stage:
        http, saleor = stage.http, stage.saleor
        session = await saleor.initialize(saleor.create_checkout())
        assert session.transaction is not None
        paid = session.transaction
        form = session.data["redirect"]
        trans_id = form["fields"]["cpm_trans_id"]
        await http.post(form["url"], data=form["fields"])

        await trouble.begin(stage)
        await http.post(f"{stage.cinetpay}/_sandbox/payments/{trans_id}/settle", json={"notify": "never"})
        checkouts = [saleor.create_checkout() for _ in range(CALLERS)]
        *refused, pending = await asyncio.gather(
            *(in_time(saleor.initialize(c, idempotency_key=c.id), after_s=n) for n, c in enumerate(checkouts)),
            in_time(saleor.process(paid)),
        )
        notification, ready, live = await asyncio.gather(
            in_time(http.post(form["fields"]["notify_url"], data={"cpm_trans_id": trans_id})),
            in_time(http.get(f"{stage.app}/health/ready")),
            in_time(http.get(f"{stage.app}/health/live")),
        )
        known = (await http.get(f"{stage.cinetpay}/_sandbox/payments")).json()["payments"]
        await trouble.end(stage)

        assert [["TRY_LATER"]] * CALLERS == [codes_of(one) for one in refused]
        assert [trans_id] == [payment["trans_id"] for payment in known]
        assert "pending" == pending.data["status"]
        assert [503, 503, 200] == [notification.status_code, ready.status_code, live.status_code]
        assert any(reason in ready.json()["database"] for reason in trouble.reasons), ready.text

        await eventually(lambda: paid.charged_amount.amount, CHARGED_WITHIN_S, stage.said)
        again = [await saleor.initialize(c, idempotency_key=c.id) for c in checkouts]
        assert [True] * CALLERS == ["redirect" in one.data for one in again]
        assert 200 == (await http.get(f"{stage.app}/health/ready")).status_code


async def test_a_slow_cinetpay_and_a_locked_database_together_leave_time_to_answer(
    forkery: Forkery, tmp_path: Path
) -> None:
    """Where CinetPay takes most of the time and the database then hangs, the answer still comes within ten seconds."""
    trouble = Locked(tmp_path)
    async with opened(forkery, tmp_path, trouble.url, "serve --no-worker", CINETPAY_TIMEOUT_S="8") as stage:
        fault = {"mode": "slow", "delay_s": 7}
        await stage.http.post(f"{stage.cinetpay}/_sandbox/faults", json=fault)
        opening = asyncio.create_task(in_time(stage.saleor.initialize(stage.saleor.create_checkout())))
        await asyncio.sleep(2)
        await trouble.begin(stage)
        session = await opening
        await trouble.end(stage)
    assert ["TRY_LATER"] == codes_of(session)


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:///{folder}/read-only.db", "SQLITE_READONLY"),
        ("sqlite:///{folder}", "SQLITE_CANTOPEN"),
        ("postgresql://nobody@127.0.0.1:1/nowhere", "ConnectionRefusedError"),
    ],
)
async def test_a_process_without_its_database_says_so_and_ends(
    forkery: Forkery, tmp_path: Path, command: str, url: str, reason: str
) -> None:
    """Started while its database can't be used, a process says why and ends with status 1; others start it again."""
    sqlite3.connect(tmp_path / "read-only.db").execute("CREATE TABLE t (a)").connection.close()
    (tmp_path / "read-only.db").chmod(0o444)
    nobody = "http://127.0.0.1:1"
    environment = environment_of(nobody, nobody, url.format(folder=tmp_path)) | {"PORT": "0"}
    started = Command(forkery, command, environment=environment, log=tmp_path / "log")
    started.start()
    try:
        assert 1 == await started.exit_code(within_s=ENDED_WITHIN_S)
    finally:
        started.kill()
    assert f"saleor-cinetpay: the database can't be used: {reason}\n" == started.said()
