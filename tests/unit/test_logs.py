"""The one redaction of the logs, both ways: the secret is gone, and what is needed to understand is not."""

import errno
import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from logs_kit import Failing, logged
from pydantic import SecretStr

from saleor_cinetpay.logs import IN_TEXT, REDACTED, LogLevel, configure_logs, redacted_text

KEY, TOKEN, NUMBER = "188c2f0e5a54.of-nobody", "tok-of-nobody-1234", "0707080910"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJzYWxlb3IifQ.c2lnbmF0dXJl"


@pytest.fixture(params=["json", "console"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What is logged, in either format; the logging of before is put back in the end."""
    with logged(form=request.param) as lines:
        yield lines


def test_a_record_is_redacted_at_any_depth(written: io.StringIO) -> None:
    """A form with its secrets leaves the names and what is harmless."""
    form = {"apikey": KEY, "cpm_site_id": "445160", "cel_phone_num": NUMBER, "signature": "ab12"}
    structlog.get_logger("x").warning("careless", deep=[{"form": form}], auth_token=TOKEN, trans_id="01ARZ3")
    text = written.getvalue()
    assert ("careless" in text, "445160" in text, "01ARZ3" in text, "apikey" in text) == (True, True, True, True)
    assert [] == [secret for secret in (KEY, NUMBER, TOKEN, "ab12") if secret in text]


def test_a_librarys_line_is_redacted(written: io.StringIO) -> None:
    """What others log as running text is redacted too, and stays readable."""
    logging.getLogger("some.library").info("POST %s with %s", "/v1/?method=x", f"apikey={KEY}&cel_phone_num={NUMBER}")
    text = written.getvalue()
    assert "POST /v1/?method=x with apikey=[removed]&cel_phone_num=[removed]" in text
    assert [] == [secret for secret in (KEY, NUMBER) if secret in text]


def test_an_exception_shows_no_locals_and_no_secret(written: io.StringIO) -> None:
    """A traceback says where and what, without the values of variables and without secrets in its messages."""
    local = SecretStr(KEY).get_secret_value()
    try:
        try:
            raise ValueError(f"bad form: apikey={local}")
        except ValueError as error:
            raise RuntimeError(f"refused: Authorization: Bearer {TOKEN}") from error
    except RuntimeError:
        structlog.get_logger("x").exception("broke")
        logging.getLogger("some.library").exception("broke too")
    text = written.getvalue()
    assert 2 == text.count("ValueError: bad form: apikey=[removed]")
    assert 2 == text.count("RuntimeError: refused: Authorization: Bearer [removed]")
    assert "test_logs.py" in text
    assert [] == [secret for secret in (KEY, TOKEN) if secret in text]


def test_a_line_is_one_json_object() -> None:
    """In JSON each event is one line, its exception inside it."""
    with logged() as stream:
        structlog.get_logger("x").error("broke", exc_info=ValueError("why"))
    (line,) = stream.getvalue().splitlines()
    record = json.loads(line)
    assert ("broke", "error", "ValueError: why") == (record["event"], record["level"], record["exception"])


@pytest.mark.parametrize(
    "failure",
    [OSError(errno.ENOSPC, "disk full"), BrokenPipeError(errno.EPIPE, "nobody reads"), ValueError("closed")],
    ids=["full", "unread", "closed"],
)
def test_a_line_that_can_not_be_written_fails_nobody(failure: Exception) -> None:
    """Whoever logs goes on where a line can't be written, and lines come again as soon as they can."""
    with logged(into=Failing(failure)) as stream:
        structlog.get_logger("x").info("lost")
        assert isinstance(stream, Failing)
        stream.failure = None
        structlog.get_logger("x").info("written")
    assert ["written"] == [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


def test_a_process_without_standard_error_logs_to_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a process was started with none (`2>&-`), nothing breaks, and no line gets into what a command prints."""
    monkeypatch.setattr(sys, "stderr", None)
    with logged():
        configure_logs(LogLevel.INFO, "json")
        structlog.get_logger("x").info("lost")
        logging.getLogger("some.library").warning("lost too")
    assert "" == capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"apikey={KEY}&cpm_site_id=4", "apikey=[removed]&cpm_site_id=4"),
        (f"{{'apikey': '{KEY}', 'x': 1}}", "{'apikey': '[removed]', 'x': 1}"),
        (f'{{"auth_token": "{TOKEN}"}}', '{"auth_token": "[removed]"}'),
        (f"('authorization', 'Bearer {TOKEN}')", "('authorization', 'Bearer [removed]')"),
        (f"got {JWT}, no", "got [removed], no"),
        ("https://pay.example/pay/01AB?s=Zx_9-k", "https://pay.example/pay/01AB?s=[removed]"),
        ("postgresql://app:word@db/app", "postgresql://[removed]@db/app"),
        (f"phoneNumber: {NUMBER}", "phoneNumber: [removed]"),
        ("the token has expired", "the token has expired"),
        ("the signature does not check", "the signature does not check"),
        ("no key 'k1' in the key set", "no key 'k1' in the key set"),
        ("SecretStr('**********')", "SecretStr('**********')"),
        ("https://shop.example:8000/a?b=c", "https://shop.example:8000/a?b=c"),
    ],
)
def test_what_announces_itself_is_removed(text: str, redacted: str) -> None:
    """Secrets in running text go by what stands before them; words about secrets stay."""
    assert redacted == redacted_text(text)


@given(st.sampled_from([pattern for pattern, _ in IN_TEXT]).flatmap(st.from_regex))
def test_whatever_announces_itself_is_looked_at(text: str) -> None:
    """No text is passed over that one of the patterns would find something in."""
    assert REDACTED in redacted_text(text)
