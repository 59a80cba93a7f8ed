"""What a person must act on: raised once, dismissed by somebody, back when it changes, and told to Saleor durably."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from fakes import NOON, SeededChance
from payments_kit import SHOP, Heart, World, a_payment, build_heart, trans_id
from sqlalchemy import select, update

from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import SaleorError, SaleorRefused, SaleorUnavailable
from saleor_cinetpay.locale import Language
from saleor_cinetpay.payments.announcing import Announcing, Board, Notice
from saleor_cinetpay.payments.ledger import LEASE
from saleor_cinetpay.payments.problems import Problem, ProblemKind, Problems, Standing
from saleor_cinetpay.payments.tables import problems as problems_table
from saleor_cinetpay.payments.worker import Worker
from saleor_cinetpay.recent import RECENT
from saleor_cinetpay.shops.installations import Installation
from saleor_cinetpay.shops.tables import accounts, installations

DESK = "desk@shop.example"
MONEY_BACK = Problem(
    kind=ProblemKind.MONEY_BACK,
    saleor_api_url=SHOP,
    subject=trans_id(),
    trans_id=trans_id(),
    detail={"code": "660", "amount": "5000 XOF"},
)
CONFIGURATION = Problem(
    kind=ProblemKind.CONFIGURATION, saleor_api_url=SHOP, subject="account-key", detail={"code": "609", "site_id": "7"}
)
CHANGED = replace(MONEY_BACK, detail={"code": "661", "amount": "5000 XOF"})


@dataclass
class Wall:
    """Saleor's list of the app's problems, behind the heart's `Boards`."""

    down: SaleorError | None = None
    shown: dict[str, Notice] = field(default_factory=dict)
    dismissed: set[str] = field(default_factory=set)
    more: set[str] = field(default_factory=set)
    """Keys of other problems that are shown."""
    calls: list[str] = field(default_factory=list)

    async def put_up(self, installation: Installation, notice: Notice, *, timeout_s: float) -> None:
        self._admit("put_up")
        self.shown[notice.key] = notice

    async def take_down(self, installation: Installation, key: str, *, timeout_s: float) -> None:
        self._admit("take_down")
        self.shown.pop(key, None)

    async def read(self, installation: Installation, *, timeout_s: float) -> Board:
        self._admit("read")
        return Board(open=frozenset({*self.shown, *self.more}), dismissed=frozenset(self.dismissed))

    def _admit(self, call: str) -> None:
        self.calls.append(call)
        if self.down is not None:
            raise self.down


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def problems(database: Database) -> Problems:
    return Problems(database)


@pytest.fixture
def worker(heart: Heart, database: Database, wall: Wall) -> "Telling":
    return Telling(heart, database, wall)


class Telling:
    """Workers that tell problems, as the app's does."""

    def __init__(self, heart: Heart, database: Database, wall: Wall) -> None:
        self._heart = heart
        self.announcing = Announcing(
            database=database,
            boards=wall,
            installations=heart.installations,
            accounts=heart.accounts,
            clock=heart.world.clock,
            chance=SeededChance(5),
        )

    async def work_off(self) -> None:
        """Do all that is due."""
        heart = self._heart
        worker = Worker(
            ledger=heart.ledger,
            settlement=heart.settlement,
            delivery=heart.delivery,
            completion=heart.completion,
            announcing=self.announcing,
            leases=heart.leases,
            clock=heart.world.clock,
        )
        while await worker.take_due():
            worker.stop()
            await worker.run()


async def due_in(database: Database, key: str, now: Any) -> timedelta | None:
    """Return in what time a problem is due to be told."""
    async with database.read() as connection:
        due_at = await connection.scalar(select(problems_table.c.due_at).where(problems_table.c.key == key))
    return None if due_at is None else due_at - now


# -- raising and dismissing ------------------------------------------------------------------------------------------


