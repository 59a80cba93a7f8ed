"""History: CinetPay's own history beside ours, differences on top, and "settle" on each."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Protocol, assert_never

from saleor_cinetpay.cinetpay import describe
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.dashboard.answers import Answer, Done, NotThere, Page, PageRoute, Section, Tone, Visit
from saleor_cinetpay.dashboard.forms import NO_DATE, WRONG_ORDER, read_day
from saleor_cinetpay.dashboard.words import STATES
from saleor_cinetpay.errors import CinetPayError
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.payments.comparing import Site
from saleor_cinetpay.payments.findings import FindingKind, Remedy
from saleor_cinetpay.payments.operators import operator_name
from saleor_cinetpay.payments.side_by_side import DayBeside, SideBySide, sites_of
from saleor_cinetpay.shops.accounts import Account

MOST_DAYS = 31
USUAL_DAYS = 2
"""How many days before today are shown where nothing is chosen."""
BUDGET_S = 10.0
"""How long a page asks CinetPay; days that are left then are one click away."""
SHOWN = 200
"""Lines of a day; those that differ stand first."""


class AccountsEver(Protocol):
    """Knows a shop's accounts."""

    async def ever(self, saleor_api_url: str) -> list[Account]:
        """Return all that it has or had."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The days that are asked for, as they were typed and as they are."""

    typed_first: str
    typed_last: str
    first: date
    last: date
    errors: Mapping[str, Text]

    @property
    def days(self) -> Sequence[date]:
        """The days, the newest first."""
        return [self.last - timedelta(days=number) for number in range((self.last - self.first).days + 1)]


class HistoryPages:
    """The history."""

    section = Section(path="/history", title=text("History"), order=40)

    def __init__(self, *, side_by_side: SideBySide, accounts: AccountsEver, clock: Clock) -> None:
        self._side_by_side = side_by_side
        self._accounts = accounts
        self._clock = clock

    def routes(self) -> Sequence[PageRoute]:
        """Return the addresses."""
        return [PageRoute("/history", self.show), PageRoute("/history/settle", self.settle, method="POST")]

    async def show(self, visit: Visit) -> Answer:
        """Show the days that are asked for, as far as there is time."""
        today = self._clock.now().astimezone(UTC).date()
        period = read_period(visit.asked("from"), visit.asked("to"), today)
        sites = sites_of(await self._accounts.ever(visit.visitor.saleor_api_url))
        read: list[DayBeside] = []
        left: Sequence[date] = ()
        if not period.errors:
            read, left = await self._read(sites, period.days)
        values = {
            "period": period,
            "today": today,
            "sites": sites,
            "several": len(sites) > 1,
            "days": sorted(read, key=lambda one: (one.differing == 0 and one.failure is None, -one.day.toordinal())),
            "left": left,
            "differing": sum(one.differing for one in read),
            "shown": SHOWN,
            "states": STATES,
            "differences": DIFFERENCES,
            "describe": describe,
            "operator_name": operator_name,
            "errors": period.errors,
        }
        return Page("history.html", text("History"), values, status=422 if period.errors else 200)

    async def settle(self, visit: Visit) -> Answer:
        """Put one difference right."""
        form, visitor = await visit.form(), visit.visitor
        day = read_day(form.text("day"))
        sites = sites_of(await self._accounts.ever(visitor.saleor_api_url))
        site = next(
            (s for s in sites if (s.environment, s.site_id) == (form.text("environment"), form.text("site"))), None
        )
        trans_id = form.text("trans_id")
        if day is None or site is None or not trans_id:
            return NotThere()
        back = f"/history?from={_written(form.text('from'))}&to={_written(form.text('to'))}"
        try:
            finding, answered = await self._side_by_side.settle(site, day, trans_id, visitor.installation)
        except CinetPayError as error:
            return Done(back, error.merchant, tone=Tone.BAD)
        if finding is None:
            return Done(back, NO_DIFFERENCE if answered else NOT_ANSWERED, tone=Tone.GOOD if answered else Tone.WARNING)
        said, tone = _remedy(finding.remedy)
        return Done(back, said if answered else NOT_ANSWERED, tone=tone if answered else Tone.WARNING)

    async def _read(self, sites: Sequence[Site], days: Sequence[date]) -> tuple[list[DayBeside], Sequence[date]]:
        """Read day by day while there is time; a site that fails is not asked for more days."""
        read: list[DayBeside] = []
        failed: set[str] = set()
        try:
            async with asyncio.timeout(BUDGET_S):
                for day in days:
                    todays = [await self._side_by_side.read(site, day) for site in sites if site.site_id not in failed]
                    failed |= {one.site.site_id for one in todays if one.failure is not None}
                    read += todays
        except TimeoutError:
            done = {one.day for one in read}
            return read, [day for day in days if day not in done]
        return read, ()


