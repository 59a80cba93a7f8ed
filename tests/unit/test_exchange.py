"""One HTTP exchange: its limits, its failures, and what it never does."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from http.cookies import SimpleCookie

import httpx2 as httpx
import pytest

from saleor_cinetpay.exchange import Answer, NotExchanged, exchange

URL = "http://somebody.example/"
NOT_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol", "LocalProtocolError"}


class Somebody(httpx.AsyncBaseTransport):
    """Answers everybody alike, or fails, and keeps what was asked."""

    def __init__(self, answer: httpx.Response | Exception, *, after_s: float = 0) -> None:
        self.asked: list[httpx.Request] = []
        self._answer = answer
        self._after_s = after_s

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        await asyncio.sleep(self._after_s)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class Drops(httpx.AsyncByteStream):
    """A body without an end; knows whether it was closed."""

    closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100

    async def aclose(self) -> None:
        self.closed = True


async def ask(http: httpx.AsyncBaseTransport, *, timeout_s: float = 4) -> Answer:
    return await exchange(http, httpx.Request("POST", URL, content=b"1"), limit_bytes=1000, timeout_s=timeout_s)


async def failure(http: httpx.AsyncBaseTransport, *, timeout_s: float = 4) -> NotExchanged:
    with pytest.raises(NotExchanged) as raised:
        await ask(http, timeout_s=timeout_s)
    return raised.value


def kinds(of: type[httpx.RequestError] = httpx.RequestError) -> Iterator[type[httpx.RequestError]]:
    """Yield every failure that the HTTP library itself knows."""
    yield of
    for child in of.__subclasses__():
        if child.__module__.partition(".")[0] == httpx.__name__:
            yield from kinds(child)


async def test_the_whole_answer_comes_back() -> None:
    """Status, headers and body, whatever they are."""
    answer = await ask(Somebody(httpx.Response(404, headers={"Retry-After": "3"}, content=b"nothing")))
    assert (404, "3", b"nothing") == (answer.status, answer.headers["retry-after"], answer.body)


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=str))
async def test_every_failure_is_told(kind: type[httpx.RequestError]) -> None:
    """Each failure, and one that a later version derives from it, says whether the other side may have acted.

    Its own text is left out, as it may quote what was sent.
    """
    later = type("Later", (kind,), {})
    error = await failure(Somebody(later("apikey=secret")))
    assert ("Later", kind.__name__ not in NOT_SENT) == (str(error), error.maybe_carried_out)


async def test_time_is_limited() -> None:
    """The limit covers all that an exchange does; what was sent by then may have been done."""
    error = await failure(Somebody(httpx.Response(200), after_s=5), timeout_s=0.02)
    assert ("no answer within 0.02 s", True) == (str(error), error.maybe_carried_out)


async def test_a_connection_may_take_only_part_of_the_time() -> None:
    """So a connection that does not come about is told as one, and nothing was carried out."""
    somebody = Somebody(httpx.Response(200))
    await ask(somebody, timeout_s=4)
    assert {"connect": 3.0, "pool": 3.0} == somebody.asked[0].extensions["timeout"]


async def test_size_is_limited() -> None:
    """No more is read than the limit; the connection is closed all the same."""
    drops = Drops()
    error = await failure(Somebody(httpx.Response(200, stream=drops)))
    assert ("more than 1000 bytes", True, True) == (str(error), error.maybe_carried_out, drops.closed)


async def test_packed_answers_are_not_unpacked() -> None:
    """A small answer can't grow."""
    error = await failure(Somebody(httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Drops())))
    assert ("it answers packed what was asked for plain", True) == (str(error), error.maybe_carried_out)


async def test_no_redirect_is_followed() -> None:
    """It comes back as it is: what was sent goes nowhere else."""
    somebody = Somebody(httpx.Response(307, headers={"location": "http://elsewhere.example/"}))
    answer = await ask(somebody)
    assert (307, 1) == (answer.status, len(somebody.asked))


async def test_no_cookie_is_kept() -> None:
    """One shop's session is none of another's."""
    cookie = SimpleCookie({"PHPSESSID": "a-session"})
    somebody = Somebody(httpx.Response(200, headers={"set-cookie": cookie.output(header="")}))
    await ask(somebody)
    await ask(somebody)
    assert [False, False] == ["cookie" in request.headers for request in somebody.asked]
