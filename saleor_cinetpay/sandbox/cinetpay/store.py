"""What outlives a restart: payments, what is still to be done, and the journal, in one SQLite file."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from saleor_cinetpay.sandbox.cinetpay.payments import Addresses, Payment

MAX_MESSAGES = 2_000
SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS payments (
    id INTEGER PRIMARY KEY, site_id TEXT NOT NULL, trans_id TEXT NOT NULL, token TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL, UNIQUE (trans_id, site_id)
);
CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, due_at TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to do later, for one payment."""

    id: int
    due_at: datetime
    kind: str
    site_id: str
    trans_id: str
    data: dict[str, Any]


class Store:
    """The sandbox's only memory. Every method is one step that nothing else can come between."""

    def __init__(self, path: str) -> None:
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def save(self, payment: Payment) -> None:
        """Write a payment down, new or changed."""
        self._db.execute(
            "INSERT INTO payments (site_id, trans_id, token, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (trans_id, site_id) DO UPDATE SET body = excluded.body",
            (payment.site_id, payment.trans_id, payment.token, json.dumps(asdict(payment), default=str)),
        )

    def payment(self, site_id: str, trans_id: str) -> Payment | None:
        """Find the payment of that site and id."""
        return self._one("WHERE site_id = ? AND trans_id = ?", site_id, trans_id)

    def payment_by_token(self, token: str) -> Payment | None:
        """Find the payment whose page that is."""
        return self._one("WHERE token = ?", token)

    def payment_by_trans_id(self, trans_id: str) -> Payment | None:
        """Find the payment of that id; of two sites' payments the newer one."""
        return self._one("WHERE trans_id = ? ORDER BY id DESC", trans_id)

    def payments(self, *site_ids: str, limit: int = -1) -> list[Payment]:
        """List the payments of these sites, or of all, newest first."""
        marks = ",".join("?" * len(site_ids))
        where = f"WHERE site_id IN ({marks})" if site_ids else ""
        return list(self._read(f"{where} ORDER BY id DESC LIMIT ?", *site_ids, limit))

    def add_job(self, due_at: datetime, kind: str, payment: Payment, data: dict[str, Any]) -> Job:
        """Keep something that is to be done later."""
        body: dict[str, Any] = {"kind": kind, "site_id": payment.site_id, "trans_id": payment.trans_id, "data": data}
        row = self._db.execute("INSERT INTO jobs (due_at, body) VALUES (?, ?)", (due_at.isoformat(), json.dumps(body)))
        return Job(id=row.lastrowid or 0, due_at=due_at, **body)

    def remove_job(self, job: Job) -> None:
        """Forget what has been done."""
        self._db.execute("DELETE FROM jobs WHERE id = ?", (job.id,))

    def jobs(self) -> list[Job]:
        """List what is still to be done."""
        rows = self._db.execute("SELECT id, due_at, body FROM jobs ORDER BY id")
        return [Job(id=id_, due_at=datetime.fromisoformat(due_at), **json.loads(body)) for id_, due_at, body in rows]

    def add_message(self, message: dict[str, Any]) -> None:
        """Append to the journal, which keeps the last 2,000."""
        row = self._db.execute("INSERT INTO messages (body) VALUES (?)", (json.dumps(message),))
        self._db.execute("DELETE FROM messages WHERE id <= ?", ((row.lastrowid or 0) - MAX_MESSAGES,))

    def messages(self, after: int) -> list[dict[str, Any]]:
        """List the journal from the first message whose id is above `after`."""
        rows = self._db.execute("SELECT id, body FROM messages WHERE id > ? ORDER BY id", (after,))
        return [{"id": id_} | json.loads(body) for id_, body in rows]

    def clear(self) -> None:
        """Forget everything. Ids of messages go on, so that a reader of the journal need not start again."""
        self._db.executescript("DELETE FROM payments; DELETE FROM jobs; DELETE FROM messages;")

    def _one(self, where: str, *values: str) -> Payment | None:
        return next(self._read(f"{where} LIMIT 1", *values), None)

    def _read(self, clause: str, *values: str | int) -> Iterator[Payment]:
        for (body,) in self._db.execute(f"SELECT body FROM payments {clause}", values):  # noqa: S608  clauses are ours
            yield _payment(json.loads(body))


def _payment(body: dict[str, Any]) -> Payment:
    moments = {
        name: datetime.fromisoformat(body[name]) if body[name] else None
        for name in ("signed_at", "opened_at", "tried_at", "updated_at")
    }
    return Payment(**(body | moments | {"addresses": Addresses(**body["addresses"])}))
