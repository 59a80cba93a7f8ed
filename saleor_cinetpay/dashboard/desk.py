"""The desk itself: one way for every request, from the token to the page. See the package's docstring."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import structlog
from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route

from saleor_cinetpay import __version__
from saleor_cinetpay.dashboard.answers import (
    NOT_THERE,
    Answer,
    Done,
    Download,
    NotThere,
    Page,
    PageRoute,
    Section,
    Visit,
    Visitor,
)
from saleor_cinetpay.dashboard.gate import Dashboards, Gate
from saleor_cinetpay.dashboard.refusals import BROKEN, CAN_NOT_READ, ELSEWHERE, NO_LEDGER, refusal_of
from saleor_cinetpay.errors import CallRefused, LedgerUnavailable, Unreadable
from saleor_cinetpay.locale import Language, Text, formats, language_of, text
from saleor_cinetpay.money import CinetPayAmount

ROOT = "/dashboard"
BESIDE = "/beside/"
"""What is shown beside an order stands below this path: without navigation."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
)
NO_POLICY_NEEDED = "default-src 'none'; frame-ancestors 'none'"

log = structlog.get_logger(__name__)


class Pages(Protocol):
    """One subject of the desk."""

    @property
    def section(self) -> Section | None:
        """Its entry in the navigation."""
        ...

    def routes(self) -> Sequence[PageRoute]:
        """Return its addresses."""
        ...


