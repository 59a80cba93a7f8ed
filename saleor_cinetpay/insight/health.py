"""Whether this process lives, and whether it can serve.

Not ready (503) is only what keeps this very process from serving: its database. What is wrong elsewhere (no worker, a
backlog) shows as `degraded` in a 200, because taking the process out of the balancer would make it worse.
"""

from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database, prove_alive
from saleor_cinetpay.errors import LedgerUnavailable
from saleor_cinetpay.gathering import Gathering
from saleor_cinetpay.insight.backlog import Backlog, Reading
from saleor_cinetpay.migrations import missing_revisions

READY_S = 2.0
ASKED_EVERY_S = 1.0
"""Proving that the database can be written costs a write, so whoever asks within this time shares the answer."""
LATE_AFTER_S = 120.0

Answer = tuple[int, dict[str, Any]]


class Health:
    """Serves `/health/...`."""

    def __init__(
        self, database: Database, reading: Reading, clock: Clock, headers: Mapping[str, str] | None = None
    ) -> None:
        """`headers` go with the answer of `live`; by them the doctor knows its own app."""
        self._headers = headers
        self._database = database
        self._reading = reading
        self._clock = clock
        self._asked: Gathering[str, Answer] = Gathering(self._answers, spacing_s=ASKED_EVERY_S, most=1, clock=clock)

    def routes(self) -> list[Route]:
        """Return the routes of both addresses."""
        return [
            Route("/health/live", self.live, methods=["GET"]),
            Route("/health/ready", self.ready, methods=["GET"]),
        ]

    async def live(self, _request: Request) -> Response:
        """Say that the process runs."""
        return JSONResponse({"status": "live"}, headers=self._headers)

    async def ready(self, _request: Request) -> Response:
        """Say whether it can serve, and what else is wrong."""
        status, said = await self._asked.ask("ready") or (503, {"status": "unavailable"})
        return JSONResponse(said, status_code=status)

    async def _answers(self, questions: Collection[str]) -> Mapping[str, Answer]:
        return dict.fromkeys(questions, await self._answer())

    async def _answer(self) -> Answer:
        try:
            await prove_alive(self._database, within_s=READY_S)
            missing = await missing_revisions(self._database)
            if missing:
                text = f"the database lacks migrations ({', '.join(missing)}): run saleor-cinetpay migrate"
                return 503, {"status": "unavailable", "database": text}
            reasons = self._reasons(await self._reading.backlog())
        except LedgerUnavailable as error:
            return 503, {"status": "unavailable", "database": str(error)}
        return 200, {"status": "degraded", "reasons": reasons} if reasons else {"status": "ready"}

    def _reasons(self, backlog: Backlog) -> list[dict[str, str]]:
        now = self._clock.now()
        reasons = []
        if not backlog.workers:
            heard = f"for {(now - backlog.heard_of).total_seconds():.0f} s" if backlog.heard_of else "yet"
            text = f"no worker has been heard of {heard}: run serve without --no-worker, or saleor-cinetpay worker"
            reasons.append({"code": "no_worker", "message": text})
        for kind, waiting in backlog.due.items():
            if waiting.age_s(now) > LATE_AFTER_S:
                text = f"{waiting.count} {kind}s are due, the oldest for {waiting.age_s(now):.0f} s"
                reasons.append({"code": f"{kind}s_late", "message": text})
        return reasons
