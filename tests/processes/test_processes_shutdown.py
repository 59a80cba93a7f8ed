"""SIGTERM: no webhook is cut off, leases are given back at once, and it does not take long."""

import asyncio
import os
import signal
import sqlite3
import time
from pathlib import Path

import httpx2 as httpx
from processes_kit import Forkery, Stage, eventually, opened

SLOW_S = 2.5
HANGS_S = 50
ENDS_WITHIN_S = 12.0


async def hinder(stage: Stage, method: str, delay_s: float) -> None:
    """Let CinetPay take its time with one method."""
    fault = {"mode": "slow", "method": method, "delay_s": delay_s}
    reply = await stage.http.post(f"{stage.cinetpay}/_sandbox/faults", json=fault)
    assert 200 == reply.status_code, reply.text


async def asked(stage: Stage, method: str) -> int:
    """Count how often CinetPay was asked."""
    messages = (await stage.http.get(f"{stage.cinetpay}/_sandbox/messages")).json()["messages"]
    return len([m for m in messages if m["to"] == "cinetpay" and method in m["title"]])


async def until_asked(stage: Stage, method: str) -> None:
    """Wait until CinetPay has been asked."""
    async with asyncio.timeout(10):
        while not await asked(stage, method):  # noqa: ASYNC110  another process is asked
            await asyncio.sleep(0.05)


async def test_no_webhook_is_cut_off(forkery: Forkery, tmp_path: Path) -> None:
    """A webhook that has come in before SIGTERM is answered in full; then the process ends, and takes nothing new."""
    async with opened(forkery, tmp_path, f"sqlite:///{tmp_path}/ledger.db", "serve") as stage:
        (serve,) = stage.commands
        await hinder(stage, "getSignatureByPost", SLOW_S)
        answer = asyncio.create_task(stage.saleor.initialize(stage.saleor.create_checkout()))
        await until_asked(stage, "getSignatureByPost")
        assert serve.pid is not None
        os.kill(serve.pid, signal.SIGTERM)
        assert "redirect" in (await answer).data, serve.said()
        assert await serve.exit_code(within_s=ENDS_WITHIN_S) in (0, -signal.SIGTERM)


async def test_leases_are_given_back_at_once(forkery: Forkery, tmp_path: Path) -> None:
    """A worker that is stopped while CinetPay hangs ends soon, and what it had claimed is due again at once."""
    database = tmp_path / "ledger.db"
    processes = ("serve --no-worker", "worker")
    async with opened(forkery, tmp_path, f"sqlite:///{database}", *processes, CINETPAY_TIMEOUT_S=str(HANGS_S)) as stage:
        _, worker = stage.commands
        session = await stage.saleor.initialize(stage.saleor.create_checkout())
        await hinder(stage, "checkPayStatus", HANGS_S)
        fields = session.data["redirect"]["fields"]
        reply = await stage.http.post(fields["notify_url"], data={"cpm_trans_id": fields["cpm_trans_id"]})
        assert 200 == reply.status_code
        await until_asked(stage, "checkPayStatus")
        assert worker.pid is not None
        assert (True, True) == leased(database)
        began_at = time.monotonic()
        os.kill(worker.pid, signal.SIGTERM)
        assert 0 == await worker.exit_code(within_s=ENDS_WITHIN_S), worker.said()
        assert time.monotonic() - began_at < ENDS_WITHIN_S
        assert (False, False) == leased(database)


def leased(database: Path) -> tuple[bool, bool]:
    """Say whether the one payment is leased, and whether a worker is counted as living."""
    with sqlite3.connect(database) as connection:
        (lease,) = connection.execute("SELECT lease FROM payments").fetchone()
        (workers,) = connection.execute("SELECT COUNT(*) FROM heartbeats").fetchone()
    return lease is not None, workers > 0


async def test_idle_connections_do_not_hold_up_the_end(forkery: Forkery, tmp_path: Path) -> None:
    """Connections that wait, or are in the midst of a request's head, are closed."""
    async with opened(forkery, tmp_path, f"sqlite:///{tmp_path}/ledger.db", "serve") as stage:
        (serve,) = stage.commands
        port = int(stage.app.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /api/register HTTP/1.1\r\nhost: x\r\n")
        await writer.drain()
        async with httpx.AsyncClient() as keeps:
            assert 200 == (await keeps.get(f"{stage.app}/health/live")).status_code
            assert serve.pid is not None
            os.kill(serve.pid, signal.SIGTERM)
            assert await serve.exit_code(within_s=ENDS_WITHIN_S) in (0, -signal.SIGTERM)
        assert b"" == await reader.read()
        writer.close()


async def test_many_processes_count_together(forkery: Forkery, tmp_path: Path) -> None:
    """With WORKERS=2 whichever process is asked for metrics shows what both have counted; both end with the first."""
    async with opened(forkery, tmp_path, f"sqlite:///{tmp_path}/ledger.db", "serve", WORKERS="2") as stage:
        for _ in range(20):
            await stage.http.get(f"{stage.app}/pay/nothing")
        shown: list[float] = []
        for _ in range(5):
            text = (await stage.http.get(f"{stage.app}/metrics")).text
            wanted = 'saleor_cinetpay_http_request_seconds_count{lane="buyer",status="4xx"} '
            shown += [float(line.removeprefix(wanted)) for line in text.splitlines() if line.startswith(wanted)]
        assert [20.0] * 5 == shown
        (serve,) = stage.commands
        assert serve.pid is not None
        both = children_of(serve.pid)
        os.kill(serve.pid, signal.SIGTERM)
        assert await serve.exit_code(within_s=ENDS_WITHIN_S) in (0, -signal.SIGTERM)
    # Python's own helper (multiprocessing's) ends a moment after the process that it helps.
    await eventually(lambda: not any(runs(pid) for pid in both), 5, lambda: "something still runs")


async def test_nothing_outlives_a_kill(forkery: Forkery, tmp_path: Path) -> None:
    """What a killed process has started is killed with it: no test leaves anything running."""
    async with opened(forkery, tmp_path, f"sqlite:///{tmp_path}/ledger.db", "serve", WORKERS="2") as stage:
        (serve,) = stage.commands
        assert serve.pid is not None
        started = children_of(serve.pid)
        assert len(started) >= 2
    await eventually(lambda: not any(runs(pid) for pid in started), 5, lambda: "something still runs")


def children_of(pid: int) -> list[int]:
    """Return the processes that this one has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    """Say whether a process runs; one that nobody has buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
