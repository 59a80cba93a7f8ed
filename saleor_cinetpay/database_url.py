"""DATABASE_URL: which databases the app can keep payments in, read without touching any.

SQLite gives its `-wal` and `-shm` files the mode of the file itself, so making that one private is enough.
"""

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from saleor_cinetpay.errors import LedgerUnavailable

OWNER_ONLY = 0o600
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
POSTGRESQL_OPTIONS = frozenset({"ssl", "host", "port", "target_session_attrs", "prepared_statement_cache_size"})
"""What may follow the `?`: what the driver takes as it is written."""
TLS_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/cert.pem",  # macOS, BSD
)
"""What `sslrootcert=system` means: the first of them that is there."""


def async_url(written: str) -> URL:
    """Read `sqlite:///file`, `postgresql://...` as the asynchronous driver's URL.

    Raises:
        ValueError: for any other database, and for one that forgets; it never shows the password.
    """
    try:
        url = make_url(written)
    except (SQLAlchemyError, ValueError):
        raise ValueError("is no database address: write sqlite:///file or postgresql://...") from None
    match url.get_backend_name():
        case "sqlite":
            return _sqlite(url)
        case "postgresql" | "postgres":
            return _postgresql(url)
        case other:
            raise ValueError(f"names {other}: only sqlite and postgresql are supported")


def make_file(url: URL) -> None:
    """Make a SQLite database's folder, and its file for the eyes of this user alone; one that is there is left alone.

    Raises:
        LedgerUnavailable: where that can't be.
    """
    file = Path(str(url.database))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY))
    except OSError as error:
        raise LedgerUnavailable(f"the database's file {file} can't be made: {error.strerror}") from error


def _sqlite(url: URL) -> URL:
    if url.host:
        raise ValueError("has a host: a SQLite file is written with three slashes, or four if its path begins with one")
    if not url.database or ":memory:" in url.database or url.database.startswith("file:"):
        raise ValueError("names no file: what is kept in memory is lost when the app stops, so write sqlite:///file")
    if url.query:
        raise ValueError("has options: after a SQLite file's name nothing can follow")
    return url.set(drivername="sqlite+aiosqlite")


def _postgresql(url: URL) -> URL:
    options = dict(url.query)
    if "sslmode" in options:  # what psql and most providers write
        options["ssl"] = options.pop("sslmode")
    if options.pop("channel_binding", "prefer") not in ("prefer", "disable"):
        raise ValueError(
            "wants channel binding, which the driver does not have: write sslmode=verify-full&sslrootcert=system "
            "in place of channel_binding, so that nobody can stand between"
        )
    files = {name: _file_of(name, options.pop(name)) for name in TLS_FILES if name in options}
    if strange := sorted(options.keys() - POSTGRESQL_OPTIONS):
        raise ValueError(
            f"has the option {strange[0]}, which the app does not know: it takes sslmode, sslrootcert and host"
        )
    if options.get("ssl", "disable") not in SSL_MODES:
        raise ValueError(f"has an sslmode that can't be: it is one of {', '.join(SSL_MODES)}")
    if files:  # the driver takes them from a DSN alone; what is given beside it counts all the same
        options["dsn"] = f"postgresql://?{urlencode(files)}"
    return url.set(drivername="postgresql+asyncpg", query=options)


def _file_of(name: str, written: object) -> str:
    candidates = SYSTEM_CERTIFICATES if (name, written) == ("sslrootcert", "system") else (str(written),)
    found = next((file for file in candidates if Path(file).is_file()), None)
    if found is None:
        raise ValueError(f"names a file by {name} that is not there: {written}")
    return found
