"""A Saleor is installed only after its address, its token and its keys were proved."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx2 as httpx
import pytest
import structlog
from saleor_fake import API_URL, APP_ID, IDENTIFIER, TOKEN, FakeSaleor, signing_key
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, RedirectResponse

from saleor_cinetpay.errors import AddressForbidden, LedgerUnavailable
from saleor_cinetpay.saleor.address import AddressRules
from saleor_cinetpay.saleor.client import SaleorClient
from saleor_cinetpay.saleor.installing import Installing, routes
from saleor_cinetpay.saleor.outbound import public_http
from saleor_cinetpay.saleor.registration import Registration

JWKS = json.dumps({"keys": [signing_key("shop-key").jwk()]})
PATTERN = "https://*.example/graphql/"


@dataclass
class Shelf:
    """Keeps installations, or can't."""

    kept: list[Registration] = field(default_factory=list)
    broken: bool = False

    async def register(self, registration: Registration) -> None:
        if self.broken:
            raise LedgerUnavailable("the disk is full")
        self.kept.append(registration)


@pytest.fixture
def shop() -> FakeSaleor:
    return FakeSaleor(jwks=JWKS)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def asking(shop_http: httpx.AsyncBaseTransport, shelf: Shelf, base_url: str | None = None) -> httpx.AsyncClient:
    """Return a client of the app, whose own calls to Saleor go through `shop_http`."""
    installing = Installing(
        app_id=IDENTIFIER,
        base_url=base_url,
        rules=AddressRules(allowed=(PATTERN,)),
        saleor=SaleorClient(shop_http),
        installations=shelf,
    )
    app = Starlette(routes=routes(installing))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://app.example")


@pytest.fixture
async def app(shop: FakeSaleor, shelf: Shelf) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(shop.http(), shelf) as client:
        yield client


async def post(app: httpx.AsyncClient, *, token: str = TOKEN, url: str = API_URL) -> httpx.Response:
    return await app.post("/api/register", json={"auth_token": token}, headers={"saleor-api-url": url})


async def test_registration(app: httpx.AsyncClient, shelf: Shelf, shop: FakeSaleor) -> None:
    """A proved Saleor is kept with all that later calls need."""
    answer = await post(app, url="https://SHOP.example:443/graphql/")

    assert (200, {"success": True}) == (answer.status_code, answer.json())
    (kept,) = shelf.kept
    assert TOKEN == kept.token.get_secret_value()
    assert (API_URL, APP_ID, "3.23.28") == (kept.saleor_api_url, kept.app_id, kept.saleor_version)
    assert (JWKS, "https://app.example") == (kept.key_set, kept.app_base_url)
    assert (1, 1) == (len(shop.requests), shop.key_set_reads)


async def test_old_header_counts(app: httpx.AsyncClient, shelf: Shelf) -> None:
    """The header with X- in front counts where the other is missing."""
    answer = await app.post("/api/register", json={"auth_token": TOKEN}, headers={"x-saleor-api-url": API_URL})

    assert (200, 1) == (answer.status_code, len(shelf.kept))


async def test_base_url_is_the_operators(shop: FakeSaleor, shelf: Shelf) -> None:
    """APP_API_BASE_URL counts before what the request was asked at, and no other header does."""
    async with asking(shop.http(), shelf, base_url="https://public.example/app/") as app:
        await post(app)
        manifest = await app.get("/api/manifest", headers={"x-forwarded-host": "evil.example", "origin": "https://e"})

    assert "https://public.example/app" == shelf.kept[0].app_base_url
    assert "https://public.example/app/api/register" == manifest.json()["tokenTargetUrl"]


async def test_manifest(app: httpx.AsyncClient) -> None:
    """Without APP_API_BASE_URL the manifest's addresses are those that it was asked at."""
    manifest = await app.get(
        "/api/manifest", headers={"saleor-schema-version": "3.20", "x-forwarded-host": "e.example"}
    )

    assert (200, "our.app") == (manifest.status_code, manifest.json()["id"])
    assert "https://app.example/api/register" == manifest.json()["tokenTargetUrl"]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    told = answer.json()
    assert False is told["success"]
    assert told["error"]["message"]
    assert TOKEN not in answer.text
    return answer.status_code, told["error"]["code"]


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/graphql/",
        "https://shop.other/graphql/",
        "https://shop.example@evil.other/graphql/",
        "https://shop.example/graphql/?x",
        "https://127.0.0.1/graphql/",
        "javascript:alert(1)",
    ],
)
async def test_forbidden_address(app: httpx.AsyncClient, shop: FakeSaleor, shelf: Shelf, url: str) -> None:
    """An address that the operator does not allow is refused before anything is asked there."""
    assert (403, "SALEOR_URL_PROHIBITED") == refusal(await post(app, url=url))
    assert (0, 0, []) == (len(shop.requests), shop.key_set_reads, shelf.kept)