async def test_a_problem_that_stands_is_raised_once(problems: Problems) -> None:
    """Raised again as it is, it stays as it is; raised with another detail it says the newest, with its first time."""
    await problems.raise_now(MONEY_BACK, NOON)
    await problems.raise_now(MONEY_BACK, NOON + timedelta(days=1))
    assert [Standing(problem=MONEY_BACK, raised_at=NOON)] == await problems.standing(SHOP)
    await problems.raise_now(CHANGED, NOON + timedelta(days=2))
    assert [Standing(problem=CHANGED, raised_at=NOON)] == await problems.standing(SHOP)


async def test_a_dismissed_problem_stays_away(problems: Problems) -> None:
    """Who dismissed it, and when, is kept; the same finding of the next night does not bring it back."""
    await problems.raise_now(MONEY_BACK, NOON)
    assert await problems.dismiss(SHOP, MONEY_BACK.key, by=DESK, now=NOON)
    await problems.raise_now(MONEY_BACK, NOON + timedelta(days=1))
    dismissed = Standing(problem=MONEY_BACK, raised_at=NOON, dismissed_by=DESK, dismissed_at=NOON)
    assert [dismissed] == await problems.standing(SHOP)
    assert not await problems.dismiss(SHOP, MONEY_BACK.key, by="another", now=NOON)
    assert [dismissed] == await problems.standing(SHOP)


async def test_a_dismissed_problem_comes_back_changed(problems: Problems) -> None:
    """Another finding about the same payment is a new matter, with a time of its own."""
    later = NOON + timedelta(days=1)
    await problems.raise_now(MONEY_BACK, NOON)
    await problems.dismiss(SHOP, MONEY_BACK.key, by=DESK, now=NOON)
    await problems.raise_now(CHANGED, later)
    assert [Standing(problem=CHANGED, raised_at=later)] == await problems.standing(SHOP)


async def test_a_solved_problem_is_raised_anew(problems: Problems) -> None:
    """What was solved, dismissed or not, and happens again is a new matter."""
    later = NOON + timedelta(days=1)
    await problems.raise_now(MONEY_BACK, NOON)
    await problems.dismiss(SHOP, MONEY_BACK.key, by=DESK, now=NOON)
    await problems.solve_now(MONEY_BACK.kind, MONEY_BACK.subject, NOON)
    assert [] == await problems.standing(SHOP)
    await problems.raise_now(MONEY_BACK, later)
    assert [Standing(problem=MONEY_BACK, raised_at=later)] == await problems.standing(SHOP)


async def test_a_shop_dismisses_only_its_own(problems: Problems) -> None:
    """Another shop's problem is not there for it."""
    await problems.raise_now(MONEY_BACK, NOON)
    assert not await problems.dismiss("https://other.example/graphql/", MONEY_BACK.key, by=DESK, now=NOON)
    assert [Standing(problem=MONEY_BACK, raised_at=NOON)] == await problems.standing(SHOP)


# -- telling ---------------------------------------------------------------------------------------------------------


async def test_saleor_is_told_and_told_when_it_is_solved(problems: Problems, worker: Telling, wall: Wall) -> None:
    """A problem is shown in words, once, and goes when it is solved."""
    await problems.raise_now(CONFIGURATION, NOON)
    await worker.work_off()
    await worker.work_off()
    (notice,) = wall.shown.values()
    assert (CONFIGURATION.key, True, ["put_up"]) == (notice.key, notice.critical, wall.calls)
    assert notice.message.startswith("CinetPay n’accepte pas votre compte")
    await problems.solve_now(CONFIGURATION.kind, CONFIGURATION.subject, NOON)
    await worker.work_off()
    assert {} == wall.shown


async def test_it_is_told_in_the_payment_s_language(
    heart: Heart, problems: Problems, worker: Telling, wall: Wall
) -> None:
    """A problem of a payment speaks the language of those who sell there."""
    await heart.write(a_payment(1, merchant_language=Language.ENGLISH))
    await problems.raise_now(MONEY_BACK, NOON)
    await worker.work_off()
    (notice,) = wall.shown.values()
    assert f"has given the 5\u202f000\u00a0F\u00a0CFA of payment {trans_id()} back" in notice.message


