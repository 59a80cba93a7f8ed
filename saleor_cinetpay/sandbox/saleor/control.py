"""The sandbox's own API under `/_sandbox/`: what tests and the live view ask and do; no real Saleor has it."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Literal

import httpx2 as httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from saleor_cinetpay.sandbox.saleor.faults import FaultKind
from saleor_cinetpay.sandbox.saleor.installing import InstallationFailed
from saleor_cinetpay.sandbox.saleor.overview import app_shown, overview
from saleor_cinetpay.sandbox.saleor.records import Transaction
from saleor_cinetpay.sandbox.saleor.small_saleor import Signature, SmallSaleor

FETCH_TIMEOUT_S = 2.0

Handler = Callable[[Request], Awaitable[Response]]


class NotHeld(Exception):
    """The request names something that this Saleor does not hold."""


class _Asked(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class _Install(_Asked):
    manifest_url: str


class _Fault(_Asked):
    kind: FaultKind
    calls: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)


class _Action(_Asked):
    action: Literal["CHARGE", "REFUND", "CANCEL"]
    amount: Decimal | None = None
    reason: str = ""


class _Webhook(_Asked):
    event: str
    transaction: str
    changes: dict[str, Any] | None = None
    body: str | None = None
    signature: str = Signature.GENUINE
    headers: dict[str, str | None] | None = None
    to: str = ""


def control_routes(saleor: SmallSaleor) -> list[Route]:
    """Return the routes of the control API."""
    control = _Control(saleor)
    return [
        Route("/state", _careful(control.state)),
        Route("/messages", _careful(control.messages)),
        Route("/feed", _careful(control.feed)),
        Route("/apps", _careful(control.install), methods=["POST"]),
        Route("/apps/{identifier}", _careful(control.delete), methods=["DELETE"]),
        Route("/faults", _careful(control.set_fault), methods=["POST"]),
        Route("/faults", _careful(control.lift_fault), methods=["DELETE"]),
        Route("/keys", _careful(control.rotate_keys), methods=["POST"]),
        Route("/transactions/{id:path}/actions", _careful(control.request_action), methods=["POST"]),
        Route("/webhooks", _careful(control.send_webhook), methods=["POST"]),
        Route("/reset", _careful(control.reset), methods=["POST"]),
    ]


def _careful(handle: Handler) -> Handler:
    """Tell a caller who asked wrongly what was wrong."""

    async def handled(request: Request) -> Response:
        try:
            return await handle(request)
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, 400)
        except NotHeld as error:
            return JSONResponse({"error": f"not held: {error}"}, 404)
        except InstallationFailed as error:
            return JSONResponse({"error": str(error)}, 422)

    return handled


class _Control:
    def __init__(self, saleor: SmallSaleor) -> None:
        self._saleor = saleor

    async def state(self, _request: Request) -> Response:
        """Show what this Saleor holds."""
        return JSONResponse(overview(self._saleor))

    async def messages(self, request: Request) -> Response:
        """Show the messages after a given one."""
        return JSONResponse({"messages": self._saleor.log.after(_after(request, "after"))})

    async def feed(self, request: Request) -> Response:
        """Show the messages of this Saleor and of the CinetPay sandbox, in one order."""
        own = self._saleor.log.after(_after(request, "after"))
        theirs = await self._cinetpay_messages(_after(request, "cinetpayAfter"))
        both = [{"source": "saleor", **m} for m in own] + [{"source": "cinetpay", **m} for m in theirs]
        return JSONResponse({"messages": sorted(both, key=lambda message: str(message["at"]))})

    async def _cinetpay_messages(self, after: int) -> list[dict[str, Any]]:
        base = self._saleor.config.cinetpay_sandbox_url
        if base is None:
            return []
        try:
            async with httpx.AsyncClient(timeout=FETCH_TIMEOUT_S) as http:
                response = await http.get(f"{base.rstrip('/')}/_sandbox/messages", params={"after": after})
                read = response.raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            return []
        messages = read.get("messages") if isinstance(read, dict) else None
        return messages if isinstance(messages, list) else []

    async def install(self, request: Request) -> Response:
        """Install an app."""
        asked = _Install.model_validate_json(await request.body())
        return JSONResponse(app_shown(await self._saleor.install_app(asked.manifest_url)), 201)

    async def delete(self, request: Request) -> Response:
        """Delete an app."""
        identifier = request.path_params["identifier"]
        if identifier not in self._saleor.store.apps:
            raise NotHeld(identifier)
        await self._saleor.delete_app(identifier)
        return Response(status_code=204)

    async def set_fault(self, request: Request) -> Response:
        """Let the API go wrong."""
        asked = _Fault.model_validate_json(await request.body())
        self._saleor.faults.set(asked.kind, calls=asked.calls, seconds=asked.seconds)
        return Response(status_code=204)

    async def lift_fault(self, _request: Request) -> Response:
        """Let the API go right again."""
        self._saleor.faults.lift()
        return Response(status_code=204)

    async def rotate_keys(self, _request: Request) -> Response:
        """Sign with a new key."""
        self._saleor.rotate_keys()
        return JSONResponse(self._saleor.keys.jwks())

    async def request_action(self, request: Request) -> Response:
        """Ask for a refund, a charge or a cancelation as staff do."""
        transaction = self._transaction(request.path_params["id"])
        asked = _Action.model_validate_json(await request.body())
        refusal = self._saleor.actions.request(transaction, asked.action, asked.amount, asked.reason)
        return JSONResponse({"error": refusal.message}, 409) if refusal else Response(status_code=202)

    async def send_webhook(self, request: Request) -> Response:
        """Send a webhook as it may be, or as it may not."""
        asked = _Webhook.model_validate_json(await request.body())
        transaction = self._transaction(asked.transaction)
        app = self._saleor.store.apps.get(transaction.app_identifier)
        if app is None or not app.webhook_for(asked.event) or not app.webhook_for(asked.to or asked.event):
            raise NotHeld(asked.event)
        reply = await self._saleor.send_webhook(
            asked.event,
            transaction,
            changes=asked.changes,
            body=None if asked.body is None else asked.body.encode(),
            signature=asked.signature,
            headers=asked.headers,
            to=asked.to,
        )
        return JSONResponse({"status": reply.status, "answer": reply.json})

    async def reset(self, _request: Request) -> Response:
        """Forget everything but the apps."""
        self._saleor.reset()
        return Response(status_code=204)

    def _transaction(self, written_id: str) -> Transaction:
        transaction = self._saleor.store.transaction(written_id)
        if transaction is None:
            raise NotHeld(written_id)
        return transaction


def _after(request: Request, name: str) -> int:
    written = request.query_params.get(name, "0")
    return int(written) if written.isdigit() else 0
