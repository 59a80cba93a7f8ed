"""A whole run of the app, and then a search of all that it wrote, answered and stored for anything secret.

Secrets may stand in two answers, as CinetPay v1 demands it: the form in the answer to initialize, and the page that
posts it; and the buyer's number on the page of an open refund, where staff need it. Everything else is searched: logs
of both formats at the most talkative level, what Saleor, browsers and the operator were answered, and the database's
files. The search itself is shown to find what is not redacted or sealed.
"""

import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2 as httpx
import pytest
import structlog
from app_kit import API_KEY, World, running
from desk_kit import Staff
from logs_kit import logged
from pydantic import SecretStr
from sqlalchemy import select, text

from saleor_cinetpay import logs
from saleor_cinetpay.payments.tables import refunds
from saleor_cinetpay.sandbox.saleor.faults import FaultKind
from saleor_cinetpay.sandbox.saleor.small_saleor import Signature
from saleor_cinetpay.shops.secrets import SecretBox

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET_KEY = "a-secret-key-that-nobody-may-see"
METRICS_TOKEN = "a-metrics-token-that-nobody-may-see"
NUMBER, OTHER_NUMBER = "0707080910", "0505060708"


@dataclass
class Evidence:
    """What a run has left behind, and what must not be in it."""

    written: io.StringIO = field(default_factory=io.StringIO)
    answers: list[str] = field(default_factory=list)
    files: bytes = b""
    secrets: dict[str, str] = field(default_factory=dict)

    def found(self) -> set[tuple[str, str]]:
        """Return each secret that was found, and where: `("api key", "logs")`."""
        places = {
            "logs": self.written.getvalue(),
            "answers": "\n".join(self.answers),
            "files": self.files.decode("latin-1"),
        }
        return {
            (name, where) for name, secret in self.secrets.items() for where, all_ in places.items() if secret in all_
        }


@pytest.fixture(params=["json", "console"])
def evidence(request: pytest.FixtureRequest) -> Iterator[Evidence]:
    """Write the logs of the test where they can be searched; the logging of before is put back in the end."""
    with logged(form=request.param) as lines:
        yield Evidence(written=lines)


@asynccontextmanager
async def searched(evidence: Evidence, folder: Path) -> AsyncIterator[World]:
    """Run a world whose answers and files are kept for the search."""
    async with running(folder, secret_key=SecretStr(SECRET_KEY), metrics_token=SecretStr(METRICS_TOKEN)) as world:

        async def keep(response: httpx.Response) -> None:
            if str(response.url).startswith(world.app) and "/pay/" not in response.url.path:
                await response.aread()
                evidence.answers.append(f"{response.headers} {response.text}")

        world.http.event_hooks["response"].append(keep)
        yield world
        for message in world.saleor.log.after(0):
            if message["from"] == "app":
                evidence.answers.append(json.dumps(_without_the_form(message["detail"]), default=str))
        (app,) = world.saleor.store.apps.values()
        evidence.secrets |= {
            "api key": API_KEY,
            "token": app.auth_token,
            "secret key": SECRET_KEY,
            "metrics token": METRICS_TOKEN,
            "number": NUMBER,
            "other number": OTHER_NUMBER,
        }
        # While the app still runs: what was written last stands in the log of changes beside the file.
        evidence.files = _content(folder)


def _content(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file())


def _without_the_form(detail: Any) -> Any:
    """Return an answer without the form that v1 demands in it."""
    match detail:
        case dict():
            return {name: _without_the_form(value) for name, value in detail.items() if name != "fields"}
        case list():
            return [_without_the_form(value) for value in detail]
        case _:
            return detail


async def live_through(world: World, evidence: Evidence) -> None:
    """Do what a shop's day brings: payments that end well and badly, callers who are refused, everything going down."""
    phone = {"phoneNumber": NUMBER, "phonePrefix": "225"}
    for code in ("00", "604"):
        transaction, trans_id = await world.at_cinetpay(**phone, returnUrl="https://shop.example/back")
        await world.cinetpay.settle(trans_id, code)
        for way in ("return", "cancel"):
            await world.http.post(f"{world.app}/cinetpay/{way}/{trans_id}", data={"cel_phone_num": OTHER_NUMBER})
        await world.saleor.process(transaction)
        await world.reported(transaction, "CHARGE_SUCCESS" if code == "00" else "CHARGE_FAILURE")
        payment = await world.house.ledger.find(trans_id)
        assert payment is not None
        assert payment.signature is not None
        evidence.secrets[f"signature of {trans_id}"] = payment.signature.get_secret_value()
        await world.http.get(f"{world.app}/pay/{trans_id}?s=guessed")
    await refunded(world)
    await suspect_and_forged(world, evidence)
    await down(world)
    staff = Staff(world=world)
    for path in ("", "/payments", "/settings", "/health?check=now", "/refunds", "/history"):
        assert (await staff.gets(path)).status_code in (200, 404), path
    for path in ("/health/live", "/health/ready", "/metrics", "/api/manifest"):
        await world.http.get(f"{world.app}{path}", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})


async def refunded(world: World) -> None:
    """Have staff ask for two refunds, decide about one of them, and look at everything but the open one's page."""
    for note in ("T-1", None):
        transaction, trans_id = await world.at_cinetpay(phoneNumber=NUMBER, phonePrefix="225")
        await world.cinetpay.settle(trans_id)
        await world.reported(transaction, "CHARGE_SUCCESS")
        await world.saleor.request_action(transaction, "REFUND", 5000, "too small")
        async with world.house.database.read() as connection:
            found = select(refunds.c.reference).where(refunds.c.transaction_id == transaction.id)
            reference = (await connection.execute(found)).scalar_one()
        if note is not None:
            url = world.saleor.config.api_url
            await world.house.refund_decisions.pay_back(url, reference, by="awa@example.com", note=note)
            await Staff(world=world).gets(f"/refunds/{reference}")


