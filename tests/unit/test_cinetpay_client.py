"""The client, against a small CinetPay with state, and against servers that are none."""

import asyncio
import logging
import re
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import httpx2 as httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from saleor_cinetpay import __version__
from saleor_cinetpay.cinetpay import CinetPayClient, Credentials, PaymentFields, PhoneNumber
from saleor_cinetpay.cinetpay.client import HISTORY_LIMIT_BYTES, REPLY_LIMIT_BYTES
from saleor_cinetpay.errors import CinetPayError, CinetPayRefused, CinetPayUnavailable
from saleor_cinetpay.money import CinetPayAmount

KEY = "21585943f75164bbc2.38014630"
CREDENTIALS = Credentials(site_id="296911", api_key=SecretStr(KEY))
FIELDS = PaymentFields(
    amount=CinetPayAmount(12500),
    currency="CFA",
    site_id="296911",
    trans_id="T1",
    trans_date="20170906124338",
    language="fr",
    designation="Commande 42",
    custom="a&b+c%d é",
    phone=PhoneNumber("225", "0707080910"),
)
GOLDEN_SIGNATURE_REQUEST = (
    b"cpm_amount=12500&cpm_currency=CFA&cpm_site_id=296911&cpm_trans_id=T1&cpm_trans_date=20170906124338"
    b"&cpm_payment_config=SINGLE&cpm_page_action=PAYMENT&cpm_version=V1&cpm_language=fr"
    b"&cpm_designation=Commande+42&cpm_custom=a%26b%2Bc%25d+%C3%A9&apikey=21585943f75164bbc2.38014630"
    b"&cel_phone_num=0707080910&cpm_phone_prefixe=225"
)
ERROR = {"status": {"code": "609", "message": "AUTH_NOT_FOUND"}}


