"""DATABASE_URL as people write it."""

import re
import ssl
from urllib.parse import quote, quote_plus, unquote_plus

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
        ("postgresql://u:p@h/d?channel_binding=prefer", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p@h/d?channel_binding=disable", "postgresql+asyncpg://u:p@h/d"),
        (
            f"postgresql://u:p@h/d?sslmode=verify-full&sslrootcert={quote(__file__)}",
            f"postgresql+asyncpg://u:p@h/d?dsn={quote_plus(f'postgresql://?sslrootcert={quote_plus(__file__)}')}"
            "&ssl=verify-full",
        ),
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
            "wants channel binding, which the driver does not have: write sslmode=verify-full&sslrootcert=system "
            "in place of channel_binding, so that nobody can stand between",
        ),
        (
            "postgresql://u:p@h/d?sslrootcert=/not/there.pem",
            "names a file by sslrootcert that is not there: /not/there.pem",
        ),
        ("postgresql://u:p@h/d?sslcert=system", "names a file by sslcert that is not there: system"),
        (
            "postgresql://u:p@h/d?application_name=x",
            "has the option application_name, which the app does not know: it takes sslmode, sslrootcert and host",
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


def test_the_system_s_certificates_are_a_file() -> None:
    """`sslrootcert=system`, as psql takes it, becomes the file that holds them on this machine."""
    dsn = str(async_url("postgresql://u:p@h/d?sslmode=verify-full&sslrootcert=system").query["dsn"])
    file = unquote_plus(dsn.removeprefix("postgresql://?sslrootcert="))
    assert ssl.create_default_context(cafile=file).get_ca_certs()
