"""Callers who are turned away: 4xx with a JSON message, nothing written, nobody called."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from app_kit import API_KEY, SITE_ID, World, running
from sqlalchemy import func, select, update

from saleor_cinetpay.payments.tables import payment_events, payments, reports
from saleor_cinetpay.sandbox.saleor.installing import InstallationFailed
from saleor_cinetpay.sandbox.saleor.small_saleor import Signature
from saleor_cinetpay.shops.tables import installations

pytestmark = pytest.mark.asyncio(loop_scope="session")


INITIALIZE = "TRANSACTION_INITIALIZE_SESSION"
PROCESS = "TRANSACTION_PROCESS_SESSION"


async def _written(world: World) -> tuple[int, int, int]:
    async with world.house.database.read() as connection:
        counts = [
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (payments, payment_events, reports)
        ]
    return counts[0], counts[1], counts[2]


def _changes(**changes: Any) -> dict[str, Any]:
    return {"changes": changes}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"signature": Signature.MISSING}, 401),
        ({"signature": Signature.FOREIGN}, 401),
        ({"signature": "not.a.signature"}, 401),
        ({"headers": {"Saleor-Api-Url": "https://other.example/graphql/", "X-Saleor-Api-Url": None}}, 401),
        ({"headers": {"Saleor-Api-Url": None, "X-Saleor-Api-Url": None}}, 401),
        (_changes(recipient={"id": "QXBwOjk5", "identifier": "other"}), 401),
        (_changes(recipient=None), 401),
        (_changes(recipient={"identifier": "saleor.app.payment.cinetpay"}), 401),
        ({"signature": Signature.MISSING, "body": b"<html>"}, 401),
        (_changes(issuedAt=None), 400),
        (_changes(issuedAt=(datetime.now(UTC) - timedelta(hours=25)).isoformat()), 400),
        (_changes(__typename="TransactionProcessSession"), 400),
        (_changes(transaction={"id": "T3JkZXI6MQ==", "chargedAmount": {"amount": 0, "currency": "XOF"}}), 400),
        ({"body": b""}, 400),
        ({"body": b"  "}, 400),
        ({"body": b"<html>"}, 400),
        ({"body": b"[]"}, 400),
        ({"to": PROCESS}, 400),
    ],
    ids=str,
)
async def test_a_webhook_that_is_not_genuine(world: World, sent: dict[str, Any], status: int) -> None:
    """Whatever is wrong with a webhook, it is refused with a message only, and leaves no trace."""
    session = await world.opened()
    assert session.transaction is not None
    await world.quiet()
    before = await _written(world)
    asked = await world.cinetpay.messages()
    reply = await world.saleor.send_webhook(INITIALIZE, session.transaction, **sent)
    assert status == reply.status
    assert {"message"} == set(reply.json)
    assert before == await _written(world)
    assert asked == await world.cinetpay.messages()


async def test_an_amount_that_takes_long_to_write_out_is_not_read(world: World) -> None:
    """No float is that large, so Saleor never sends it; whoever does is refused before anything is done with it."""
    session = await world.opened()
    assert session.transaction is not None
    genuine = world.saleor.webhook_body(INITIALIZE, session.transaction)
    body = genuine.replace(b'"action": {"amount": 12500.0', b'"action": {"amount": 1e999999999')
    assert body != genuine
    reply = await world.saleor.send_webhook(INITIALIZE, session.transaction, body=body)
    assert (400, {"message"}) == (reply.status, set(reply.json))


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400), (b"x" * 1_100_000, 413)],
    ids=["deep", "big"],
)
async def test_a_body_that_nobody_should_read(world: World, body: bytes, status: int) -> None:
    """A body that is nested without end, or that has none, is refused before anything is done with it."""
    signed = {"Saleor-Api-Url": world.saleor.config.api_url, "Saleor-Signature": "somehow"}
    url = f"{world.app}/api/webhooks/transaction-initialize-session"
    reply = await world.http.post(url, content=body, headers=signed)
    assert (status, {"message"}) == (reply.status_code, set(reply.json()))


async def test_rotated_keys_are_fetched_once(world: World) -> None:
    """After Saleor has rotated its keys the next webhook is answered; a made-up key id costs no second fetch."""
    world.saleor.rotate_keys()
    async with world.house.database.write() as connection:
        long_ago = datetime.now(UTC) - timedelta(minutes=1)
        await connection.execute(update(installations).values(key_set_fetched_at=long_ago))
    session = await world.opened()
    assert "redirect" in session.data
    assert session.transaction is not None
    fetches = _key_fetches(world)
    for _ in range(3):
        reply = await world.saleor.send_webhook(INITIALIZE, session.transaction, signature=Signature.FOREIGN)
        assert 401 == reply.status
    assert fetches == _key_fetches(world)


async def test_what_another_process_has_installed_counts_at_once(world: World) -> None:
    """What is known of an installation refuses nobody: where a call is for another app, the database is asked first."""
    session = await world.opened()
    assert session.transaction is not None
    body = world.saleor.webhook_body(INITIALIZE, session.transaction)
    (installation,) = await world.house.installations.all()
    for app_id in ("QXBwOjk5", installation.app_id):
        async with world.house.database.write() as connection:
            await connection.execute(update(installations).values(app_id=app_id))
        meant = body.replace(installation.app_id.encode(), app_id.encode())
        assert 200 == (await world.saleor.send_webhook(INITIALIZE, session.transaction, body=meant)).status


def _key_fetches(world: World) -> int:
    return len([m for m in world.saleor.log.after(0) if "jwks" in m["title"]])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"cpm_trans_id": "0" * 26, "cpm_site_id": SITE_ID},
        {"cpm_trans_id": "nonsense"},
        {"cpm_trans_id": "'; DROP TABLE payments; --"},
    ],
)
async def test_a_notification_that_means_nothing(world: World, fields: dict[str, str]) -> None:
    """Unknown, forged and empty notifications get 200, write nothing and ask nobody."""
    session = await world.opened()
    notify_url = session.data["redirect"]["fields"]["notify_url"]
    await world.quiet()
    before, asked = await _written(world), await world.cinetpay.messages()
    reply = await world.http.post(notify_url, data=fields)
    assert 200 == reply.status_code
    assert (before, asked) == (await _written(world), await world.cinetpay.messages())


async def test_a_notification_of_another_site_changes_nothing(world: World) -> None:
    """A known payment with another site's id does not become due."""
    _, trans_id = await world.at_cinetpay()
    await world.quiet()
    payment = await world.house.ledger.find(trans_id)
    assert payment is not None
    url = f"{world.app}/cinetpay/notify/{payment.account_key}"
    reply = await world.http.post(url, data={"cpm_trans_id": trans_id, "cpm_site_id": "999"})
    assert 200 == reply.status_code
    after = await world.house.ledger.find(trans_id)
    assert after is not None
    assert (payment.due_at, payment.hints) == (after.due_at, after.hints)


