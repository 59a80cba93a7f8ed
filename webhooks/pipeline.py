"""What all doors of Saleor share: who calls, what they say, how long they wait, and what they get when we can't.

    limit -> signed at all -> read, event -> installation -> signature -> recipient, age -> the door -> answer

A caller who is refused gets a 4xx before anything is written or sent. A genuine one always gets a 200 that is
valid for its event, within 10 s; where the database or CinetPay fails, the door says what it can't know.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

import structlog
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from saleor_cinetpay import metrics
from saleor_cinetpay.chance import Chance
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import (
    AppError,
    CallRefused,
    LedgerUnavailable,
    PaymentImpossible,
    SaleorError,
    SignatureInvalid,
    TooBusy,
    UnknownKey,
    Unreadable,
)
from saleor_cinetpay.gathering import Gathering
from saleor_cinetpay.locale import text
from saleor_cinetpay.saleor.address import normalised
from saleor_cinetpay.saleor.key_renewal import KeyRenewal, parsed_keys
from saleor_cinetpay.saleor.keys import verify_webhook
from saleor_cinetpay.shops.installations import Installation, Installations
from webhooks.answers import Answer
from webhooks.payloads import SaleorCall, read_json

BODY_LIMIT_BYTES = 1024 * 1024
LARGE_BODY_BYTES = 64 * 1024
MOST_LARGE_BODIES = 32
"""At once; Saleor's own bodies are far smaller, so strangers can't fill the memory with large ones."""
TOGETHER_S = 0.05
"""How far apart the database is asked at least about callers who have proved nothing yet."""
MOST_TOGETHER = 200
BUDGET_S = 9.0
OLDEST = timedelta(hours=24)

log = structlog.get_logger(__name__)
Payload = TypeVar("Payload", bound=SaleorCall)


@dataclass(frozen=True, slots=True, kw_only=True)
class Genuine(Generic[Payload]):
    """A call that Saleor really made, to us."""

    payload: Payload
    installation: Installation
    deadline: datetime
    """When the answer must be ready."""


class Door(Protocol[Payload]):
    """One event of Saleor's."""

    event: str
    """In the address: `transaction-initialize-session`."""
    payload: type[Payload]
    """Its name is the event's `__typename`."""

    async def answer(self, call: Genuine[Payload]) -> Answer:
        """Answer a genuine call.

        Raises:
            PaymentImpossible: answered by `failure`.
            LedgerUnavailable: answered by `failure` as well.
        """
        ...

    def failure(self, payload: Payload, error: PaymentImpossible) -> Answer:
        """Answer that it can't be done, or can't be known, without asking anybody."""
        ...


