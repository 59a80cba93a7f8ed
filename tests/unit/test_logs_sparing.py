"""Lines that strangers can cause are bounded; what is left out is counted."""

import json
import logging
from typing import Any

import pytest
import structlog
from logs_kit import logged

from saleor_cinetpay.logs import A_SECOND_OF_THESE, ANYBODYS, Sparing


def passed(sparing: Sparing, event: str, times: int) -> list[dict[str, Any]]:
    """Log an event so many times, and return what passes."""
    lines = []
    for _ in range(times):
        try:
            lines.append(dict(sparing(None, "warning", {"event": event})))
        except structlog.DropEvent:
            continue
    return lines


@pytest.mark.parametrize("event", sorted(ANYBODYS))
def test_a_flood_fills_no_disk(event: str) -> None:
    """So many lines a second pass; the first one of a later second says how many did not."""
    now = [100.0]
    sparing = Sparing(monotonic=lambda: now[0])
    assert [{"event": event}] * A_SECOND_OF_THESE == passed(sparing, event, 1000)
    now[0] += 1
    assert [{"event": event, "left_out": 1000 - A_SECOND_OF_THESE}, {"event": event}] == passed(sparing, event, 2)


def test_events_do_not_share() -> None:
    """A flood of one event takes no line from another, and what only we can cause is never left out."""
    sparing = Sparing(monotonic=lambda: 100.0)
    passed(sparing, "webhook_refused", 1000)
    assert 1 == len(passed(sparing, "notification_taken", 1))
    assert 1000 == len(passed(sparing, "payment_looked_up", 1000))


def test_the_server_goes_on_where_its_line_is_left_out() -> None:
    """What the server logs of strangers is left out without its knowing: it answers them all the same."""
    line = "Invalid HTTP request received."
    with logged() as stream:
        for _ in range(A_SECOND_OF_THESE * 10):
            logging.getLogger("a.server").warning(line)  # uvicorn's own is as a server before left it
    lines = [json.loads(one)["event"] for one in stream.getvalue().splitlines()]
    assert (True, {line}) == (len(lines) < A_SECOND_OF_THESE * 10, set(lines))
