"""The whole app behind its edge: headers of every answer, whose forwarding counts, floods that starve nobody."""

import asyncio
import base64
import re
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from app_kit import World, running
from sqlalchemy import Engine, event

from saleor_cinetpay.payments.trans_id import TransactionId, trans_id_of
from saleor_cinetpay.sandbox.saleor.small_saleor import Signature
from webhooks.cinetpay_notification import TOGETHER_S

pytestmark = pytest.mark.asyncio(loop_scope="session")

INITIALIZE = "TRANSACTION_INITIALIZE_SESSION"
ALWAYS = {"content-security-policy", "permissions-policy", "referrer-policy", "x-content-type-options", "cache-control"}
BEHIND_A_PROXY = {
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "pay.example",
}


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the first words of what databases are told."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement.split()[0])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_every_answer_has_its_headers(world: World) -> None:
    """Pages, JSON, files, refusals and what is not there: no answer may be framed, sniffed, leaked or kept."""
    session = await world.opened()
    trans_id = session.data["redirect"]["fields"]["cpm_trans_id"]
    paths = [
        "/api/manifest",
        "/health/live",
        "/health/ready",
        "/static/logo.png",
        "/nowhere",
        f"/cinetpay/return/{trans_id}",
        f"/cinetpay/return/{'0' * 26}",
        "/cinetpay/notify/nobody",
        session.data["paymentUrl"].removeprefix(world.app),
        "/pay/x",
        "/api/register",
    ]
    for path in paths:
        headers = (await world.http.get(f"{world.app}{path}")).headers
        assert set() == ALWAYS - set(headers), path
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "DENY" == headers["x-frame-options"]
        assert ("public, max-age=3600" if path.startswith("/static/") else "no-store") == headers["cache-control"]


async def test_no_answer_leads_where_the_caller_says(world: World) -> None:
    """A slash too many, a strange host or a doubled slash never makes a redirect."""
    for path in ("/api/manifest/", "//evil.example/api/manifest/", "/cinetpay/notify/x/", "/health/live/"):
        reply = await world.http.get(f"{world.app}{path}", headers={"host": "evil.example"})
        assert (404, None) == (reply.status_code, reply.headers.get("location"))


async def test_the_manifest_answers_at_the_address_that_was_asked(tmp_path: Path) -> None:
    """Behind a trusted proxy the manifest and the registration name the proxy's address; a webhook changes nothing."""
    async with running(tmp_path, install=False, app_api_base_url=None) as world:
        reply = await world.http.get(f"{world.app}/api/manifest", headers=BEHIND_A_PROXY)
        assert {"https://pay.example"} == origins(reply.json())
        await world.saleor.install_app(f"{world.app}/api/manifest")
        installation = await world.house.installations.find(world.saleor.config.api_url)
        assert installation is not None
        assert world.app == installation.app_base_url
        session = await world.opened()
        assert session.transaction is not None
        assert world.app == origin(session.data["redirect"]["fields"]["notify_url"])
        reply = await world.http.post(
            f"{world.app}/api/register",
            json={"auth_token": "made-up"},
            headers={"Saleor-Api-Url": world.saleor.config.api_url, **BEHIND_A_PROXY},
        )
        assert 401 == reply.status_code
        answer = await world.saleor.send_webhook(INITIALIZE, session.transaction, headers=BEHIND_A_PROXY)
        assert world.app == origin(answer.json["data"]["redirect"]["fields"]["notify_url"])


async def test_a_stranger_can_not_forward(tmp_path: Path) -> None:
    """Where the caller is no trusted proxy, its forwarding headers mean nothing."""
    async with running(tmp_path, install=False, app_api_base_url=None, forwarded_allow_ips="10.0.0.1") as world:
        reply = await world.http.get(f"{world.app}/api/manifest", headers=BEHIND_A_PROXY)
        assert {world.app} == origins(reply.json())
        assert "strict-transport-security" not in reply.headers


