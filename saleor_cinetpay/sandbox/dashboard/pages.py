"""The small Dashboard's one page, which its script fills for each address, and the tokens that it asks for."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from saleor_cinetpay.sandbox.saleor.records import App

if TYPE_CHECKING:
    from saleor_cinetpay.sandbox.saleor.small_saleor import SmallSaleor

HERE = Path(__file__).parent
MOUNT = "/dashboard"
STAFF: dict[str, tuple[str, ...]] = {
    "awa@example.com": ("HANDLE_PAYMENTS", "MANAGE_ORDERS"),
    "koffi@example.com": ("MANAGE_ORDERS",),
}
"""Who can be logged in, and what each may do."""
LONGEST_LIFE_S = 300

_templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)


def dashboard_routes(saleor: "SmallSaleor", *, app_origins: Sequence[str]) -> list[BaseRoute]:
    """Return the Dashboard, below `/dashboard` as Saleor's image has it; it may frame pages of those origins."""
    dashboard = _Dashboard(saleor, tuple(app_origins))
    return [
        Mount(f"{MOUNT}/static", StaticFiles(directory=HERE / "static")),
        Route(f"{MOUNT}/token", dashboard.token, methods=["POST"]),
        Route(MOUNT, dashboard.page),
        Route(f"{MOUNT}/{{path:path}}", dashboard.page),
    ]


class _Dashboard:
    def __init__(self, saleor: "SmallSaleor", app_origins: tuple[str, ...]) -> None:
        self._saleor = saleor
        self._policy = "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "img-src 'self' data:",
                "connect-src 'self'",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
                " ".join(("frame-src", *app_origins)) if app_origins else "frame-src *",
            )
        )

    async def page(self, _request: Request) -> Response:
        """Show the Dashboard."""
        context = {
            "apiUrl": self._saleor.config.api_url,
            "version": self._saleor.config.version,
            "staff": list(STAFF),
            "apps": [_shown(app) for app in self._saleor.store.apps.values()],
        }
        html = _templates.get_template("dashboard.html").render(context=_script_json(context))
        headers = {
            "Content-Security-Policy": self._policy,
            "Referrer-Policy": "strict-origin-when-cross-origin",
            "Cache-Control": "no-store",
        }
        return HTMLResponse(html, headers=headers)

    async def token(self, request: Request) -> Response:
        """Make a token for an app's page, in the name of somebody who is logged in."""
        asked = await request.json()
        app = next((app for app in self._saleor.store.apps.values() if app.id == asked.get("app")), None)
        if app is None or asked.get("email") not in STAFF:
            return JSONResponse({"error": "no such app or person"}, 404)
        lifetime_s = max(1, min(int(asked.get("lifetime") or LONGEST_LIFE_S), LONGEST_LIFE_S))
        email = asked["email"]
        token = self._saleor.dashboard_token(app, STAFF[email], lifetime_s, email=email)
        return JSONResponse({"token": token, "lifetime": lifetime_s})


def _shown(app: App) -> dict[str, Any]:
    return {
        "id": app.id,
        "name": app.name,
        "appUrl": app.app_url,
        "extensions": [
            {"label": e.label, "url": e.url, "mount": e.mount, "target": e.target, "id": e.identifier}
            for e in app.extensions
        ],
        "problems": [p.message for p in app.problems],
    }


def _script_json(value: object) -> Markup:
    """Write JSON that may stand in a script element."""
    return Markup(json.dumps(value).replace("<", "\\u003c"))  # noqa: S704  nothing is left that could end the element