async def test_what_a_newer_version_has_noted_is_told_by_that_one(
    database: Database, problems: Problems, worker: Telling, wall: Wall
) -> None:
    """A kind that this version has no words for is not taken, so that the newer one finds it as due as it was."""
    await problems.raise_now(CONFIGURATION, NOON)
    await problems.raise_now(MONEY_BACK, NOON)
    newer = update(problems_table).where(problems_table.c.key == MONEY_BACK.key).values(kind="of_tomorrow")
    async with database.write() as connection:
        await connection.execute(newer)
    await worker.work_off()
    assert [CONFIGURATION.key] == list(wall.shown)
    assert timedelta() == await due_in(database, MONEY_BACK.key, NOON)


async def test_a_problem_of_an_account_that_no_key_opens_is_told(
    heart: Heart, database: Database, problems: Problems, worker: Telling, wall: Wall
) -> None:
    """Nothing that is sealed is needed to tell of it; in French, where the account's language can't be read."""
    key = await heart.account_key()
    async with database.write() as connection:
        await connection.execute(update(accounts).values(sealed_api_key="AAAA" * 20))
    heart.accounts.forget()
    await problems.raise_now(replace(CONFIGURATION, subject=key), NOON)
    await worker.work_off()
    (notice,) = wall.shown.values()
    assert notice.message.startswith("CinetPay n’accepte pas votre compte")


async def test_a_dismissed_problem_goes_at_saleor_too(problems: Problems, worker: Telling, wall: Wall) -> None:
    """What somebody has dismissed here is not shown there, and is back there when it is back here."""
    await problems.raise_now(MONEY_BACK, NOON)
    await worker.work_off()
    await problems.dismiss(SHOP, MONEY_BACK.key, by=DESK, now=NOON)
    await worker.work_off()
    assert {} == wall.shown
    await problems.raise_now(CHANGED, NOON)
    await worker.work_off()
    assert [MONEY_BACK.key] == list(wall.shown)


@pytest.mark.parametrize(
    "down",
    [SaleorUnavailable("away", maybe_carried_out=True), SaleorRefused(code="UNAUTHENTICATED", message="deleted")],
)
async def test_a_saleor_that_is_away_is_told_later(
    problems: Problems, worker: Telling, wall: Wall, world: World, down: SaleorError
) -> None:
    """Neither an outage nor a deleted app loses it; it is told when Saleor answers again."""
    wall.down = down
    await problems.raise_now(MONEY_BACK, NOON)
    await worker.work_off()
    wall.down = None
    world.clock.turn(60)
    await worker.work_off()
    assert [MONEY_BACK.key] == list(wall.shown)


async def test_it_waits_for_an_installation(
    problems: Problems, worker: Telling, wall: Wall, heart: Heart, database: Database
) -> None:
    """Without an installation it waits, and the next registration has everything that stands told at once."""
    await problems.raise_now(CONFIGURATION, NOON)
    await worker.work_off()
    wall.shown.clear()  # the app was deleted, and its problems with it
    async with database.write() as connection:
        await connection.execute(installations.delete())
    heart.world.clock.turn(RECENT.total_seconds())
    await problems.raise_now(MONEY_BACK, NOON)
    await worker.work_off()
    assert {} == wall.shown
    await heart.install()
    await heart.ledger.take_up_again(SHOP)
    await worker.work_off()
    assert {CONFIGURATION.key, MONEY_BACK.key} == set(wall.shown)


