"""Webhooks that are forged, replayed, tampered with or another shop's; registrations that lead where they must not."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from app_kit import World, running
from pydantic import SecretStr
from sqlalchemy import func, select

from saleor_cinetpay.app import build_app, build_house
from saleor_cinetpay.demo import address_of, listening, serving
from saleor_cinetpay.errors import AddressForbidden, CallRefused
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.payments.tables import payments, reports
from saleor_cinetpay.saleor.address import AddressRules
from saleor_cinetpay.saleor.client import SaleorClient
from saleor_cinetpay.saleor.outbound import public_http
from saleor_cinetpay.saleor.registration import Registration, register
from saleor_cinetpay.sandbox.saleor.app import build_saleor
from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.sandbox.saleor.small_saleor import Signature, SmallSaleor
from saleor_cinetpay.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="session")

INITIALIZE, PROCESS = "TRANSACTION_INITIALIZE_SESSION", "TRANSACTION_PROCESS_SESSION"
PUBLIC = "93.184.215.14"


async def rows(world: World) -> tuple[int, int]:
    """Count payments and reports."""
    async with world.house.database.read() as connection:
        tables = [await connection.execute(select(func.count()).select_from(table)) for table in (payments, reports)]
    return tables[0].scalar_one(), tables[1].scalar_one()


@asynccontextmanager
async def another_shop(world: World) -> AsyncIterator[SmallSaleor]:
    """Let a second Saleor install the same app."""
    listener = listening(0)
    config = SaleorConfig(url=address_of(listener), gateway_id=world.settings.manifest_app_id)
    small = build_saleor(config)
    async with serving(small, listener):
        await small.state.saleor.install_app(f"{world.app}/api/manifest")
        yield small.state.saleor


async def test_a_replay_opens_nothing(tmp_path: Path) -> None:
    """The very bytes of a genuine webhook, sent again and again, open no second payment and get the same form."""
    async with running(tmp_path) as world:
        session = await world.opened()
        assert session.transaction is not None
        body = world.saleor.webhook_body(INITIALIZE, session.transaction)
        before = await rows(world)
        replies = [await world.saleor.send_webhook(INITIALIZE, session.transaction, body=body) for _ in range(5)]
        assert [200] * 5 == [reply.status for reply in replies]
        assert [session.data] * 5 == [reply.json["data"] for reply in replies]
        assert before == await rows(world)


async def test_what_is_tampered_with(tmp_path: Path) -> None:
    """One byte changed, a signature of another body or of nothing, another algorithm: 401, and no trace is left."""
    async with running(tmp_path) as world:
        session = await world.opened()
        assert session.transaction is not None
        transaction = session.transaction
        genuine = world.saleor.webhook_body(INITIALIZE, transaction)
        signature = world.saleor.keys.current.sign_detached(genuine)
        head, _, tail = signature.partition("..")
        none = "eyJhbGciOiJub25lIiwiYjY0IjpmYWxzZSwiY3JpdCI6WyJiNjQiXX0"
        before = await rows(world)
        sent: list[dict[str, Any]] = [
            {"body": genuine.replace(b"12500.0", b"12600.0"), "signature": signature},
            {"body": genuine + b" ", "signature": signature},
            {"body": genuine, "signature": world.saleor.keys.current.sign_detached(b"")},
            {"body": genuine, "signature": f"{none}.."},
            {"body": genuine, "signature": f"{none}..{tail}"},
            {"body": genuine, "signature": f"{head}..{tail[::-1]}"},
            {"body": genuine, "signature": f"{head}.e30.{tail}"},
            {"body": genuine, "signature": "." * 9000},
            {"body": genuine, "signature": Signature.FOREIGN},
        ]
        replies = [await world.saleor.send_webhook(INITIALIZE, transaction, **one) for one in sent]
        assert [401] * len(sent) == [reply.status for reply in replies]
        assert {"message"} == {name for reply in replies for name in reply.json}
        assert before == await rows(world)


async def test_a_shop_speaks_for_itself_only(tmp_path: Path) -> None:
    """A Saleor that has installed the app can neither sign for another one, nor send what is meant for another."""
    async with running(tmp_path) as world, another_shop(world) as evil:
        session = await world.opened()
        assert session.transaction is not None
        before = await rows(world)
        genuine = world.saleor.webhook_body(PROCESS, session.transaction)
        stolen = json.loads(genuine) | {"recipient": {"id": "QXBwOjk5", "identifier": "x"}}
        own = evil.keys.current
        url = f"{world.app}/api/webhooks/transaction-process-session"
        calls = [
            (genuine, own.sign_detached(genuine), world.saleor.config.api_url),
            (genuine, world.saleor.keys.current.sign_detached(genuine), evil.config.api_url),
            (json.dumps(stolen).encode(), own.sign_detached(json.dumps(stolen).encode()), evil.config.api_url),
        ]
        for body, signature, said in calls:
            headers = {"saleor-signature": signature, "saleor-api-url": said}
            reply = await world.http.post(url, content=body, headers=headers)
            assert (401, {"message"}) == (reply.status_code, set(reply.json()))
        assert before == await rows(world)


async def test_a_shop_sees_no_payment_of_another(tmp_path: Path) -> None:
    """Asked in good order by another shop about this shop's transaction, the app tells and changes nothing of it."""
    async with running(tmp_path) as world, another_shop(world) as evil:
        session = await world.opened()
        assert session.transaction is not None
        trans_id = session.data["redirect"]["fields"]["cpm_trans_id"]
        payment = await world.house.ledger.find(trans_id)
        body = json.loads(world.saleor.webhook_body(PROCESS, session.transaction))
        app = evil.store.apps[world.settings.manifest_app_id]
        body |= {"recipient": {"id": app.id, "identifier": app.identifier}}
        for event in ("transaction-process-session", "transaction-initialize-session"):
            typename = "".join(part.capitalize() for part in event.split("-"))
            written = json.dumps(body | {"__typename": typename}).encode()
            reply = await world.http.post(
                f"{world.app}/api/webhooks/{event}",
                content=written,
                headers={
                    "saleor-signature": evil.keys.current.sign_detached(written),
                    "saleor-api-url": evil.config.api_url,
                },
            )
            assert 200 == reply.status_code
            assert "redirect" not in reply.json()["data"]
            assert "CHARGE_SUCCESS" != reply.json()["result"]
        assert payment == await world.house.ledger.find(trans_id)