async def test_a_forged_acceptance_is_no_charge(world: World) -> None:
    """A notification that claims everything is paid costs one look, and Saleor hears of no charge."""
    transaction, trans_id = await world.at_cinetpay()
    payment = await world.house.ledger.find(trans_id)
    assert payment is not None
    assert payment.signature is not None
    forged = {
        "cpm_trans_id": trans_id,
        "cpm_site_id": SITE_ID,
        "cpm_result": "00",
        "cpm_trans_status": "ACCEPTED",
        "cpm_amount": "12500",
        "signature": payment.signature.get_secret_value(),
    }
    url = f"{world.app}/cinetpay/notify/{payment.account_key}"
    for _ in range(50):
        assert 200 == (await world.http.post(url, data=forged)).status_code
    assert "pending" == (await world.saleor.process(transaction)).data["status"]
    assert [] == await world.reported(transaction)


async def test_multipart_notifications_are_read(world: World) -> None:
    """The fields of a multipart body make a payment due like those of an urlencoded one."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, notify="never")
    payment = await world.house.ledger.find(trans_id)
    assert payment is not None
    url = f"{world.app}/cinetpay/notify/{payment.account_key}"
    parts = {"cpm_trans_id": (None, trans_id), "cpm_site_id": (None, SITE_ID)}
    assert 200 == (await world.http.post(url, files=parts)).status_code
    await world.reported(transaction, "CHARGE_SUCCESS")


async def test_a_body_in_no_encoding_says_nothing(world: World) -> None:
    """A multipart body in an encoding that nobody can read is a notification that means nothing: 200."""
    session = await world.opened()
    headers = {"Content-Type": "multipart/form-data; boundary=b; charset=undefined"}
    body = b'--b\r\nContent-Disposition: form-data; name="cpm_trans_id"\r\n\r\nx\r\n--b--\r\n'
    reply = await world.http.post(session.data["redirect"]["fields"]["notify_url"], content=body, headers=headers)
    assert 200 == reply.status_code


async def test_the_notification_address_answers_a_ping(world: World) -> None:
    """GET and HEAD get 200 at an account's address, and 404 at any other."""
    session = await world.opened()
    url = session.data["redirect"]["fields"]["notify_url"]
    assert [200, 200] == [(await world.http.request(method, url)).status_code for method in ("GET", "HEAD")]
    for method in ("GET", "HEAD", "POST"):
        assert 404 == (await world.http.request(method, f"{world.app}/cinetpay/notify/nobody")).status_code