class Desk:
    """Serves the pages below `/dashboard`."""

    def __init__(self, *, gate: Gate, dashboards: Dashboards, pages: Sequence[Pages]) -> None:
        self._gate = gate
        self._dashboards = dashboards
        self._sections = sorted((one.section for one in pages if one.section), key=lambda section: section.order)
        self._pages = [route for one in pages for route in one.routes()]
        self._templates = Templates(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {"link": link, "version": __version__, "elsewhere": ELSEWHERE}

    def routes(self) -> list[BaseRoute]:
        """Return the routes to mount at the root."""
        inner = [Route(page.path, self._endpoint(page), methods=[page.method]) for page in self._pages]
        if not any(page.path == "/" for page in self._pages):
            first = next(page for page in self._pages if page.path == self._sections[0].path)
            inner.append(Route("/", self._endpoint(first), methods=["GET"]))
        inner.append(Route("/{rest:path}", self._endpoint(PageRoute("/", _not_there)), methods=["GET", "POST"]))
        root = next(route.endpoint for route in inner if route.path == "/")
        return [Route(ROOT, root, methods=["GET"]), Mount(ROOT, routes=inner)]

    def _endpoint(self, page: PageRoute) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if request.method in {"GET", "HEAD"} and "authorization" not in request.headers:
                return self._shell(request)
            language = _language(request)
            try:
                visitor = await self._gate.admit(request, language)
                return await self._answer(request, visitor, await page.handler(Visit(visitor=visitor, request=request)))
            except CallRefused as refused:
                log.warning("desk_refused", status=refused.status, code=refused.code, reason=str(refused))
                title, message = refusal_of(refused)
                return self._message(language, refused.status, title, message, code=refused.code)
            except LedgerUnavailable as error:
                log.error("desk_without_database", error=str(error))
                return self._message(language, 503, *NO_LEDGER)
            except Unreadable as error:
                log.error("desk_can_not_read", path=request.url.path, error=str(error))
                return self._message(language, 503, *CAN_NOT_READ)
            except Exception as error:  # the outer border of all pages: a person gets a page that says so
                log.error("desk_broke", path=request.url.path, exc_info=error)
                return self._message(language, 500, *BROKEN)

        return endpoint

    async def _answer(self, request: Request, visitor: Visitor, answer: Answer) -> Response:
        match answer:
            case Page():
                return await self._page(request, visitor, answer)
            case Done():
                notice = {"text": answer.notice.say(visitor.language), "status": answer.tone}
                return JSONResponse({"to": link(answer.to), "notice": notice}, headers=_headers(NO_POLICY_NEEDED))
            case Download():
                headers = {"Content-Disposition": f'attachment; filename="{answer.name}"'}
                return StreamingResponse(
                    answer.chunks, media_type=answer.media_type, headers=headers | _headers(NO_POLICY_NEEDED)
                )
            case NotThere():
                title, message = NOT_THERE
                page = Page("message.html", title, {"message": message, "code": ""}, status=404)
                return await self._page(request, visitor, page)

    async def _page(self, request: Request, visitor: Visitor, page: Page) -> Response:
        beside = _is_beside(request)
        given = {"errors": {}} | dict(page.values)
        html = self._render(
            page.template,
            visitor.language,
            title=page.title,
            alert=page.alert,
            visitor=visitor,
            beside=beside,
            sections=[] if beside else await self._navigation(request, visitor),
            **given,
        )
        return HTMLResponse(html, status_code=page.status, headers=_headers(NO_POLICY_NEEDED))

    async def _navigation(self, request: Request, visitor: Visitor) -> list[Mapping[str, Any]]:
        """Return the entries, each with what waits there and whether the person is there."""
        here = _path(request)
        current = max(
            (s.path for s in self._sections if here == s.path or here.startswith(f"{s.path.rstrip('/')}/")),
            key=len,
            default=self._sections[0].path if here == "/" else "",
        )
        return [
            {
                "title": section.title,
                "href": link(section.path),
                "current": section.path == current,
                "count": await section.count(visitor),
            }
            for section in self._sections
        ]

    def _shell(self, request: Request) -> Response:
        """Return what holds no data: it asks the Dashboard for a token, and says where to go without one."""
        html = self._render(
            "shell.html",
            _language(request),
            title=text("CinetPay"),
            alert=None,
            beside=_is_beside(request),
            alone=request.headers.get("sec-fetch-dest") == "document",
            theme=_theme(request),
        )
        ancestors = self._dashboards.frame_ancestors(request.headers.get("referer", ""))
        return HTMLResponse(html, headers=_headers(POLICY.format(ancestors=ancestors)))

    def _message(self, language: Language, status: int, title: Text, message: Text, *, code: str = "") -> Response:
        html = self._render(
            "message.html",
            language,
            title=title,
            message=message,
            code=code,
            alert=None,
            beside=False,
            sections=[],
        )
        refusal = {"Desk-Refusal": code} if code else {}
        return HTMLResponse(html, status_code=status, headers=_headers(NO_POLICY_NEEDED) | refusal)

    def _render(self, template: str, language: Language, **values: Any) -> str:
        def say(sentence: str | Text, **named: object) -> str:
            return (text(sentence, **named) if isinstance(sentence, str) else sentence).say(language)

        def money(amount: CinetPayAmount | Decimal | int) -> str:
            return f"{formats.number(amount, language)}\u00a0F\u00a0CFA"

        def number(count: int) -> str:
            return formats.number(count, language)

        def day(of: date, *, whole: bool = False) -> str:
            return formats.whole_day(of, language) if whole else formats.day(of, language)

        spoken = {"say": say, "money": money, "number": number, "day": day, "language": language}
        parts = self._templates.get_template("parts.html").make_module(spoken)
        return self._templates.get_template(template).render(**spoken, parts=parts, **values)


def link(path: str, **query: object) -> str:
    """Return the address of a page of the desk; a value that is None or empty is left out."""
    pairs = {name: value for name, value in query.items() if value is not None and value != ""}
    return f"{ROOT}{path if path != '/' else ''}" + (f"?{urlencode(pairs)}" if pairs else "")


async def _not_there(_visit: Visit) -> Answer:
    return NotThere()


def _path(request: Request) -> str:
    return request.url.path.removeprefix(ROOT) or "/"


def _is_beside(request: Request) -> bool:
    return _path(request).startswith(BESIDE)


def _language(request: Request) -> Language:
    """Take the Dashboard's language; one that we don't speak is answered in English, none at all in French."""
    said = request.query_params.get("locale") or request.headers.get("accept-language", "").split(",")[0].split(";")[0]
    return language_of(said, Language.ENGLISH if said.strip(" *") else Language.FRENCH)


def _theme(request: Request) -> str:
    said = request.query_params.get("theme", "")
    return {"light": "light", "defaultLight": "light", "dark": "dark", "defaultDark": "dark"}.get(said, "")


def _headers(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Authorization",
    }
