"""Inputs that nobody well-meaning sends, each made from a seed and a number, so that any can be made again."""

import copy
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

SEED = os.environ.get("HOSTILE_SEED", "1")
FIRST = int(os.environ.get("HOSTILE_FIRST", "0"))
ONLY = int(os.environ.get("HOSTILE_ONLY", "0"))
"""So many inputs of each kind, beginning with FIRST; 0: as many as the test has."""

STRINGS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\r\nset-cookie: x=1",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "'; DROP TABLE payments; --",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "%s%n%x",
    "NaN",
    "-1",
    "1e999",
    "9" * 400,
    "A" * 5000,
    "\u202e\u0000\uffff",
    "𝟏𝟐𝟑",
    "é" * 300,
    "\ud800",
    "null",
    "true",
    "[]",
    "http://169.254.169.254/latest/meta-data/",
    "javascript:alert(1)",
    "//evil.example/",
    "https://user@evil.example/",
    "0" * 26,
    "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    "VHJhbnNhY3Rpb25JdGVtOjE=",
    "2026-13-45T99:99:99Z",
    "0001-01-01T00:00:00+00:00",
    "9999-12-31T23:59:59.999999-23:59",
)
NUMBERS = (0, -1, 1, 0.1, 1e308, -1e308, 10**30, 2**63, 2**64, 1e-300, 12500.000000001)
METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "X" * 30)
TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "multipart/form-data",
    "multipart/form-data; boundary=" + "x" * 300,
    "text/xml; charset=utf-16",
    "application/x-www-form-urlencoded; charset=nonsense",
    "\xff\xfe",
    "",
)
HEADERS = (
    "accept",
    "accept-language",
    "authorization",
    "content-encoding",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "if-modified-since",
    "if-none-match",
    "origin",
    "range",
    "referer",
    "saleor-api-url",
    "saleor-domain",
    "saleor-event",
    "saleor-schema-version",
    "saleor-signature",
    "traceparent",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-original-url",
    "x-http-method-override",
    "x-saleor-api-url",
    "x-saleor-signature",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    chunks: int


def numbered(kind: str, number: int) -> Random:
    """Return the chance that makes the n-th input of a kind."""
    return Random(f"{SEED}/{kind}/{number}")


def numbers_of(kind_total: int, part: int, parts: int) -> range:
    """Return which inputs one of several tests makes; fewer where HOSTILE_ONLY says so."""
    each = ONLY or kind_total // parts
    return range(FIRST + part * each, FIRST + (part + 1) * each)


def text(random: Random) -> str:
    """Make a string."""
    match random.randrange(4):
        case 0:
            return "".join(chr(random.randrange(1, 0x250)) for _ in range(random.randrange(12)))
        case 1:
            return random.choice(STRINGS) + random.choice(STRINGS)
        case _:
            return random.choice(STRINGS)


def value(random: Random, depth: int = 0) -> Any:
    """Make a JSON value."""
    match random.randrange(8 if depth < 3 else 5):
        case 0:
            return None
        case 1:
            return random.choice((True, False))
        case 2:
            return random.choice(NUMBERS)
        case 3 | 4:
            return text(random)
        case 5:
            return [value(random, depth + 1) for _ in range(random.randrange(4))]
        case _:
            return {text(random)[:40]: value(random, depth + 1) for _ in range(random.randrange(4))}


def spoiled(document: Any, random: Random) -> Any:
    """Return a copy of a JSON document in which one to three places are other than they were."""
    spoiled_document = copy.deepcopy(document)
    for _ in range(random.randrange(1, 4)):
        places = list(_places(spoiled_document))
        if not places:
            return value(random)
        holder, key = random.choice(places)
        match random.randrange(6):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[text(random)[:60]] = holder[key]
            case 2:
                holder[key] = [holder[key]]
            case 3 if isinstance(holder[key], str):
                holder[key] = holder[key] + text(random)
            case _:
                holder[key] = value(random)
    return spoiled_document


def encoded(document: Any, random: Random) -> bytes:
    """Write JSON, mostly well, sometimes cut off or with something behind it."""
    written = json.dumps(document, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    match random.randrange(12):
        case 0:
            return written[: random.randrange(len(written) + 1)]
        case 1:
            return written + random.randbytes(5)
        case 2:
            return written.replace(b":", b": NaN, ", 1) if random.random() < 0.5 else b"\xef\xbb\xbf" + written
        case _:
            return written


def body(random: Random, documents: Sequence[Any], fields: Sequence[str]) -> bytes:
    """Make a body of some kind."""
    match random.randrange(7):
        case 0:
            return b""
        case 1:
            return random.randbytes(random.randrange(200))
        case 2:
            return b"[" * random.randrange(1, 20_000)
        case 3:
            pairs = [(random.choice(fields), text(random)) for _ in range(random.randrange(1, 12))]
            return urlencode(pairs, errors="replace").encode()
        case 4:
            parts = "".join(
                f'--b\r\ncontent-disposition: form-data; name="{random.choice(fields)}"\r\n\r\n{text(random)}\r\n'
                for _ in range(random.randrange(4))
            )
            return (parts + random.choice(("--b--\r\n", "--b", "", "\r\n"))).encode("utf-8", "replace")
        case _:
            return encoded(spoiled(random.choice(documents), random), random)


def call(
    random: Random,
    *,
    paths: Sequence[str],
    documents: Sequence[Any],
    fields: Sequence[str],
    headers: Callable[[Random], list[tuple[str, str]]],
) -> Call:
    """Make a request: an address of ours or nearly so, with anything in it."""
    path = random.choice(paths)
    while "<" in path:
        start, _, rest = path.partition("<")
        path = start + text(random) + rest.partition(">")[2]
    if random.random() < 0.15:
        tricks = (path + "/", "/" + path, path + "%00", path.upper(), path + "/..;/", quote(path, errors="replace"))
        path = random.choice((*tricks, path[:-1]))
    said = [
        *headers(random),
        ("content-type", random.choice(TYPES)),
        *((random.choice(HEADERS), text(random)) for _ in range(random.randrange(3))),
    ]
    return Call(
        method=random.choice(METHODS) if random.random() < 0.3 else random.choice(("GET", "POST")),
        path=path.encode("utf-8", "replace").decode(),  # a server decodes no other
        query=urlencode({random.choice(("s", "q", "page", "id")): text(random)}, errors="replace").encode(),
        headers=[(name.encode(), said_value.encode("latin-1", "replace")) for name, said_value in said],
        body=body(random, documents, fields),
        chunks=random.randrange(1, 4),
    )


def _places(document: Any) -> Any:
    items: Any = ()
    if isinstance(document, dict | list):
        items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, inner in items:
        yield document, key
        yield from _places(inner)
