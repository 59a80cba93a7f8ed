"""Home: how to begin, until the first real payment; then what came in, what needs a person, and what CinetPay holds."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.dashboard.answers import Answer, Done, NotThere, Page, PageRoute, Section, Tone, Visit, Visitor
from saleor_cinetpay.dashboard.charts import DaysChart, OperatorBar, days_chart, operator_bars
from saleor_cinetpay.dashboard.words import STATES
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.payments.balances import Balance, Balances
from saleor_cinetpay.payments.figures import Figures, FiguresOfShops
from saleor_cinetpay.payments.problem_words import ProblemWords, words_of
from saleor_cinetpay.payments.problems import Problem, ProblemKind, Problems, Standing
from saleor_cinetpay.shops.accounts import Account
from saleor_cinetpay.shops.shop_settings import ShopSettings

BALANCE_WAIT_S = 0.1
"""How long the page waits for CinetPay; what comes later is shown when the page is fetched again."""
SHOWN = 50


class AccountsInUse(Protocol):
    """Knows a shop's accounts."""

    async def in_use(self, saleor_api_url: str) -> list[Account]:
        """Return those that its new payments may use, the operator's among them."""
        ...

    async def channels_served(self, saleor_api_url: str) -> bool:
        """Say whether a channel of the shop can take payments, as far as accounts go."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of setting the shop up."""

    title: Text
    hint: Text
    done: bool | None
    """None where only the admin can tell."""
    to: str | None = None
    """The page where it is done."""
    copies: tuple[str, ...] = ()
    """Addresses to copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """A problem as the page shows it."""

    standing: Standing
    words: ProblemWords
    to: str | None
    """The page where it is put right."""
    dismiss: str | None
    """The address that takes it off the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBalance:
    """An account and what it holds."""

    account: Account
    balance: Balance


class HomePages:
    """The first page."""

    def __init__(
        self,
        *,
        figures: FiguresOfShops,
        problems: Problems,
        balances: Balances,
        accounts: AccountsInUse,
        settings: ShopSettings,
        clock: Clock,
    ) -> None:
        self._figures = figures
        self._problems = problems
        self._balances = balances
        self._accounts = accounts
        self._settings = settings
        self._clock = clock
        self.section = Section(path="/", title=text("Home"), order=10, count=self._waiting)

    def routes(self) -> Sequence[PageRoute]:
        """Return the addresses."""
        return [PageRoute("/", self.show), PageRoute("/problems/{key:path}/dismiss", self.dismiss, method="POST")]

    async def show(self, visit: Visit) -> Answer:
        """Show where the shop stands."""
        shop = visit.visitor.saleor_api_url
        accounts = await self._accounts.in_use(shop)
        figures, began, standing, balances = await asyncio.gather(
            self._figures.of(shop, self._clock.now()),
            self._figures.first_acceptance(shop),
            self._problems.standing(shop),
            asyncio.gather(*(self._balance(account) for account in accounts)),
        )
        return Page(
            "home.html",
            text("Home"),
            {
                "steps": () if began else await self._steps(visit.visitor, accounts),
                **_figures_shown(figures),
                "matters": [_matter(one) for one in standing if one.dismissed_at is None][:SHOWN],
                "more": max(sum(one.dismissed_at is None for one in standing) - SHOWN, 0),
                "dismissed": [_matter(one) for one in standing if one.dismissed_at is not None][:SHOWN],
                "balances": balances,
                "refetch_s": 3 if any(one.balance.being_read for one in balances) else None,
            },
        )

    async def dismiss(self, visit: Visit) -> Answer:
        """Take a problem off the list."""
        key, visitor = visit.part("key"), visit.visitor
        standing = await self._problems.standing(visitor.saleor_api_url)
        if not any(one.problem.key == key and words_of(one.problem).dismissible for one in standing):
            return NotThere()
        if not await self._problems.dismiss(visitor.saleor_api_url, key, by=visitor.who, now=self._clock.now()):
            return Done("/", text("Somebody else has dismissed it already."), tone=Tone.NOTE)
        return Done("/", text("Dismissed. It comes back only if something changes."))

    async def _waiting(self, visitor: Visitor) -> int:
        return await self._problems.count(visitor.saleor_api_url)

    async def _balance(self, account: Account) -> AccountBalance:
        return AccountBalance(account=account, balance=await self._balances.of(account, wait_s=BALANCE_WAIT_S))

    async def _steps(self, visitor: Visitor, accounts: Sequence[Account]) -> Sequence[Step]:
        shop, base = visitor.saleor_api_url, visitor.installation.app_base_url.rstrip("/")
        origins = (await self._settings.of(shop)).storefront_origins
        return (
            Step(
                title=text("Enter your CinetPay account"),
                hint=text("The site id and the API key stand in CinetPay's back office, on the Integration tab."),
                done=bool(accounts),
                to="/settings",
            ),
            Step(
                title=text("Choose the channels that are paid through CinetPay"),
                hint=text("Only channels that sell in XOF can be."),
                done=await self._accounts.channels_served(shop),
                to="/settings",
            ),
            Step(
                title=text("Enter your shop's address"),
                hint=text("Buyers are led back there after they have paid."),
                done=bool(origins),
                to="/settings",
            ),
            Step(
                title=text("Paste the notification address into CinetPay's back office"),
                hint=text("CinetPay then tells the app of each payment at once. Without it the app asks by itself."),
                done=None,
                copies=tuple(f"{base}/cinetpay/notify/{account.account_key}" for account in accounts),
            ),
            Step(
                title=text("Make a first payment"),
                hint=text("Buy something small in your shop with your own phone. It appears among the payments."),
                done=False,
                to="/payments",
            ),
        )


def _figures_shown(figures: Figures) -> dict[str, object]:
    chart: DaysChart = days_chart(figures.days)
    operators: Sequence[OperatorBar] = operator_bars(figures.total.accepted_by_operator)
    return {"figures": figures, "chart": chart, "operators": operators, "states": STATES}


def _matter(standing: Standing) -> Matter:
    words = words_of(standing.problem)
    return Matter(
        standing=standing,
        words=words,
        to=_place_of(standing.problem),
        dismiss=f"/problems/{quote(standing.problem.key)}/dismiss" if words.dismissible else None,
    )


def _place_of(problem: Problem) -> str | None:
    """Return the page where a problem is put right."""
    if problem.kind is ProblemKind.CONFIGURATION:
        return "/settings"
    if problem.kind is ProblemKind.REFUND_WAITING:
        return f"/refunds/{problem.subject}"
    if problem.kind is ProblemKind.UNKNOWN_PAYMENT:
        return "/history"
    return f"/payments/{problem.trans_id}" if problem.trans_id else None
