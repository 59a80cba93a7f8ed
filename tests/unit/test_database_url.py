"""DATABASE_URL as people write it."""

import re

import pytest

from saleor_cinetpay.database_url import async_url

NO_FILE = "names no file: what is kept in memory is lost when the app stops, so write sqlite:///file"
NO_ADDRESS = "is no database address: write sqlite:///file or postgresql://..."


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("sqlite:///data/x.db", "sqlite+aiosqlite:///data/x.db"),
        ("sqlite:////data/x.db", "sqlite+aiosqlite:////data/x.db"),
        ("postgresql://u:p@h:5/d", "postgresql+asyncpg://u:p@h:5/d"),
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql+asyncpg://u:p@h/d?ssl=require"),
        ("postgresql://u:p@/d?host=/run/postgresql", "postgresql+asyncpg://u:p@/d?host=%2Frun%2Fpostgresql"),
    ],
)
def test_the_usual_spellings(url: str, read: str) -> None:
    """Each leads to the asynchronous driver, in that driver's words."""
    assert read == async_url(url).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", NO_ADDRESS),
        ("no address", NO_ADDRESS),
        ("postgresql://h:port/d", NO_ADDRESS),
        ("mysql://u:p@h/d", "names mysql: only sqlite and postgresql are supported"),
        ("sqlite://", NO_FILE),
        ("sqlite:///", NO_FILE),
        ("sqlite:///:memory:", NO_FILE),
        ("sqlite:///file::memory:?cache=shared", NO_FILE),
        ("sqlite:///file:x.db?mode=memory", NO_FILE),
        ("sqlite:///x.db?mode=ro", "has options: after a SQLite file's name nothing can follow"),
        (
            "sqlite://data/x.db",
            "has a host: a SQLite file is written with three slashes, or four if its path begins with one",
        ),
        (
            "postgresql://u:p@h/d?channel_binding=require",
            "has the option channel_binding, which the app does not know: it takes sslmode and host",
        ),
        (
            "postgresql://u:p@h/d?sslmode=yes",
            "has an sslmode that can't be: it is one of disable, allow, prefer, require, verify-ca, verify-full",
        ),
    ],
)
def test_what_can_keep_no_payment_is_refused(url: str, said: str) -> None:
    """It is refused in words that say what to write, and never show the address, which may hold a password."""
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        async_url(url)