async def suspect_and_forged(world: World, evidence: Evidence) -> None:
    """Have CinetPay say something wrong, and strangers call with what they made up or overheard."""
    transaction, trans_id = await world.at_cinetpay(phoneNumber=NUMBER, phonePrefix="225")
    await world.cinetpay.show(trans_id, cpm_amount="1", cel_phone_num=OTHER_NUMBER)
    await world.cinetpay.settle(trans_id)
    await world.saleor.process(transaction)
    (account,) = await world.house.accounts.all()
    told = {"cpm_trans_id": trans_id, "apikey": API_KEY, "cel_phone_num": OTHER_NUMBER, "signature": "f" * 40}
    for key in (account.account_key, "no-such-account"):
        for form in (told, told | {"cpm_trans_id": "no such payment"}, told | {"cpm_site_id": "1"}):
            await world.http.post(f"{world.app}/cinetpay/notify/{key}", data=form)
    session = await world.opened()
    assert session.transaction is not None
    for signature in (Signature.MISSING, Signature.FOREIGN, "not.a.signature"):
        await world.saleor.send_webhook("TRANSACTION_PROCESS_SESSION", session.transaction, signature=signature)
    token = next(iter(world.saleor.store.apps.values())).auth_token
    where = {"Saleor-Api-Url": world.saleor.config.api_url}
    for body in ({"auth_token": f"{token}x"}, {"auth_token": token, "apikey": API_KEY}, {"token": token}):
        await world.http.post(f"{world.app}/api/register", json=body, headers=where)
    evidence.secrets["a token that was refused"] = f"{token}x"


async def down(world: World) -> None:
    """Take CinetPay, Saleor and the database away, one after the other, while buyers go on."""
    for mode in ("down", "error_500", "html", "redirect", "truncated", "code:609"):
        await world.cinetpay.fail(mode)
        await world.opened(phoneNumber=NUMBER, phonePrefix="225")
    await world.cinetpay.fail(None)
    for kind in FaultKind:
        transaction, trans_id = await world.at_cinetpay(phoneNumber=NUMBER, phonePrefix="225")
        world.saleor.faults.set(kind, calls=1)
        await world.cinetpay.settle(trans_id)
        await world.reported(transaction, "CHARGE_SUCCESS")
    transaction, trans_id = await world.at_cinetpay(phoneNumber=NUMBER, phonePrefix="225")
    async with world.house.database.write() as connection:
        await connection.execute(text("ALTER TABLE payments RENAME TO gone"))
    await world.opened(phoneNumber=NUMBER, phonePrefix="225")
    await world.saleor.process(transaction)
    await world.http.post(f"{world.app}/cinetpay/return/{trans_id}")
    async with world.house.database.write() as connection:
        await connection.execute(text("ALTER TABLE gone RENAME TO payments"))


def be_careless(world: World) -> None:
    """Log what nobody should: forms, headers, links and errors with secrets in them, as a mistake of tomorrow would."""
    token = next(iter(world.saleor.store.apps.values())).auth_token
    form = {"apikey": API_KEY, "cel_phone_num": NUMBER, "site": "445160"}
    log = structlog.get_logger("careless")
    log.error("careless", form=form, headers={"Authorization": f"Bearer {token}"}, secret_key=SECRET_KEY)
    logging.getLogger("a.library").warning("sent %s", urlencode(form | {"token": METRICS_TOKEN}))
    try:
        raise ValueError(f"can't send {form!r}")
    except ValueError:
        log.exception("careless")


async def test_nothing_secret_is_logged_answered_or_stored(evidence: Evidence, tmp_path: Path) -> None:
    """After a whole run, with careless logging in it, no log, answer or file holds any of the secrets."""
    async with searched(evidence, tmp_path) as world:
        await live_through(world, evidence)
        be_careless(world)
    for step in ("webhook_answered", "payment_looked_up", "registration_refused", "report_failed", "careless"):
        assert step in evidence.written.getvalue()
    assert len(evidence.secrets) >= 9
    assert set() == evidence.found()


async def test_without_redaction_the_search_finds_it(
    evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search is no empty promise: with the redaction switched off, each secret is found in the logs."""
    _switch_off(monkeypatch, logs, "redacted_text", lambda written: written)
    _switch_off(monkeypatch, logs, "_clean", lambda _name, value: value)
    async with searched(evidence, tmp_path) as world:
        be_careless(world)
    wanted = {"api key", "token", "secret key", "metrics token", "number"}
    assert {(name, "logs") for name in wanted} == evidence.found()


async def test_without_sealing_the_search_finds_it(
    evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the sealing switched off, key, token and number are found in the database's files."""
    _switch_off(monkeypatch, SecretBox, "seal", lambda _box, plain, place: plain)
    _switch_off(monkeypatch, SecretBox, "open", lambda _box, sealed, place: sealed)
    async with searched(evidence, tmp_path) as world:
        await world.at_cinetpay(phoneNumber=NUMBER, phonePrefix="225")
    assert {("api key", "files"), ("token", "files"), ("number", "files")} == evidence.found()


def _switch_off(monkeypatch: pytest.MonkeyPatch, where: object, name: str, instead: Callable[..., object]) -> None:
    """Take a guard away, to see that the search notices."""
    monkeypatch.setattr(where, name, instead)
