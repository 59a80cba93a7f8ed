"""Apps are installed as Saleor does it: manifest, queries, token; what does not do leaves nothing behind."""

import httpx2 as httpx
import pytest
from sandbox_saleor_kit import APP_URL, GATEWAY, MANIFEST_URL, TinyApp, TurnedClock, saleor_with
from starlette.responses import JSONResponse, PlainTextResponse, Response

from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.sandbox.saleor.installing import InstallationFailed
from saleor_cinetpay.sandbox.saleor.small_saleor import SmallSaleor


def fresh(app: TinyApp, version: str = "3.23.28") -> SmallSaleor:
    return SmallSaleor(SaleorConfig(version=version), httpx.AsyncClient(transport=httpx.ASGITransport(app=app.asgi())))


async def test_an_installed_app() -> None:
    """Saleor asks for a manifest of its version and hands over a token, without a signature."""
    app = TinyApp()
    async with saleor_with(app, TurnedClock()) as saleor:
        installed = saleor.store.apps[GATEWAY]
        assert ("3.23", [installed.auth_token]) == (app.asked_for_version, app.tokens)
        assert {
            "saleor-api-url": "http://127.0.0.1:8010/graphql/",
            "saleor-domain": "127.0.0.1:8010",
            "x-saleor-domain": "127.0.0.1:8010",
            "saleor-schema-version": "3.23",
        }.items() <= app.registered_with.items()
        assert "saleor-signature" not in app.registered_with


async def test_installing_anew_takes_a_deletion() -> None:
    """What is installed is not installed again; after a deletion the app has another token and another id."""
    app = TinyApp()
    async with saleor_with(app, TurnedClock()) as saleor:
        first = saleor.store.apps[GATEWAY]
        with pytest.raises(InstallationFailed, match="already installed: Tiny"):
            await saleor.install_app(MANIFEST_URL)
        assert {GATEWAY: first} == saleor.store.apps
        await saleor.delete_app(GATEWAY)
        assert {} == saleor.store.apps
        again = await saleor.install_app(MANIFEST_URL)
        assert first.id != again.id
        assert first.auth_token != again.auth_token
        assert saleor.store.app_of(first.auth_token) is None


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (
            "subscription { event { ... on TransactionInitializeSession { nonsense } } }",
            "Cannot query field 'nonsense'",
        ),
        ("subscription {", "Syntax Error"),
        ("query { shop { version } }", "Only subscriptions are allowed"),
    ],
)
async def test_a_query_that_saleor_does_not_understand(query: str, reason: str) -> None:
    """One bad query fails the whole installation, before any token is handed over."""
    app = TinyApp()
    app.queries["TRANSACTION_PROCESS_SESSION"] = query
    saleor = fresh(app)
    with pytest.raises(InstallationFailed, match=reason):
        await saleor.install_app(MANIFEST_URL)
    assert ([], {}) == (app.tokens, saleor.store.apps)
    await saleor.close()


async def test_queries_are_checked_against_this_very_version() -> None:
    """A field that came with 3.22 fails in 3.21."""
    app = TinyApp()
    app.queries["TRANSACTION_PROCESS_SESSION"] = (
        "subscription { event { ... on TransactionProcessSession { transaction { paymentMethodDetails { name } } } } }"
    )
    newer, older = fresh(app, "3.22.1"), fresh(app, "3.21.9")
    await newer.install_app(MANIFEST_URL)
    with pytest.raises(InstallationFailed, match="paymentMethodDetails"):
        await older.install_app(MANIFEST_URL)
    await newer.close()
    await older.close()


@pytest.mark.parametrize(
    ("version", "changes", "refused"),
    [
        ("3.22.1", {}, False),
        ("3.21.9", {}, True),
        ("3.21.9", {"mount": "ORDER_DETAILS_MORE_ACTIONS", "target": "POPUP"}, False),
        ("3.22.1", {"permissions": ["MANAGE_ORDERS"]}, True),
        ("3.22.1", {"url": "/relative"}, True),
    ],
)
async def test_extensions_are_checked_against_this_very_version(
    version: str, changes: dict[str, object], refused: bool
) -> None:
    """A mount that the version lacks, a permission that the app lacks, a widget without a full address: refused."""
    extension = {"label": "X", "mount": "ORDER_DETAILS_WIDGETS", "target": "WIDGET", "url": f"{APP_URL}/beside"}
    saleor = fresh(TinyApp(manifest={"extensions": [extension | changes]}), version)
    if refused:
        with pytest.raises(InstallationFailed):
            await saleor.install_app(MANIFEST_URL)
    else:
        assert f"{APP_URL}/beside" == (await saleor.install_app(MANIFEST_URL)).extensions[0].url
    await saleor.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            JSONResponse({"success": False, "error": {"code": "SALEOR_URL_PROHIBITED", "message": "Not here."}}, 403),
            "^Not here.$",
        ),
        (PlainTextResponse("oops", 500), r"^App internal error \(500\).$"),
        (Response(status_code=302, headers={"Location": APP_URL}), r"^App internal error \(302\).$"),
    ],
)
async def test_a_registration_that_is_refused(answer: Response, reason: str) -> None:
    """Anything but a 2xx deletes the app, and staff see why."""
    saleor = fresh(TinyApp(registration=answer))
    with pytest.raises(InstallationFailed, match=reason):
        await saleor.install_app(MANIFEST_URL)
    assert {} == saleor.store.apps
    await saleor.close()


async def test_a_manifest_that_is_none() -> None:
    """A manifest that lacks what it must have is refused by name."""
    app = TinyApp(manifest={"version": None})
    saleor = fresh(app)
    with pytest.raises(InstallationFailed, match="version"):
        await saleor.install_app(MANIFEST_URL)
    with pytest.raises(InstallationFailed, match="404"):
        await saleor.install_app(f"{APP_URL}/nowhere")
    await saleor.close()


async def test_a_deleted_app_is_told() -> None:
    """An app that asked for it hears of its own deletion."""
    app = TinyApp(answers={"APP_DELETED": {}})
    app.queries["APP_DELETED"] = "subscription { event { ... on AppDeleted { __typename app { id } } } }"
    async with saleor_with(app, TurnedClock()) as saleor:
        app_id = saleor.store.apps[GATEWAY].id
        await saleor.delete_app(GATEWAY)
    assert {"__typename": "AppDeleted", "app": {"id": app_id}} == app.calls[-1].body
