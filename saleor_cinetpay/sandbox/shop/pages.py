"""The storefront's pages: shells in the buyer's language, which small ES modules fill from Saleor's API."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

HERE = Path(__file__).parent
LANGUAGES = ("fr", "en")
COOKIE = "language"
YEAR_S = 365 * 86400

_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape(), undefined=StrictUndefined
)


def shop_routes(*, gateway_id: str, payment_origins: Sequence[str]) -> list[BaseRoute]:
    """Return the storefront, the live view and both side by side.

    `payment_origins` are where buyers may be led to pay: the payment page and the app.
    """
    shop = _Shop(gateway_id, tuple(payment_origins))
    pages = {"/": "shop", "/checkout": "checkout", "/return": "return", "/live": "live", "/demo": "demo"}
    return [
        *(Route(path, shop.page(name)) for path, name in pages.items()),
        Mount("/shop/static", StaticFiles(directory=HERE / "static")),
    ]


class _Shop:
    def __init__(self, gateway_id: str, payment_origins: tuple[str, ...]) -> None:
        self._gateway_id = gateway_id
        self._policy = "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "img-src 'self' data:",
                "connect-src 'self'",
                "base-uri 'none'",
                "frame-ancestors 'self'",
                " ".join(("form-action 'self'", *payment_origins)),
                " ".join(("frame-src 'self'", *payment_origins)),
            )
        )

    def page(self, name: str) -> Any:
        async def answer(request: Request) -> Response:
            language = language_of(request)
            texts = texts_in(language)
            context = {"language": language, "texts": texts, "gatewayId": self._gateway_id}
            html = _templates.get_template(f"{name}.html").render(
                page=name,
                embedded="embedded" in request.query_params,
                language=language,
                t=texts,
                context=_script_json(context),
                other_languages=[
                    (other, str(request.url.include_query_params(lang=other)))
                    for other in LANGUAGES
                    if other != language
                ],
            )
            headers = {
                "Content-Security-Policy": self._policy,
                "Referrer-Policy": "strict-origin-when-cross-origin",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
            }
            response = HTMLResponse(html, headers=headers)
            response.set_cookie(COOKIE, language, max_age=YEAR_S, samesite="lax")
            return response

        return answer


def language_of(request: Request) -> str:
    """Choose the language: as asked, else as before, else as the browser likes, else French."""
    liked = (part.split(";")[0].strip()[:2].lower() for part in request.headers.get("accept-language", "").split(","))
    for wish in (request.query_params.get("lang"), request.cookies.get(COOKIE), *liked):
        if wish in LANGUAGES:
            return wish
    return LANGUAGES[0]


@cache
def texts_in(language: str) -> Mapping[str, str]:
    """Return the shop's texts in one language, by name."""
    texts: dict[str, str] = json.loads((HERE / "texts" / f"{language}.json").read_text("utf-8"))
    return texts


def _script_json(value: object) -> Markup:
    """Write JSON that may stand in a script element."""
    return Markup(json.dumps(value).replace("<", "\\u003c"))  # noqa: S704  nothing is left that could end the element
