"""`/metrics`: what this machine's processes have counted, and what stands in the database, for Prometheus."""

import hmac
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from saleor_cinetpay import __version__
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import LedgerUnavailable
from saleor_cinetpay.gathering import Gathering
from saleor_cinetpay.insight.backlog import Backlog, Reading, Totals
from saleor_cinetpay.metrics import PREFIX, scraped

READ_EVERY_S = 2.0


class MetricsPage:
    """Serves `/metrics`."""

    def __init__(self, reading: Reading, clock: Clock, token: SecretStr | None) -> None:
        self._reading = reading
        self._clock = clock
        self._token = token
        self._asked: Gathering[str, list[Metric]] = Gathering(
            self._families, spacing_s=READ_EVERY_S, most=1, clock=clock
        )

    def route(self) -> Route:
        """Return the route."""
        return Route("/metrics", self.show, methods=["GET"])

    async def show(self, request: Request) -> Response:
        """Show all numbers to whoever has the token, or to anybody where none is set."""
        if not self._admits(request.headers.get("authorization", "")):
            text = "this address wants METRICS_TOKEN as bearer token"
            return JSONResponse({"message": text}, status_code=401, headers={"WWW-Authenticate": "Bearer"})
        registry = CollectorRegistry()
        registry.register(_Fixed(await self._asked.ask("families") or []))
        return Response(generate_latest(scraped()) + generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    def _admits(self, authorization: str) -> bool:
        if self._token is None:
            return True
        scheme, _, said = authorization.partition(" ")
        wanted = self._token.get_secret_value().encode()
        return scheme.lower() == "bearer" and hmac.compare_digest(said.strip().encode(), wanted)

    async def _families(self, questions: Collection[str]) -> Mapping[str, list[Metric]]:
        families: list[Metric] = [_gauge("build_info", "The version that runs.", "version", {__version__: 1})]
        try:
            families += [*self._of_backlog(await self._reading.backlog()), *_of_totals(await self._reading.totals())]
            families.append(GaugeMetricFamily(f"{PREFIX}_database_up", "Whether the database answers.", 1))
        except LedgerUnavailable:
            families.append(GaugeMetricFamily(f"{PREFIX}_database_up", "Whether the database answers.", 0))
        return dict.fromkeys(questions, families)

    def _of_backlog(self, backlog: Backlog) -> Iterator[Metric]:
        now = self._clock.now()
        counts = {kind: waiting.count for kind, waiting in backlog.due.items()}
        ages = {kind: waiting.age_s(now) for kind, waiting in backlog.due.items()}
        yield _gauge("due", "What is due now and nobody works on.", "kind", counts)
        yield _gauge("oldest_due_seconds", "For how long the oldest of it has been due.", "kind", ages)
        yield GaugeMetricFamily(
            f"{PREFIX}_undelivered_reports", "Reports that Saleor does not have yet.", backlog.undelivered.count
        )
        yield GaugeMetricFamily(
            f"{PREFIX}_oldest_undelivered_report_seconds",
            "The age of the oldest of them.",
            backlog.undelivered.age_s(now),
        )
        yield GaugeMetricFamily(f"{PREFIX}_workers", "Workers that live.", backlog.workers)


class _Fixed(Collector):
    """Metrics that are there already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Give them."""
        yield from self._families


def _of_totals(totals: Totals) -> Iterator[Metric]:
    yield _gauge("payments", "Payments by state.", "state", totals.payments)
    yield _gauge("open_problems", "Problems that wait for a person, by kind.", "kind", totals.problems)


def _gauge(name: str, text: str, label: str, values: Mapping[Any, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=[label])
    for value, number in values.items():
        family.add_metric([str(value)], number)
    return family
