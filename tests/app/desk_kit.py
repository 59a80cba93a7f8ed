"""A person of the shop's staff at the desk, with a token as the Dashboard has it, but without a browser."""

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx2 as httpx
from app_kit import World

DASHBOARD = "https://dashboard.shop.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Somebody who is logged in to the shop's Dashboard."""

    world: World
    email: str = "awa@example.com"
    permissions: tuple[str, ...] = ("HANDLE_PAYMENTS",)
    language: str = "en"
    changes: dict[str, Any] = field(default_factory=dict)
    """Claims of the token that are other than they should be; None takes one away."""

    def headers(self, **others: str) -> dict[str, str]:
        """Return what the desk's script sends with each request."""
        saleor = self.world.saleor
        app = saleor.store.apps[self.world.settings.manifest_app_id]
        token = saleor.dashboard_token(app, self.permissions, email=self.email, changes=self.changes)
        return {
            "Authorization": f"Bearer {token}",
            "Saleor-Api-Url": saleor.config.api_url,
            "Accept-Language": self.language,
        } | {name.replace("_", "-"): value for name, value in others.items()}

    async def gets(self, path: str = "", **headers: str) -> httpx.Response:
        """Open a page (a path below `/dashboard`)."""
        return await self.world.http.get(f"{self.world.app}/dashboard{path}", headers=self.headers(**headers))

    async def posts(self, path: str, form: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        """Send a form."""
        address = f"{self.world.app}/dashboard{path}"
        return await self.world.http.post(address, data=form or {}, headers=self.headers(**headers))


def heading(reply: httpx.Response) -> str:
    """Return the page's heading."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", reply.text, re.DOTALL)
    assert found is not None, reply.text
    return plain(found[1])


def plain(html: str) -> str:
    """Return a page's words, without its marks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())