@dataclass
class SmallCinetPay:
    """Knows one site, signs what it is given, remembers it as begun, and lists it; anything unexpected is noted."""

    rows: list[dict[str, object]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/", self.answer, methods=["GET", "POST"])])

    async def answer(self, request: Request) -> Response:
        answers: dict[str | None, Callable[[dict[str, str]], object]] = {
            "getSignatureByPost": self.sign,
            "checkPayStatus": self.check,
            "getTransHistory": self.list,
            "getCompteStatus": self.balance,
        }
        answer = answers.get(request.query_params.get("method"))
        if (
            request.method != "POST"
            or answer is None
            or list(request.query_params) != ["method"]
            or request.headers["content-type"] != "application/x-www-form-urlencoded"
        ):
            self.unexpected.append(f"{request.method} {request.url.query}")
            return Response(status_code=500)
        self.bodies.append(await request.body())
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.forms.append(form)
        self.headers.append(dict(request.headers))
        known = form.get("apikey") == KEY and form.get("cpm_site_id") == "296911"
        reply = JSONResponse(answer(form) if known else ERROR)
        reply.headers["content-type"] = "text/html; charset=UTF-8"
        reply.set_cookie("PHPSESSID", "a-session-of-this-shop")
        return reply

    def sign(self, form: dict[str, str]) -> object:
        if form["cpm_trans_id"] in {row["cpm_trans_id"] for row in self.rows}:
            return {"status": {"code": 620, "message": "ERROR_DOUBLE_PAYEMNT"}}
        self.rows.append({"cpm_site_id": "296911", "cpm_trans_id": form["cpm_trans_id"], "cpm_trans_status": "PENDING"})
        return "95db7a68358e8cb8831db947d8abcfe002af755"

    def check(self, form: dict[str, str]) -> object:
        return {"transaction": next((row for row in self.rows if row["cpm_trans_id"] == form["cpm_trans_id"]), [])}

    def list(self, form: dict[str, str]) -> object:
        return {"Transactions": {"transaction": self.rows}}

    def balance(self, form: dict[str, str]) -> object:
        return {"user": {"compte": {"solde": "865.4"}, "service": {"solde": ""}}}


@pytest.fixture
async def cinetpay() -> AsyncIterator[SmallCinetPay]:
    server = SmallCinetPay()
    yield server
    assert [] == server.unexpected


@pytest.fixture
async def client(cinetpay: SmallCinetPay) -> AsyncIterator[CinetPayClient]:
    async with httpx.ASGITransport(app=cinetpay.app()) as http:
        yield CinetPayClient(http, api_url="http://127.0.0.1/v1/", timeout_s=5)


@asynccontextmanager
async def serving(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """Serve raw bytes on a free port of this machine."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/"
    finally:
        server.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return head + await reader.readexactly(int(length[1]) if length else 0)


async def failure(
    api_url: str, *, timeout_s: float = 2, transport: httpx.AsyncBaseTransport | None = None
) -> CinetPayUnavailable:
    async with transport or httpx.AsyncHTTPTransport() as http:
        with pytest.raises(CinetPayUnavailable) as unavailable:
            await CinetPayClient(http, api_url=api_url, timeout_s=timeout_s).get_signature(FIELDS, CREDENTIALS.api_key)
    return unavailable.value


def says(head: str, body: bytes = b"") -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return talk


async def test_a_signature_request_is_these_very_bytes(client: CinetPayClient, cinetpay: SmallCinetPay) -> None:
    """What is posted for a signature is byte for byte the standard form encoding, in UTF-8, under our own name."""
    signature = await client.get_signature(FIELDS, CREDENTIALS.api_key)

    assert SecretStr("95db7a68358e8cb8831db947d8abcfe002af755") == signature
    assert [GOLDEN_SIGNATURE_REQUEST] == cinetpay.bodies
    assert f"saleor-cinetpay/{__version__}" == cinetpay.headers[0]["user-agent"]


async def test_a_second_signature_for_the_same_id_is_refused(client: CinetPayClient) -> None:
    """CinetPay's refusal arrives with its code and its texts."""
    await client.get_signature(FIELDS, CREDENTIALS.api_key)

    with pytest.raises(CinetPayRefused, match="620 ERROR_DOUBLE_PAYEMNT"):
        await client.get_signature(FIELDS, CREDENTIALS.api_key)


async def test_a_payment_is_none_until_it_has_begun(client: CinetPayClient, cinetpay: SmallCinetPay) -> None:
    """A check gives nothing for a payment that CinetPay has not seen, and its transaction afterwards."""
    assert None is await client.check_pay_status(CREDENTIALS, "T1")

    await client.get_signature(FIELDS, CREDENTIALS.api_key)
    found = await client.check_pay_status(CREDENTIALS, "T1")

    assert found is not None
    assert ("T1", "PENDING") == (found.cpm_trans_id, found.status)
    assert {"apikey": KEY, "cpm_site_id": "296911", "cpm_trans_id": "T1"} == cinetpay.forms[-1]


async def test_a_session_is_not_carried_on(client: CinetPayClient, cinetpay: SmallCinetPay) -> None:
    """A cookie that CinetPay sets for one shop's call is not sent with the next, which may be another's."""
    await client.get_compte_status(CREDENTIALS)
    await client.get_compte_status(CREDENTIALS)

    assert [False, False] == ["cookie" in headers for headers in cinetpay.headers]


async def test_the_balance_is_read(client: CinetPayClient) -> None:
    """Balances arrive as decimals, an empty one as none."""
    balance = await client.get_compte_status(CREDENTIALS)

    assert (Decimal("865.4"), None) == (balance.compte.solde, balance.service.solde)


def row(trans_id: str, **fields: object) -> dict[str, object]:
    return {"cpm_trans_id": trans_id, "cpm_site_id": "296911", "created_at": "2017-09-04 14:00:54"} | fields


@pytest.mark.parametrize(
    ("trans_ids", "sent", "filters"),
    [
        (["T1", "T2", "T3", "T4", "T5"], {}, {}),
        (["T2"], {"cpm_trans_id": "T2"}, {"trans_id": "T2"}),
        (["T2"], {"cpm_payid": "MP1"}, {"payid": "MP1"}),
        (["T3"], {"cel_phone_num": "79 55 77 88"}, {"phone_number": "79 55 77 88"}),
        (
            ["T1", "T2", "T3", "T5"],
            {"date_debut": "04-09-2017", "date_fin": "04-09-2017"},
            {"date_from": date(2017, 9, 4), "date_to": date(2017, 9, 4)},
        ),
        (["T3", "T4", "T5"], {"date_debut": "05-09-2017"}, {"date_from": date(2017, 9, 5)}),
        (["T1", "T2", "T3", "T5"], {"date_fin": "04-09-2017"}, {"date_to": date(2017, 9, 4)}),
    ],
)
async def test_history_is_filtered_here_too(
    client: CinetPayClient,
    cinetpay: SmallCinetPay,
    trans_ids: list[str],
    sent: dict[str, str],
    filters: dict[str, Any],
) -> None:
    """A server that ignores every filter changes nothing: what was not asked for falls, what has no date stays."""
    cinetpay.rows = [
        row("T1"),
        row("T2", cpm_payid="MP1"),
        row("T3", cel_phone_num="79557788", cpm_payment_date="2017-09-05", cpm_payment_time="00:01:00"),
        row("T4", created_at="2017-09-06 08:00:00"),
        row("T5", created_at="", cpm_site_id=""),
        row("of another site", cpm_site_id="111111"),
        {"cpm_amount": "no id"},
    ]

    history = await client.get_trans_history(CREDENTIALS, **filters)

    assert trans_ids == [found.cpm_trans_id for found in history.transactions]
    assert 1 == history.unreadable
    assert {"apikey": KEY, "cpm_site_id": "296911"} | sent == cinetpay.forms[-1]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """The API key is not carried to where a redirect leads, and neither is the form."""
    followed = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        followed.append(await read_request(reader))

    async with serving(elsewhere) as trap, serving(says(f"{status} Moved\r\nLocation: {trap}")) as api_url:
        error = await failure(api_url)

    assert f"HTTP {status} with an empty body" == str(error)
    assert [] == followed


@pytest.mark.parametrize(
    ("retry_after_s", "headers"),
    [
        (30, "Retry-After: 30"),
        (90, "Date: Mon, 04 Sep 2017 14:00:00 GMT\r\nRetry-After: Mon, 04 Sep 2017 14:01:30 GMT"),
        (0, "Date: Mon, 04 Sep 2017 14:00:00 GMT\r\nRetry-After: Mon, 04 Sep 2017 13:00:00 GMT"),
        (None, "Retry-After: Mon, 04 Sep 2017 14:01:30 GMT"),
        (None, "Date: Mon, 04 Sep 2017 14:00:00 GMT\r\nRetry-After: Mon, 04 Sep 2017 14:01:30 -0000"),
        (None, "Retry-After: soon"),
        (None, f"Retry-After: Mon, 04 Sep {10**20} 14:01:30 GMT"),
        (None, "X-Nothing: 1"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_that_is_asked_for_is_told(status: int, retry_after_s: float | None, headers: str) -> None:
    """Retry-After is read as seconds or as a date by the server's own clock; what is neither is none."""
    async with serving(says(f"{status} Later\r\n{headers}", b"<html>busy</html>")) as api_url:
        error = await failure(api_url)

    assert (retry_after_s, f"HTTP {status} with 17 bytes of HTML") == (error.retry_after_s, str(error))


async def test_nobody_listening_was_not_carried_out() -> None:
    """A refused connection is known not to have reached CinetPay."""
    async with serving(says("200 OK")) as api_url:
        pass

    error = await failure(api_url)

    assert (False, "getSignatureByPost: ConnectError") == (error.maybe_carried_out, str(error))


@pytest.mark.parametrize("api_url", ["ftp://127.0.0.1/v1/", "/v1/"])
async def test_an_address_that_is_none_is_unavailable(api_url: str) -> None:
    """An API address that can't be called is an error of ours like any other, before anything is sent."""
    assert False is (await failure(api_url)).maybe_carried_out


async def test_a_server_that_falls_silent_costs_no_more_than_the_limit() -> None:
    """The limit of time covers the whole call, so a server that drips one byte after the other can't stretch it."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    began = asyncio.get_running_loop().time()
    async with serving(drip) as api_url:
        error = await failure(api_url, timeout_s=0.2)

    assert (True, "getSignatureByPost: no answer within 0.2 s") == (error.maybe_carried_out, str(error))
    assert asyncio.get_running_loop().time() - began < 2


async def test_an_answer_cut_short_may_have_been_carried_out() -> None:
    """A connection that ends within the answer leaves open what CinetPay did."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"95db')

    async with serving(hang_up) as api_url:
        error = await failure(api_url)

    assert (True, "getSignatureByPost: RemoteProtocolError") == (error.maybe_carried_out, str(error))


async def test_a_packed_answer_is_unavailable() -> None:
    """We ask for plain bodies: a packed one is not unpacked, and counts as no answer."""
    async with serving(says("200 OK\r\nContent-Encoding: gzip", b"no gzip")) as api_url:
        error = await failure(api_url)

    assert "getSignatureByPost: it answers packed what was asked for plain" == str(error)


async def test_an_endless_answer_is_cut_off() -> None:
    """No more than the limit of size is read of an answer; a history may be longer than the others."""

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()

    async with serving(flood) as api_url, httpx.AsyncHTTPTransport() as http:
        client = CinetPayClient(http, api_url=api_url, timeout_s=5)
        with pytest.raises(CinetPayUnavailable, match=f"checkPayStatus: more than {REPLY_LIMIT_BYTES} bytes"):
            await client.check_pay_status(CREDENTIALS, "T1")
        with pytest.raises(CinetPayUnavailable, match=f"getTransHistory: more than {HISTORY_LIMIT_BYTES} bytes"):
            await client.get_trans_history(CREDENTIALS)


@pytest.mark.parametrize("timeout_s", [0, -1.5])
async def test_no_time_left_asks_nothing(client: CinetPayClient, cinetpay: SmallCinetPay, timeout_s: float) -> None:
    """A budget that is used up costs no call."""
    with pytest.raises(CinetPayUnavailable, match="no time left") as unavailable:
        await client.check_pay_status(CREDENTIALS, "T1", timeout_s=timeout_s)

    assert False is unavailable.value.maybe_carried_out
    assert [] == cinetpay.bodies


@pytest.mark.parametrize(("limit_s", "own_s", "given_s"), [(0.1, 0.1, 60), (0.1, 60, 0.1)])
async def test_a_calls_own_limit_only_shortens(limit_s: float, own_s: float, given_s: float) -> None:
    """The shorter of the client's and the call's limits of time counts."""

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()

    async with serving(silence) as api_url, httpx.AsyncHTTPTransport() as http:
        with pytest.raises(CinetPayUnavailable, match=re.escape(f"no answer within {limit_s} s")):
            await CinetPayClient(http, api_url=api_url, timeout_s=own_s).check_pay_status(
                CREDENTIALS, "T1", timeout_s=given_s
            )


async def test_a_connection_that_does_not_come_about_was_not_carried_out() -> None:
    """Connecting may take only part of a call's time, so that its failure is told apart from a missing answer."""

    class Unreachable(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(request.extensions["timeout"]["connect"])
            raise httpx.ConnectTimeout("nobody there")

    error = await failure("http://127.0.0.1/v1/", timeout_s=0.2, transport=Unreachable())

    assert (False, "getSignatureByPost: ConnectTimeout") == (error.maybe_carried_out, str(error))


@pytest.mark.parametrize(
    "body",
    [
        f"<html>{KEY}</html>".encode(),
        f'{{"apikey": "{KEY}"}}'.encode(),
        f'{{"status": {{"code": "{KEY}", "message": "{KEY}"}}}}'.encode(),
        f'{{"status": {{"code": "999", "message": "no such apikey {KEY}"}}}}'.encode(),
        f'{{"apikey": "{KEY}'.encode(),
    ],
)
@pytest.mark.parametrize("head", ["200 OK", "403 Forbidden", "500 Error"])
async def test_the_api_key_is_in_no_error_and_no_log(head: str, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A server that repeats our API key can't get it, or the phone number, into an error, a traceback or a log."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpcore2")  # the app's own logs keep it quieter
    async with serving(says(head, body)) as api_url, httpx.AsyncHTTPTransport() as http:
        client = CinetPayClient(http, api_url=api_url, timeout_s=2)
        with pytest.raises(CinetPayError) as raised:
            await client.get_signature(FIELDS, CREDENTIALS.api_key)

    shown = f"{raised.value!s} {raised.value!r} {''.join(traceback.format_exception(raised.value))} {CREDENTIALS!r}"
    assert "send_request_body.complete" in caplog.text
    assert [] == [secret for secret in (KEY, "0707080910") if secret in shown + caplog.text]