class Pipeline:
    """Takes Saleor's webhooks to their doors."""

    def __init__(
        self,
        *,
        installations: Installations,
        keys: KeyRenewal[Installation],
        clock: Clock,
        chance: Chance,
        base_url: str | None = None,
    ) -> None:
        """`base_url` is the app's public address, where the operator has set one; else each installation's own."""
        self._installations = installations
        self._keys = keys
        self._clock = clock
        self._chance = chance
        self._base_url = base_url
        self._called_off: set[asyncio.Task[Answer]] = set()
        self._unproved = Gathering(installations.find_all, spacing_s=TOGETHER_S, most=MOST_TOGETHER, clock=clock)
        self._large_bodies = 0

    def routes(self, doors: Sequence[Door[Payload]]) -> list[Route]:
        """Return one route for each door."""
        return [Route(f"/api/webhooks/{door.event}", self._endpoint(door), methods=["POST"]) for door in doors]

    def _endpoint(self, door: Door[Payload]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            with structlog.contextvars.bound_contextvars(event=door.event, call=self._chance.token()):
                return await self._take(door, request)

        return endpoint

    async def _take(self, door: Door[Payload], request: Request) -> Response:
        deadline = self._clock.now() + timedelta(seconds=BUDGET_S)
        began_at = time.perf_counter()
        payload: Payload | None = None
        try:
            async with asyncio.timeout(BUDGET_S):
                body = await self._body(request)
            if not body.strip():
                raise CallRefused(400, "BODY_EMPTY", "the body is empty")
            claim = _claimed(request)
            payload = _read(door, body)
            answer = await self._in_time(self._answer(door, claim, body, payload, deadline), deadline)
        except CallRefused as refused:
            log.warning("webhook_refused", status=refused.status, code=refused.code, reason=str(refused))
            metrics.webhook(door.event, refused.code).observe(time.perf_counter() - began_at)
            return JSONResponse({"message": str(refused)}, status_code=refused.status)
        except Exception as error:  # the outer border of all doors: a genuine call gets a valid answer, come what may
            if payload is None:
                log.error("webhook_unread", error=type(error).__name__)
                metrics.webhook(door.event, "BODY_UNREAD").observe(time.perf_counter() - began_at)
                return JSONResponse({"message": "the request was not received in time"}, status_code=400)
            answer = door.failure(payload, _impossible(error))
        log.info("webhook_answered", result=answer.get("result"))
        metrics.webhook(door.event, str(answer.get("result", "answered"))).observe(time.perf_counter() - began_at)
        return JSONResponse(answer)

    async def _answer(
        self, door: Door[Payload], claim: "_Claim", body: bytes, payload: Payload, deadline: datetime
    ) -> Answer:
        installation = await self._authenticate(claim, body, payload)
        self._check_age(payload)
        return await door.answer(Genuine(payload=payload, installation=installation, deadline=deadline))

    async def _in_time(self, answering: Coroutine[Any, Any, Answer], deadline: datetime) -> Answer:
        """Wait for an answer no longer than there is time, also where a database call can't be called off at once.

        Raises:
            TimeoutError: when the time is over; what is under way then is called off, and not waited for.
        """
        task = asyncio.create_task(answering)
        left_s = (deadline - self._clock.now()).total_seconds()
        await asyncio.wait({task}, timeout=left_s)
        if not task.done():
            task.cancel()
            self._called_off.add(task)
            task.add_done_callback(self._forget)
            raise TimeoutError
        return task.result()

    def _forget(self, task: "asyncio.Task[Answer]") -> None:
        self._called_off.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("webhook_called_off", error=str(error) or type(error).__name__)

    async def _authenticate(self, claim: "_Claim", body: bytes, payload: SaleorCall) -> Installation:
        app_id = payload.recipient.id
        installation = await self._proved(claim.saleor_api_url, claim.signature, body, app_id)
        if app_id != installation.app_id:
            raise CallRefused(401, "RECIPIENT_WRONG", "the call is meant for another app")
        return installation if self._base_url is None else replace(installation, app_base_url=self._base_url)

    async def _proved(self, saleor_api_url: str, signature: str, body: bytes, app_id: str) -> Installation:
        """Return the installation that has signed a call.

        What this process remembers proves a genuine call; only then is the database asked for it alone. Who has
        proved nothing waits until the database is asked about all of those together.
        """
        remembered = self._installations.recall(saleor_api_url)
        doubt = _doubt(body, signature, remembered) if remembered else None
        if remembered is not None and doubt is None:
            installation = await self._installed(saleor_api_url, app_id)
        else:
            installation = await self._among_strangers(saleor_api_url)
        if installation is None:
            raise CallRefused(401, "INSTALLATION_UNKNOWN", "the app is not installed in that Saleor")
        if remembered is None or installation.key_set != remembered.key_set:
            doubt = _doubt(body, signature, installation)
        if isinstance(doubt, UnknownKey):
            installation = await self._keys.renewed(installation, doubt)
            doubt = _doubt(body, signature, installation)
        if doubt is not None:
            raise doubt
        return installation

    async def _installed(self, saleor_api_url: str, app_id: str) -> Installation | None:
        """Return the installation as it was a moment ago, or, where it was another app then, as it is now."""
        recent = await self._installations.find(saleor_api_url)
        if recent is not None and recent.app_id == app_id:
            return recent
        return await self._installations.find_now(saleor_api_url)

    async def _among_strangers(self, saleor_api_url: str) -> Installation | None:
        try:
            found = await self._unproved.ask(saleor_api_url)
        except TooBusy as error:
            raise CallRefused(503, "TOO_BUSY", str(error)) from error
        if isinstance(found, Unreadable):
            raise found
        return found

    async def _body(self, request: Request) -> bytes:
        body, large = bytearray(), False
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_LIMIT_BYTES:
                    raise CallRefused(413, "BODY_TOO_LARGE", f"the body is larger than {BODY_LIMIT_BYTES} bytes")
                if len(body) > LARGE_BODY_BYTES and not large:
                    if self._large_bodies >= MOST_LARGE_BODIES:
                        raise CallRefused(503, "TOO_BUSY", "too many large bodies at once")
                    large = True
                    self._large_bodies += 1
        finally:
            self._large_bodies -= large
        return bytes(body)

    def _check_age(self, payload: SaleorCall) -> None:
        if payload.issued_at < self._clock.now() - OLDEST:
            raise CallRefused(400, "CALL_TOO_OLD", "the call was issued more than 24 hours ago")


@dataclass(frozen=True, slots=True)
class _Claim:
    """By whom a call says that it is signed."""

    saleor_api_url: str
    signature: str


def _claimed(request: Request) -> _Claim:
    signature = request.headers.get("saleor-signature") or request.headers.get("x-saleor-signature")
    said = request.headers.get("saleor-api-url") or request.headers.get("x-saleor-api-url")
    if not signature or not said:
        raise CallRefused(401, "SIGNATURE_MISSING", "the call is not signed, or does not say by which Saleor")
    try:
        return _Claim(normalised(said), signature)
    except SaleorError:
        raise CallRefused(401, "INSTALLATION_UNKNOWN", "the app is not installed in that Saleor") from None


def _read(door: Door[Payload], body: bytes) -> Payload:
    try:
        content = read_json(body)
    except ValueError:
        raise CallRefused(400, "BODY_UNREADABLE", "the body is no JSON") from None
    if not isinstance(content, dict):
        raise CallRefused(400, "BODY_UNREADABLE", "the body is no JSON object")
    if content.get("__typename") != door.payload.__name__:
        raise CallRefused(400, "EVENT_WRONG", "the body is of another event than the address")
    try:
        return door.payload.model_validate(content)
    except ValidationError as error:
        fields = ", ".join(".".join(str(part) for part in problem["loc"]) for problem in error.errors()[:5])
        raise CallRefused(400, "BODY_UNREADABLE", f"the body lacks what the subscription selects: {fields}") from None


def _doubt(body: bytes, signature: str, installation: Installation) -> CallRefused | None:
    """Say why a call is not signed by that installation; None where it is."""
    try:
        verify_webhook(body, signature, parsed_keys(installation.key_set))
    except (SignatureInvalid, UnknownKey) as doubt:
        return doubt
    return None


def _impossible(error: Exception) -> PaymentImpossible:
    if isinstance(error, PaymentImpossible):
        return error
    if isinstance(error, LedgerUnavailable | TimeoutError | Unreadable):
        log.error("webhook_not_done", error=str(error) or type(error).__name__)
    else:
        log.error("webhook_broke", exc_info=error)
    known = error if isinstance(error, AppError) else AppError(type(error).__name__)
    return PaymentImpossible(
        "TRY_LATER",
        buyer=text("Something went wrong on our side. Please try again in a few minutes."),
        merchant=known.merchant,
    )
