"""Saleor's global ids: base64 of `Type:key`."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64


def global_id(type_name: str, key: object) -> str:
    """Write an id as the API shows it."""
    return b64encode(f"{type_name}:{key}".encode()).decode()


def read_id(written: str) -> tuple[str, str]:
    """Return the type and the key of an id; two empty texts where it is none."""
    try:
        type_name, _, key = b64decode(written, validate=True).decode().partition(":")
    except (NotBase64, ValueError):
        return "", ""
    return type_name, key