async def test_registrations_have_a_limit(tmp_path: Path) -> None:
    """A hundred registrations in a minute pass; a flood of them gets 429 with a time to wait, and pays for itself."""
    async with running(tmp_path, install=False) as world:

        async def register() -> httpx.Response:
            return await world.http.post(f"{world.app}/api/register", json={"auth_token": "x"})

        first = [(await register()).status_code for _ in range(100)]
        assert [400] * 100 == first
        rest = [await register() for _ in range(200)]
        refused = [reply for reply in rest if reply.status_code == 429]
        assert refused
        assert all(1 <= int(reply.headers["retry-after"]) for reply in refused)
        assert {"success", "error"} == set(refused[0].json())


async def test_a_flood_of_forged_notifications_costs_the_database_nothing(tmp_path: Path) -> None:
    """Unknown accounts and made-up payments: no write, and a few reads a second however many they are."""
    async with running(tmp_path, with_worker=False) as world:
        _, trans_id = await world.at_cinetpay()
        payment = await world.house.ledger.find(trans_id)
        assert payment is not None
        known, unknown = (f"{world.app}/cinetpay/notify/{key}" for key in (payment.account_key, "made-up"))
        assert 200 == (await world.http.post(known)).status_code
        made_up = [trans_id_of(TransactionId(transaction_id(number))) for number in range(100)]
        began_at = time.monotonic()
        with statements() as said:
            async with asyncio.TaskGroup() as group:
                asked = [
                    group.create_task(world.http.post(url, data={"cpm_trans_id": forged}))
                    for forged in made_up
                    for url in (known, unknown)
                ]
        assert {200: 100, 404: 100} == counted(task.result().status_code for task in asked)
        assert set() == set(said) & {"UPDATE", "INSERT", "DELETE"}
        assert said.count("SELECT") <= 2 * rounds_since(began_at)
        assert payment == await world.house.ledger.find(trans_id)


async def test_forged_webhooks_cost_the_database_nothing(tmp_path: Path) -> None:
    """Wrong signatures, made-up keys and unknown Saleors share a few reads a second; a genuine one goes on."""
    async with running(tmp_path, with_worker=False) as world:
        session = await world.opened()
        assert session.transaction is not None
        await world.saleor.send_webhook(INITIALIZE, session.transaction, signature=Signature.FOREIGN)
        began_at = time.monotonic()
        with statements() as said:
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(forged_webhook(world, session.transaction, number)) for number in range(45)]
        assert {401: 45} == counted(task.result() for task in asked)
        assert said.count("SELECT") <= rounds_since(began_at)
        assert said.count("UPDATE") <= 2 + time.monotonic() - began_at
        assert "redirect" in (await world.opened()).data


async def forged_webhook(world: World, transaction: Any, number: int) -> int | None:
    """Send a webhook that is wrong in one of three ways, and return the answer's status."""
    ways: list[dict[str, Any]] = [
        {"signature": "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ..c2ln"},
        {"headers": {"Saleor-Api-Url": f"https://{number}.example/graphql/"}},
        {"changes": {"recipient": {"id": "QXBwOjk5", "identifier": "other"}}, "signature": world_signature(world)},
    ]
    return (await world.saleor.send_webhook(INITIALIZE, transaction, **ways[number % 3])).status


def rounds_since(began_at: float) -> float:
    """Return how many rounds of shared questions there may have been since then."""
    return 2 + (time.monotonic() - began_at) / TOGETHER_S


def world_signature(world: World) -> str:
    """Return a signature of that Saleor over something else."""
    return world.saleor.keys.current.sign_detached(b"something else")


def transaction_id(number: int) -> str:
    """Return the id of a Saleor transaction that nobody has opened."""
    return base64.b64encode(f"TransactionItem:{uuid.UUID(int=number + 1)}".encode()).decode()


def counted(values: Any) -> dict[Any, int]:
    """Count values."""
    return dict(Counter(values))


def origin(url: str) -> str:
    """Return the origin of an address."""
    found = re.match(r"https?://[^/]+", url)
    assert found is not None
    return found[0]


def origins(manifest: dict[str, Any]) -> set[str]:
    """Return the origins of all addresses of ours in a manifest."""
    ours = [manifest["tokenTargetUrl"], manifest["brand"]["logo"]["default"]]
    return {origin(url) for url in [*ours, *(webhook["targetUrl"] for webhook in manifest["webhooks"])]}
