"""A payment's history: an append-only list of every call in and out with its outcome, without secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.payments.tables import payment_events

_APPEND = insert(payment_events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry. `detail` is JSON, without secrets."""

    kind: str
    detail: Mapping[str, Any] = field(default_factory=dict)


async def record(connection: AsyncConnection, trans_id: str, at: datetime, event: Event) -> None:
    """Append an entry, in the transaction of what it tells of."""
    await connection.execute(
        _APPEND, {"trans_id": trans_id, "at": at, "kind": event.kind, "detail": dict(event.detail)}
    )
