"""One trace from what comes in to what goes out."""

import re

import httpx2 as httpx
import pytest
from pydantic import SecretStr
from structlog.contextvars import get_contextvars

from saleor_cinetpay.cinetpay import CinetPayClient, Credentials
from saleor_cinetpay.errors import CinetPayError, SaleorError
from saleor_cinetpay.saleor.address import SaleorApiUrl
from saleor_cinetpay.saleor.client import SaleorClient
from saleor_cinetpay.tracing import Trace, following, traceparent

ID = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("written", "sampled"),
    [
        (f"00-{ID}-00f067aa0ba902b7-01", True),
        (f"00-{ID}-00f067aa0ba902b7-00", False),
        (f"cc-{ID}-00f067aa0ba902b7-01-what-will-be", True),
    ],
)
def test_a_trace_is_taken_up(written: str, sampled: bool) -> None:
    """What Saleor sends is followed, of later versions too."""
    assert Trace(trace_id=ID, sampled=sampled, parent_id="00f067aa0ba902b7") == Trace.taken_up(written)


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{ID}-{'0' * 16}-01",
        f"ff-{ID}-00f067aa0ba902b7-01",
        f"00-{ID.upper()}-00f067aa0ba902b7-01",
        f"00-{ID}-00f067aa0ba902b7",
        f"00-{ID}-00f067aa0ba902b7-01\n",
    ],
)
def test_what_is_no_trace(written: str | None) -> None:
    """What the recommendation calls invalid is left alone."""
    assert Trace.taken_up(written) is None


def test_a_trace_is_logged_and_passed_on() -> None:
    """Within a trace each call out gets a step of its own; outside there is no header."""
    assert {} == traceparent()
    with following(Trace(trace_id=ID, sampled=True)):
        assert ID == get_contextvars()["trace"]
        first, second = (traceparent()["traceparent"] for _ in range(2))
    assert re.fullmatch(rf"00-{ID}-[0-9a-f]{{16}}-01", first)
    assert first != second
    assert {} == traceparent()
    assert "trace" not in get_contextvars()


async def test_a_trace_goes_with_every_call_out() -> None:
    """CinetPay and Saleor get the trace of the call that made us ask."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["traceparent"].split("-")[1])
        return httpx.Response(500)

    saleor = SaleorApiUrl("https://shop.example/graphql/")
    credentials = Credentials(site_id="1", api_key=SecretStr("key"))
    async with httpx.MockTransport(answer) as http:
        client = CinetPayClient(http, api_url="https://c.example/", timeout_s=1)
        with following(Trace(trace_id=ID, sampled=False)):
            with pytest.raises(CinetPayError):
                await client.check_pay_status(credentials, "T")
            with pytest.raises(SaleorError):
                await SaleorClient(http).identify(saleor, SecretStr("token"))
            with pytest.raises(SaleorError):
                await SaleorClient(http).fetch_key_set(saleor)
    assert [ID] * 3 == asked


def test_what_is_about_one_payment_is_one_trace() -> None:
    """The same seed gives the same trace, and another one another."""
    assert Trace.begun("a") == Trace.begun("a") != Trace.begun("b")
    taken_up = Trace.taken_up(f"00-{Trace.begun('x').trace_id}-00f067aa0ba902b7-00")
    assert taken_up is not None, "what is made is one that others can read"
