"""The two addresses that Saleor calls when staff install the app: the manifest and the registration."""

import json
from dataclasses import dataclass

import structlog
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from saleor_cinetpay.errors import CallRefused, LedgerUnavailable
from saleor_cinetpay.saleor.address import AddressRules
from saleor_cinetpay.saleor.client import SaleorClient
from saleor_cinetpay.saleor.manifest import TOKEN_TARGET_PATH, build_manifest, declared_webhooks
from saleor_cinetpay.saleor.registration import Installations, register

BODY_LIMIT_BYTES = 64 * 1024

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installing:
    """What the two endpoints need."""

    app_id: str
    """MANIFEST_APP_ID."""
    base_url: str | None
    """APP_API_BASE_URL; without it, what the request was asked at."""
    rules: AddressRules
    saleor: SaleorClient
    installations: Installations

    async def manifest(self, request: Request) -> Response:
        """Answer `GET /api/manifest` for the Saleor that asks."""
        manifest = build_manifest(
            base_url=self._base_url_of(request),
            app_id=self.app_id,
            schema_version=request.headers.get("saleor-schema-version"),
            webhooks=declared_webhooks(),
        )
        return JSONResponse(manifest)

    async def register(self, request: Request) -> Response:
        """Answer `POST /api/register`; a refusal's message is what staff see in their Dashboard."""
        saleor_api_url = request.headers.get("saleor-api-url") or request.headers.get("x-saleor-api-url")
        try:
            registration = await register(
                saleor_api_url=saleor_api_url,
                auth_token=_auth_token(await _body(request)),
                identifier=self.app_id,
                base_url=self._base_url_of(request),
                rules=self.rules,
                saleor=self.saleor,
                installations=self.installations,
            )
        except CallRefused as refusal:
            _log.warning("registration_refused", saleor_api_url=saleor_api_url, code=refusal.code, reason=str(refusal))
            return _failure(refusal.status, refusal.code, str(refusal))
        except LedgerUnavailable as error:
            _log.error("registration_failed", saleor_api_url=saleor_api_url, reason=str(error))
            return _failure(503, "LEDGER_UNAVAILABLE", "The app can't save anything just now. Try again in a minute.")
        _log.info(
            "registered",
            saleor_api_url=registration.saleor_api_url,
            app_id=registration.app_id,
            saleor_version=registration.saleor_version,
        )
        return JSONResponse({"success": True})

    def _base_url_of(self, request: Request) -> str:
        return (self.base_url or str(request.base_url)).rstrip("/")


def routes(installing: Installing) -> list[Route]:
    """Return the routes to mount at the root."""
    return [
        Route("/api/manifest", installing.manifest, methods=["GET"]),
        Route(TOKEN_TARGET_PATH, installing.register, methods=["POST"]),
    ]


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise CallRefused(413, "BODY_TOO_LARGE", f"The body is larger than {BODY_LIMIT_BYTES} bytes.")
    return bytes(body)


def _auth_token(body: bytes) -> SecretStr:
    try:
        claim = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CallRefused(400, "BODY_UNREADABLE", "The body is no JSON.") from error
    match claim:
        case {"auth_token": str() as token} if token:
            return SecretStr(token)
        case _:
            raise CallRefused(400, "AUTH_TOKEN_MISSING", 'The body must be {"auth_token": "..."}.')


def _failure(status: int, code: str, message: str) -> Response:
    return JSONResponse({"success": False, "error": {"code": code, "message": message}}, status_code=status)