@pytest.mark.parametrize("version", ["3.20.9", "3.21.0", "3.22.35"])
async def test_an_older_saleor_is_left_alone(
    problems: Problems, worker: Telling, wall: Wall, database: Database, version: str
) -> None:
    """One that can't show problems by its version is not asked at all, and thought of again a day later."""
    async with database.write() as connection:
        await connection.execute(update(installations).values(saleor_version=version))
    await problems.raise_now(MONEY_BACK, NOON)
    await worker.work_off()
    assert ([], timedelta(days=1)) == (wall.calls, await due_in(database, MONEY_BACK.key, NOON))


async def test_a_saleor_whose_schema_lacks_it_is_left_alone(
    problems: Problems, worker: Telling, wall: Wall, database: Database
) -> None:
    """One that does not know the words is asked once a day, and not about what is solved."""
    wall.down = SaleorRefused(code="GRAPHQL_ERROR", message="Cannot query field appProblemCreate")
    await problems.raise_now(MONEY_BACK, NOON)
    await worker.work_off()
    assert (["put_up"], timedelta(days=1)) == (wall.calls, await due_in(database, MONEY_BACK.key, NOON))
    await problems.solve_now(MONEY_BACK.kind, MONEY_BACK.subject, NOON)
    await worker.work_off()
    assert None is await due_in(database, MONEY_BACK.key, NOON)


async def test_what_saleor_has_dropped_is_told_again(
    problems: Problems, worker: Telling, wall: Wall, world: World
) -> None:
    """Saleor keeps a hundred problems; one that stands is looked for once a day, and shown again where it is gone."""
    await problems.raise_now(MONEY_BACK, NOON)
    await worker.work_off()
    world.clock.turn(86400)
    await worker.work_off()
    assert ["put_up", "read"] == wall.calls
    wall.shown.clear()
    world.clock.turn(86400)
    await worker.work_off()
    assert [MONEY_BACK.key] == list(wall.shown)


async def test_what_staff_dismissed_in_saleor_stays_away(
    problems: Problems, worker: Telling, wall: Wall, world: World
) -> None:
    """Neither what staff dismissed there nor what has no room there is put up again."""
    await problems.raise_now(MONEY_BACK, NOON)
    await worker.work_off()
    wall.shown.clear()
    wall.dismissed = {MONEY_BACK.key}
    world.clock.turn(86400)
    await worker.work_off()
    wall.dismissed, wall.more = set(), {f"other-{number}" for number in range(90)}
    world.clock.turn(86400)
    await worker.work_off()
    assert ({}, ["put_up", "read", "read"]) == (wall.shown, wall.calls)


async def test_a_change_while_it_is_told_is_told_too(
    problems: Problems, worker: Telling, wall: Wall, database: Database
) -> None:
    """Whoever was telling the earlier state has lost the lease; the newer one is due."""
    await problems.raise_now(MONEY_BACK, NOON)
    (due,) = await worker.announcing.claim_due(8)
    await problems.solve_now(MONEY_BACK.kind, MONEY_BACK.subject, NOON)
    await worker.announcing.announce(due)
    assert timedelta() == await due_in(database, MONEY_BACK.key, NOON)
    await worker.work_off()
    assert {} == wall.shown


async def test_one_tells_at_a_time_and_a_dead_one_is_followed(
    problems: Problems, heart: Heart, other_database: Database, worker: Telling, wall: Wall, world: World
) -> None:
    """What one process has claimed no other takes, until its lease ends."""
    other = Telling(build_heart(other_database, world, seed=1), other_database, wall).announcing
    await problems.raise_now(MONEY_BACK, NOON)
    assert 1 == len(await worker.announcing.claim_due(8))
    assert [] == await other.claim_due(8)
    world.clock.turn(LEASE.total_seconds())
    assert 1 == len(await other.claim_due(8))


async def test_a_busy_shop_is_left_out(problems: Problems, worker: Telling) -> None:
    """A shop that takes its share already is not claimed for."""
    await problems.raise_now(MONEY_BACK, NOON)
    assert [] == await worker.announcing.claim_due(8, except_shops=[SHOP])