FORBIDDEN = (
    "https://127.0.0.1:{port}/graphql/",
    "https://localhost:{port}/graphql/",
    "https://localhost.:{port}/graphql/",
    "https://2130706433:{port}/graphql/",
    "https://0x7f000001:{port}/graphql/",
    "https://0177.0.0.1:{port}/graphql/",
    "https://127.1:{port}/graphql/",
    "https://0:{port}/graphql/",
    "https://[::1]:{port}/graphql/",
    "https://[::ffff:127.0.0.1]:{port}/graphql/",
    "https://[::ffff:7f00:1]:{port}/graphql/",
    "https://[64:ff9b::7f00:1]:{port}/graphql/",
    "https://[fe80::1]:{port}/graphql/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://169.254.169.254/latest/meta-data/",
    "https://10.0.0.1/graphql/",
    "https://192.168.0.1/graphql/",
    "https://100.100.100.200/graphql/",
    "http://127.0.0.1:{port}/graphql/",
    "https://user:pass@127.0.0.1:{port}/graphql/",
    "https://shop.example@127.0.0.1:{port}/graphql/",
    "https://127.0.0.1:{port}#.shop.example/graphql/",
    "https://127.0.0.1:{port}\\@shop.example/graphql/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "//127.0.0.1:{port}/",
)


async def test_forbidden_addresses_are_never_connected_to(tmp_path: Path) -> None:
    """In production, whatever way an inner address is written, registering from it is refused before any connection."""
    came: list[str] = []

    async def note(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append("somebody")
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    database = SecretStr(f"sqlite:///{tmp_path}/ledger.db")
    settings = Settings(secret_key=SecretStr("a key"), database_url=database)
    house = build_house(settings)
    await migrate(house.database)
    transport = httpx.ASGITransport(build_app(settings, house=house, with_worker=False))
    async with httpx.AsyncClient(transport=transport, base_url="https://app") as http:
        for written in FORBIDDEN:
            said = {"saleor-api-url": written.format(port=port)}
            reply = await http.post("/api/register", json={"auth_token": "x"}, headers=said)
            assert (403, "SALEOR_URL_PROHIBITED") == (reply.status_code, reply.json()["error"]["code"]), written
            assert "127.0.0.1" not in reply.text
    await house.close()
    server.close()
    assert [] == came


async def test_a_name_that_changes_its_mind(tmp_path: Path) -> None:
    """A name that is public when it is asked first, and an inner address the next time, is never followed inside."""
    asked: list[str] = []
    answers: list[Sequence[str]] = [[PUBLIC], ["127.0.0.1"]]

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    class Kept:
        async def register(self, registration: Registration) -> None:
            raise AssertionError("nothing is kept")

    async with public_http(development=False, resolve=resolve) as http:
        client = SaleorClient(http, timeout_s=0.3)
        with pytest.raises(CallRefused) as refused:
            await register(
                saleor_api_url="https://rebinding.example/graphql/",
                auth_token=SecretStr("x"),
                identifier="our.app",
                base_url="https://app.example",
                rules=AddressRules(),
                saleor=client,
                installations=Kept(),
            )
        assert refused.value.code in {"SALEOR_UNREACHABLE", "SALEOR_URL_PROHIBITED"}
        with pytest.raises(AddressForbidden):
            await http.handle_async_request(httpx.Request("GET", "https://rebinding.example/.well-known/jwks.json"))
    assert ["rebinding.example"] * 2 == asked


async def test_a_second_app_of_the_same_saleor(tmp_path: Path) -> None:
    """Deleted and installed again, the app has another id there: what was meant for the old one is refused."""
    async with running(tmp_path) as world:
        session = await world.opened()
        assert session.transaction is not None
        old = world.saleor.webhook_body(PROCESS, session.transaction)
        await world.saleor.delete_app(world.settings.manifest_app_id)
        await world.saleor.install_app(f"{world.app}/api/manifest")
        reply = await world.saleor.send_webhook(PROCESS, session.transaction, body=old)
        assert (401, {"message": "the call is meant for another app"}) == (reply.status, reply.json)
        assert "redirect" in (await world.opened()).data
        assert 1 == len(await world.house.installations.all())
