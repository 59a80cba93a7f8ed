"""The problems that apps show in the Dashboard: counted up under one key, dismissed, and dropped beyond a hundred."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from saleor_cinetpay.sandbox.saleor.books import Refusal
from saleor_cinetpay.sandbox.saleor.records import App, Problem

MOST = 100
"""Of one app, dismissed ones among them."""
LONGEST_MESSAGE = 2048
LONGEST_KEY = 128
SHORTEST = 3


@dataclass(frozen=True, slots=True)
class Problems:
    """What an app can do with its problems, and staff with an app's."""

    now: Callable[[], datetime]
    next_pk: Callable[[], int]

    def create(
        self, app: App, key: str, message: str, *, critical_threshold: int | None, aggregation_min: int
    ) -> Problem | Refusal:
        """Show a problem; the same key within the period counts up, unless it was dismissed."""
        if not SHORTEST <= len(key) <= LONGEST_KEY:
            return Refusal(code="INVALID", message="Key has between 3 and 128 characters.", field="key")
        if len(message) < SHORTEST:
            return Refusal(code="INVALID", message="Message has at least 3 characters.", field="message")
        message = message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 3] + "..."
        now = self.now()
        since = now - timedelta(minutes=aggregation_min)
        shown = [p for p in app.problems if p.key == key and p.dismissed_by is None]
        newest = max(shown, key=lambda problem: problem.updated_at, default=None)
        if newest is not None and aggregation_min and newest.updated_at >= since:
            newest.count += 1
            newest.message, newest.updated_at, newest.critical_threshold = message, now, critical_threshold
            return newest
        while len(app.problems) >= MOST:
            app.problems.remove(min(app.problems, key=lambda problem: problem.updated_at))
        problem = Problem(
            pk=self.next_pk(),
            key=key,
            message=message,
            created_at=now,
            updated_at=now,
            critical_threshold=critical_threshold,
        )
        app.problems.append(problem)
        return problem

    def dismiss(self, app: App, keys: Collection[str], ids: Collection[str], *, by: str) -> Refusal | None:
        """Take problems of an app away, by key or by id; they stay in the books."""
        if bool(keys) == bool(ids):
            code = "INVALID" if keys else "REQUIRED"
            return Refusal(code=code, message="Either ids or keys are given.", field="byApp")
        if len(keys or ids) > MOST:
            return Refusal(code="INVALID", message=f"Cannot specify more than {MOST} items.", field="keys")
        for problem in app.problems:
            if problem.dismissed_by is None and (problem.key in keys or problem.id in ids):
                problem.dismissed_by = by
        return None
