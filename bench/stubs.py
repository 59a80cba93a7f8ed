"""The CinetPay and the Saleor of a benchmark: they answer at once, and check nothing.

Whether a payment has been paid is told from its amount: `PENDING_FRANCS` waits for its buyer, any other is accepted.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import uvloop

from bench.http import Handler, Server

PENDING_FRANCS = 10_000
APP_ID = "QXBwOjE="
IDENTIFIER = "saleor.app.payment.cinetpay"
OF_TRANSACTION = "/_reported/"


class CinetPay:
    """Signs what it is given, and remembers it."""

    def __init__(self) -> None:
        self._signed: dict[str, dict[str, str]] = {}

    def answer(self, path: str, body: bytes) -> bytes:
        """Answer a call of the API."""
        form = dict(parse_qsl(body.decode()))
        trans_id = form.get("cpm_trans_id", "")
        match path.rpartition("method=")[2]:
            case "getSignatureByPost":
                self._signed[trans_id] = form
                return json.dumps(_signature(trans_id)).encode()
            case "checkPayStatus":
                return json.dumps({"transaction": _paid(self._signed[trans_id])}).encode()
            case _:
                return b'{"Transactions": {"transaction": []}}'


class Saleor:
    """Proves any token, and tells who waits for it when an event has been reported."""

    def __init__(self, key_set: str) -> None:
        self._key_set = key_set.encode()
        self._reported: dict[str, asyncio.Future[bytes]] = {}

    def answer(self, path: str, body: bytes) -> bytes | asyncio.Future[bytes]:
        """Answer GraphQL, the key set, or whoever waits for a report."""
        if path.endswith("/jwks.json"):
            return self._key_set
        if path.startswith(OF_TRANSACTION):
            return self._report_of(path.removeprefix(OF_TRANSACTION))
        asked = json.loads(body)
        if "transactionEventReport" in asked["query"]:
            report = self._report_of(asked["variables"]["id"])
            if not report.done():
                report.set_result(b"{}")
            return b'{"data": {"transactionEventReport": {"alreadyProcessed": false, "errors": []}}}'
        app = {"id": APP_ID, "identifier": IDENTIFIER, "permissions": [{"code": "HANDLE_PAYMENTS"}], "webhooks": []}
        return json.dumps({"data": {"app": app, "shop": {"version": "3.23.28"}, "checkout": None}}).encode()

    def _report_of(self, transaction_id: str) -> asyncio.Future[bytes]:
        return self._reported.setdefault(transaction_id, asyncio.get_running_loop().create_future())


def _signature(trans_id: str) -> str:
    return f"{trans_id}{trans_id[:14]}"


def _paid(signed: dict[str, str]) -> dict[str, Any]:
    """Return the transaction as `checkPayStatus` shows it (guide 3.2)."""
    now = datetime.now(UTC)
    pending = signed["cpm_amount"] == str(PENDING_FRANCS)
    return {
        "cpm_site_id": signed["cpm_site_id"],
        "signature": _signature(signed["cpm_trans_id"]),
        "cpm_amount": signed["cpm_amount"],
        "cpm_trans_id": signed["cpm_trans_id"],
        "cpm_custom": "",
        "cpm_currency": signed["cpm_currency"],
        "cpm_payid": "" if pending else signed["cpm_trans_id"][-12:],
        "cpm_payment_date": f"{now:%Y-%m-%d}",
        "cpm_payment_time": f"{now:%H:%M:%S}",
        "cpm_error_message": "WAITING_CUSTOMER_PAYMENT" if pending else "SUCCES",
        "payment_method": "OM",
        "cpm_phone_prefixe": "225",
        "cel_phone_num": "",
        "cpm_ipn_ack": "N",
        "created_at": f"{now:%Y-%m-%d %H:%M:%S}",
        "updated_at": f"{now:%Y-%m-%d %H:%M:%S}",
        "cpm_result": "662" if pending else "00",
        "cpm_trans_status": "PENDING" if pending else "ACCEPTED",
        "cpm_designation": signed["cpm_designation"],
        "buyer_name": "",
    }


async def serve(cinetpay_port: int, saleor_port: int, key_set: str) -> None:
    """Serve both until the process ends."""
    handlers: dict[int, Handler] = {cinetpay_port: CinetPay().answer, saleor_port: Saleor(key_set).answer}
    loop = asyncio.get_running_loop()
    for port, handler in handlers.items():
        await loop.create_server(lambda handler=handler: Server(handler), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
