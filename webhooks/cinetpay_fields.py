"""Reading the fields that CinetPay, or a browser that comes from it, posts to us."""

from python_multipart.exceptions import FormParserError
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request

MOST_FIELDS = 100
LONGEST_FIELD_BYTES = 64 * 1024


async def read_fields(request: Request) -> dict[str, str]:
    """Read an urlencoded or a multipart body; none where it can't be read."""
    try:
        async with request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=LONGEST_FIELD_BYTES) as form:
            return {name: value for name, value in form.items() if isinstance(value, str)}
    except (MultiPartException, FormParserError, HTTPException, ClientDisconnect, UnicodeError):
        return {}