async def test_address_that_leads_inside(shelf: Shelf) -> None:
    """An allowed name that leads to a private address is refused, and the answer does not say where it leads."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.215.14", "10.1.2.3"]

    async with public_http(development=False, resolve=resolve) as http, asking(http, shelf) as app:
        answer = await post(app)

    assert (403, "SALEOR_URL_PROHIBITED") == refusal(answer)
    assert "10.1.2.3" not in answer.text


async def test_name_that_turns_inside(shop: FakeSaleor, shelf: Shelf) -> None:
    """A name that leads inside only when the keys are read is refused like one that always did."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            raise AddressForbidden("shop.example leads to 10.1.2.3")
        return httpx.Response(200, json={"data": {"app": shop.app(None), "shop": shop.shop(None)}})

    async with asking(httpx.MockTransport(answer), shelf) as app:
        assert (403, "SALEOR_URL_PROHIBITED") == refusal(await post(app))


async def test_missing_address(app: httpx.AsyncClient) -> None:
    """A registration that does not say for which Saleor is refused."""
    assert (400, "SALEOR_URL_MISSING") == refusal(await app.post("/api/register", json={"auth_token": TOKEN}))


@pytest.mark.parametrize("token", ["somebody-elses", "a\nb", "é"])
async def test_token_that_is_not_accepted(app: httpx.AsyncClient, shelf: Shelf, token: str) -> None:
    """A token that this Saleor does not accept proves nothing."""
    assert (401, "UNKNOWN_APP_ID") == refusal(await post(app, token=token))
    assert [] == shelf.kept


@pytest.mark.parametrize("identifier", ["another.app", "QXBwOjE=", ""])
async def test_token_of_another_app(app: httpx.AsyncClient, shop: FakeSaleor, shelf: Shelf, identifier: str) -> None:
    """Another app of the same Saleor, or one made there by hand, can't put its token in the place of ours."""
    shop.identifier = identifier

    answer = await post(app)

    assert (403, "OTHER_APP") == refusal(answer)
    assert "Install our.app from the address of its manifest" in answer.json()["error"]["message"]
    assert [] == shelf.kept


async def test_saleor_that_names_no_identifier(app: httpx.AsyncClient, shop: FakeSaleor, shelf: Shelf) -> None:
    """A Saleor that does not say which app the token is of has said nothing against it."""
    shop.identifier = None

    assert (200, 1) == ((await post(app)).status_code, len(shelf.kept))


async def test_missing_permission(app: httpx.AsyncClient, shop: FakeSaleor, shelf: Shelf) -> None:
    """Without HANDLE_PAYMENTS the app could do nothing, so staff hear it now."""
    shop.permissions = ("MANAGE_ORDERS",)

    assert (403, "PERMISSION_MISSING") == refusal(await post(app))
    assert [] == shelf.kept


@pytest.mark.parametrize("jwks", ["", "<html>", '{"keys": []}', " " * 70_000])
async def test_no_keys(app: httpx.AsyncClient, shop: FakeSaleor, shelf: Shelf, jwks: str) -> None:
    """Without keys no webhook could ever be verified, so nothing is kept."""
    shop.jwks = jwks

    assert (401, "JWKS_NOT_AVAILABLE") == refusal(await post(app))
    assert [] == shelf.kept


@pytest.mark.parametrize(
    "answer", [HTMLResponse("Sign in"), RedirectResponse("https://evil.other/"), HTMLResponse("", 502)]
)
async def test_no_saleor_there(
    app: httpx.AsyncClient, shop: FakeSaleor, shelf: Shelf, answer: HTMLResponse | RedirectResponse
) -> None:
    """Where something else answers, staff are told that it is not their Saleor."""
    shop.fixed_answer = answer

    assert (424, "SALEOR_UNREACHABLE") == refusal(await post(app))
    assert [] == shelf.kept


async def test_ledger_is_away(app: httpx.AsyncClient, shelf: Shelf) -> None:
    """Where nothing can be kept, Saleor is told to come again."""
    shelf.broken = True

    assert (503, "LEDGER_UNAVAILABLE") == refusal(await post(app))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "BODY_UNREADABLE")),
        (b"\xff", (400, "BODY_UNREADABLE")),
        (b"[" * 60_000, (400, "BODY_UNREADABLE")),
        (b"[]", (400, "AUTH_TOKEN_MISSING")),
        (b'{"auth_token": ""}', (400, "AUTH_TOKEN_MISSING")),
        (b'{"auth_token": 1}', (400, "AUTH_TOKEN_MISSING")),
        (b" " * 66_000, (413, "BODY_TOO_LARGE")),
    ],
)
async def test_odd_body(app: httpx.AsyncClient, body: bytes, expected: tuple[int, str]) -> None:
    """A body that holds no token is refused with what it should have been."""
    assert expected == refusal(await app.post("/api/register", content=body, headers={"saleor-api-url": API_URL}))


async def test_logged_without_the_token(
    app: httpx.AsyncClient, shop: FakeSaleor, caplog: pytest.LogCaptureFixture
) -> None:
    """Registrations and refusals are logged, the token never."""
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logs:
        await post(app)
        shop.jwks = ""
        await post(app)

    assert [
        ("registered", "info"),
        ("registration_refused", "warning"),
    ] == [(entry["event"], entry["log_level"]) for entry in logs]
    assert TOKEN not in repr(logs) + caplog.text