@pytest.mark.parametrize("way", ["return", "cancel"])
async def test_a_return_of_an_unknown_payment(world: World, way: str) -> None:
    """An address that leads to no payment gets a page that says what to do."""
    reply = await world.http.get(f"{world.app}/cinetpay/{way}/{'0' * 26}")
    assert 404 == reply.status_code
    assert "Retournez à la boutique" in reply.text


@pytest.mark.parametrize(("language", "said"), [("fr", "Rien n’est perdu"), ("en", "Nothing is lost")])
async def test_a_payment_that_no_key_opens_has_a_page_for_the_buyer(world: World, language: str, said: str) -> None:
    """Where SECRET_KEY is not the one it was written with, each way leads to a page that says so: 503, no JSON."""
    session = await world.opened()
    trans_id = session.data["redirect"]["fields"]["cpm_trans_id"]
    async with world.house.database.write() as connection:
        await connection.execute(
            update(payments).where(payments.c.trans_id == trans_id).values(sealed_form="AAAA" * 20)
        )
    ways = [session.data["paymentUrl"], *(f"{world.app}/cinetpay/{way}/{trans_id}" for way in ("return", "cancel"))]
    replies = [await world.http.get(url, headers={"Accept-Language": language}) for url in ways]
    assert [(503, "text/html; charset=utf-8")] * 3 == [
        (one.status_code, one.headers["content-type"]) for one in replies
    ]
    assert [True] * 3 == [said in one.text for one in replies]


async def test_webhooks_and_notifications_of_a_payment_that_no_key_opens(world: World) -> None:
    """Each gets its 200: initialize fails with TRY_LATER, process says pending, a notification is taken."""
    session = await world.opened()
    fields = session.data["redirect"]["fields"]
    assert session.transaction is not None
    async with world.house.database.write() as connection:
        await connection.execute(
            update(payments).where(payments.c.trans_id == fields["cpm_trans_id"]).values(sealed_form="AAAA" * 20)
        )
    replies = [await world.saleor.send_webhook(event, session.transaction) for event in (INITIALIZE, PROCESS)]
    told = [
        (
            one.status,
            one.json["result"],
            one.json["data"].get("status"),
            [e["code"] for e in one.json["data"].get("errors", [])],
        )
        for one in replies
    ]
    assert [(200, "CHARGE_FAILURE", None, ["TRY_LATER"]), (200, "CHARGE_ACTION_REQUIRED", "pending", [])] == told
    notified = await world.http.post(
        fields["notify_url"], data={"cpm_trans_id": fields["cpm_trans_id"], "cpm_site_id": SITE_ID}
    )
    assert 200 == notified.status_code


async def test_the_pay_page_wants_its_proof(world: World) -> None:
    """Without the proof, or with another's, there is no form: 404."""
    session = await world.opened()
    address, _, _ = session.data["paymentUrl"].partition("?")
    other = (await world.opened()).data["paymentUrl"].partition("?")[2]
    for url in (address, f"{address}?s=", f"{address}?{other}"):
        reply = await world.http.get(url)
        assert 404 == reply.status_code
        assert API_KEY not in reply.text


async def test_registration_from_a_forbidden_address(tmp_path: Path) -> None:
    """A Saleor that the operator does not allow reads why, and is not connected to."""
    async with running(tmp_path, install=False, allowed_saleor_urls=("https://*.good.example/graphql/",)) as world:
        with pytest.raises(InstallationFailed, match="may not install the app"):
            await world.saleor.install_app(f"{world.app}/api/manifest")


async def test_registration_with_a_dead_token(world: World) -> None:
    """A token that the Saleor at that address does not know registers nothing."""
    reply = await world.http.post(
        f"{world.app}/api/register",
        json={"auth_token": "made-up"},
        headers={"Saleor-Api-Url": world.saleor.config.api_url},
    )
    assert 401 == reply.status_code
    assert False is reply.json()["success"]
    assert "UNKNOWN_APP_ID" == reply.json()["error"]["code"]
    assert "redirect" in (await world.opened()).data


async def test_unknown_addresses_answer_json(world: World) -> None:
    """An address or a method that is not there is told so as JSON."""
    assert {"message": "there is nothing at this address"} == (await world.http.get(f"{world.app}/nowhere")).json()
    reply = await world.http.get(f"{world.app}/api/webhooks/transaction-initialize-session")
    assert (405, {"message": "this address takes another method"}) == (reply.status_code, reply.json())