def read_period(first: str, last: str, today: date) -> Period:
    """Read the days that were typed; where none were, the last ones."""
    errors: dict[str, Text] = {}
    until = read_day(last) if last else today
    since = read_day(first) if first else (until or today) - timedelta(days=USUAL_DAYS)
    if since is None:
        errors["from"] = NO_DATE
    if until is None:
        errors["to"] = NO_DATE
    elif until > today:
        errors["to"] = text("This day has not come yet.")
    if since is not None and until is not None and not errors:
        if since > until:
            errors["from"] = WRONG_ORDER
        elif (until - since).days >= MOST_DAYS:
            errors["from"] = text("These are more than {most} days: choose fewer.", most=MOST_DAYS)
    since, until = since or today, until or today
    return Period(
        typed_first=first or since.isoformat(),
        typed_last=last or until.isoformat(),
        first=since,
        last=until,
        errors=errors,
    )


NO_DIFFERENCE = text("There is no difference any more.")
NOT_ANSWERED = text("Not everybody answered. Nothing is lost: try again in a few minutes.")

DIFFERENCES: Mapping[FindingKind, tuple[Text, Text | None]] = {
    FindingKind.PAID_NOT_HERE: (
        text("Paid at CinetPay, and not here yet."),
        text("Settle"),
    ),
    FindingKind.UNKNOWN_HERE: (
        text("Paid at CinetPay, and unknown here."),
        text("Find it"),
    ),
    FindingKind.NOT_PAID_THERE: (
        text("Paid here, and CinetPay's history does not show it as paid."),
        text("Ask CinetPay again"),
    ),
    FindingKind.AMOUNT_DIFFERS: (
        text("The amounts differ. Compare the payment with CinetPay's back office."),
        None,
    ),
    FindingKind.MONEY_BACK: (
        text("CinetPay has given the money back since."),
        text("Put it on the list"),
    ),
    FindingKind.UNDELIVERED: (
        text("Paid, and Saleor has not been told yet. The app tries again by itself."),
        None,
    ),
    FindingKind.NOT_IN_SALEOR: (
        text("Paid, and Saleor does not show it."),
        text("Report it again"),
    ),
    FindingKind.SALEOR_AMOUNT_DIFFERS: (
        text("Saleor shows another amount. Compare the payment with its order."),
        None,
    ),
}
"""Each difference in words, and what the button says that puts it right; None where a person has to."""


def _remedy(remedy: Remedy) -> tuple[Text, Tone]:
    match remedy:
        case Remedy.ACCEPTED:
            return text("It is paid now, and Saleor is being told."), Tone.GOOD
        case Remedy.SUSPECT:
            return text("CinetPay says paid, but not everything agrees. Check it on the payment's page."), Tone.WARNING
        case Remedy.UNCHANGED:
            return text("CinetPay, asked about this payment, does not say that it is paid."), Tone.NOTE
        case Remedy.REPORTED_AGAIN:
            return text("Saleor is being told once more."), Tone.GOOD
        case Remedy.PROBLEM_RAISED:
            return text("A person has to decide: it stands on the first page, under what needs you."), Tone.WARNING
        case Remedy.LISTED | Remedy.DRY_RUN:
            return text("The difference remains. Compare the payment with CinetPay's back office."), Tone.WARNING
        case _ as never:
            assert_never(never)


def _written(typed: str) -> str:
    day = read_day(typed)
    return "" if day is None else day.isoformat()
