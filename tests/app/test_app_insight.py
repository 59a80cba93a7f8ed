"""What an operator sees of the running app: health and numbers."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from app_kit import API_KEY, HANGS_S, World, running
from pydantic import SecretStr
from sqlalchemy import insert, select, text, update

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.tables import heartbeats, payments

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG_AGO = timedelta(minutes=10)


async def ready(world: World) -> tuple[int, dict[str, object]]:
    """Ask whether the app can serve."""
    reply = await world.http.get(f"{world.app}/health/ready")
    return reply.status_code, reply.json()


async def reasons(world: World) -> list[str]:
    """Return the codes of what is degraded, in a process that can serve."""
    status, said = await ready(world)
    assert (200, "degraded") == (status, said["status"])
    return re.findall(r"'code': '(\w+)'", str(said["reasons"]))


async def numbers(world: World, **headers: str) -> dict[str, float]:
    """Return what `/metrics` shows."""
    reply = await world.http.get(f"{world.app}/metrics", headers=headers)
    assert 200 == reply.status_code
    assert reply.headers["content-type"].startswith("text/plain")
    lines = (line.rpartition(" ") for line in reply.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


async def test_all_is_well_while_a_worker_lives(tmp_path: Path) -> None:
    """With a worker and nothing late the process is ready, without reasons; a worker that ends says so."""
    async with running(tmp_path) as world:
        async with asyncio.timeout(HANGS_S):
            while (said := await ready(world)) != (200, {"status": "ready"}):  # its first heartbeat may be on its way
                assert "no_worker" in str(said)
        assert 1 == (await numbers(world))["saleor_cinetpay_workers"]
    database = Database(f"sqlite:///{tmp_path}/ledger.db")
    async with database.read() as connection:
        assert [] == (await connection.execute(select(heartbeats))).all()
    await database.close()


async def test_a_missing_worker_degrades(tmp_path: Path) -> None:
    """Without a worker the process can serve, and says what is missing and what to do."""
    async with running(tmp_path, with_worker=False) as world:
        status, said = await ready(world)
        assert (200, "degraded") == (status, said["status"])
        assert [
            {
                "code": "no_worker",
                "message": "no worker has been heard of yet: run serve without --no-worker, or saleor-cinetpay worker",
            }
        ] == said["reasons"]


async def test_a_backlog_degrades(tmp_path: Path) -> None:
    """What has been due for long, and a worker that fell silent, are reasons."""
    async with running(tmp_path, with_worker=False) as world:
        _, trans_id = await world.at_cinetpay()
        long_ago = datetime.now(UTC) - LONG_AGO
        async with world.house.database.write() as connection:
            await connection.execute(update(payments).values(due_at=long_ago))
            row = {"name": "w", "version": "1", "began_at": long_ago, "beat_at": long_ago}
            await connection.execute(insert(heartbeats).values(row))
        assert ["no_worker", "payments_late"] == await reasons(world)
        assert trans_id not in str(await ready(world))


async def test_an_unmigrated_database_is_not_served(tmp_path: Path) -> None:
    """Where this version's tables are missing the process can't serve, and says what to do; newer ones do no harm."""
    async with running(tmp_path, with_worker=False) as world:
        async with world.house.database.write() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        status, said = await ready(world)
        assert (503, "unavailable") == (status, said["status"])
        assert "run saleor-cinetpay migrate" in str(said["database"])
    async with running(tmp_path / "newer", with_worker=False) as world:
        async with world.house.database.write() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert 200 == (await ready(world))[0]


async def test_metrics_want_their_token(tmp_path: Path) -> None:
    """With METRICS_TOKEN set, nobody else reads them."""
    async with running(tmp_path, with_worker=False, metrics_token=SecretStr("opensesame")) as world:
        for said in ({}, {"authorization": "Bearer x"}, {"authorization": "opensesame"}, {"authorization": "Basic x"}):
            reply = await world.http.get(f"{world.app}/metrics", headers=said)
            assert (401, "Bearer") == (reply.status_code, reply.headers["www-authenticate"])
            assert "saleor_cinetpay_" not in reply.text
        assert 1 == (await numbers(world, authorization="bearer opensesame"))["saleor_cinetpay_database_up"]


async def test_a_payment_shows_in_the_numbers(tmp_path: Path) -> None:
    """From the webhook to Saleor's charge everything is counted, and no id or secret is a label."""
    async with running(tmp_path) as world:
        before = await numbers(world)
        transaction, trans_id = await world.at_cinetpay()
        await world.cinetpay.settle(trans_id)
        await world.reported(transaction, "CHARGE_SUCCESS")
        after = await numbers(world)
        grown = {name for name, value in after.items() if value > before.get(name, 0)}
        prefix = "saleor_cinetpay_"
        assert {
            'webhook_seconds_count{event="transaction-initialize-session",result="CHARGE_ACTION_REQUIRED"}',
            'notifications_total{outcome="makes_due"}',
            'cinetpay_call_seconds_count{method="getSignatureByPost",outcome="answered"}',
            'cinetpay_call_seconds_count{method="checkPayStatus",outcome="answered"}',
            'saleor_call_seconds_count{operation="ReportTransactionEvent",outcome="answered"}',
            'looks_total{trigger="nudge",verdict="accepted"}',
            'settle_seconds_count{state="accepted"}',
            'report_seconds_count{type="CHARGE_SUCCESS"}',
            'http_request_seconds_count{lane="webhook",status="2xx"}',
        } <= {name.removeprefix(prefix) for name in grown}
        text = (await world.http.get(f"{world.app}/metrics")).text
        for secret in (trans_id, transaction.id, API_KEY, world.saleor.config.api_url, "a key for tests"):
            assert secret not in text


async def test_what_stands_in_the_database_shows(tmp_path: Path) -> None:
    """Payments by state, what is due and since when, and whether a worker lives."""
    async with running(tmp_path, with_worker=False) as world:
        await world.at_cinetpay()
        async with world.house.database.write() as connection:
            await connection.execute(update(payments).values(due_at=datetime.now(UTC) - LONG_AGO))
        shown = await numbers(world)
        assert 1 == shown['saleor_cinetpay_payments{state="pending"}']
        assert 0 == shown['saleor_cinetpay_payments{state="accepted"}']
        assert 1 == shown['saleor_cinetpay_due{kind="payment"}']
        assert LONG_AGO.total_seconds() <= shown['saleor_cinetpay_oldest_due_seconds{kind="payment"}'] < 700
        assert 0 == shown["saleor_cinetpay_workers"]
        assert 0 == shown['saleor_cinetpay_open_problems{kind="suspect"}']


async def test_a_refusal_of_the_gate_is_counted(world: World) -> None:
    """What the gate turns away shows with its lane and reason."""
    await world.http.get(f"{world.app}/pay/{'x' * 3000}")
    assert 1 <= (await numbers(world))['saleor_cinetpay_refused_requests_total{lane="buyer",reason="ADDRESS_TOO_LONG"}']
