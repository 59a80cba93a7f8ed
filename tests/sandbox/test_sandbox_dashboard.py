"""The small Dashboard hands out tokens as the real one does, to the people it knows."""

from typing import Any

import httpx2 as httpx
import jwt
import pytest
from sandbox_saleor_kit import GATEWAY, TinyApp, TurnedClock, saleor_with

from saleor_cinetpay.sandbox.saleor.app import serve_saleor
from saleor_cinetpay.sandbox.saleor.small_saleor import SmallSaleor


async def asked(saleor: SmallSaleor, **asked: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=serve_saleor(saleor))
    async with httpx.AsyncClient(transport=transport, base_url=saleor.config.url) as http:
        return await http.post("/dashboard/token", json=asked)


@pytest.mark.parametrize(
    ("email", "permissions"),
    [("awa@example.com", ["HANDLE_PAYMENTS", "MANAGE_ORDERS"]), ("koffi@example.com", ["MANAGE_ORDERS"])],
)
async def test_a_token_speaks_for_whom_is_logged_in(email: str, permissions: list[str]) -> None:
    """The token names the person and what that person may do."""
    async with saleor_with(TinyApp(), TurnedClock()) as saleor:
        reply = await asked(saleor, app=saleor.store.apps[GATEWAY].id, email=email, lifetime=60)
    claims = jwt.decode(reply.json()["token"], options={"verify_signature": False})
    assert (email, permissions, 60) == (claims["email"], claims["user_permissions"], claims["exp"] - claims["iat"])


async def test_nobody_else_gets_a_token() -> None:
    """A person or an app that is not there gets no token."""
    async with saleor_with(TinyApp(), TurnedClock()) as saleor:
        stranger = await asked(saleor, app=saleor.store.apps[GATEWAY].id, email="eve@example.com")
        elsewhere = await asked(saleor, app="QXBwOjk5", email="awa@example.com")
    assert [404, 404] == [stranger.status_code, elsewhere.status_code]
