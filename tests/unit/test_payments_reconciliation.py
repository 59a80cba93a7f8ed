"""Reconciliation finds what CinetPay, the ledger and Saleor differ in, and believes no row of a history alone."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fakes import NOON, SeededChance, refusal
from payments_kit import SECRETS, SHOP, SITE_ID, an_opening_payment, lose_ledger, trans_id, transaction_id
from pydantic import SecretStr
from reconciliation_kit import ORDER, TODAY, Office, an_event, an_office
from sqlalchemy import delete, select, update

from saleor_cinetpay.database import metadata
from saleor_cinetpay.errors import CinetPayUnavailable
from saleor_cinetpay.payments.findings import Comparison, Failure, Finding, FindingKind, Remedy
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.reconciliation import Days, UnknownAccount, last_two_days
from saleor_cinetpay.payments.report import ReportState, ReportType
from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.shops.accounts import Accounts, Environment, EnvironmentAccount
from saleor_cinetpay.shops.secrets import SecretBox
from saleor_cinetpay.shops.tables import installations

OTHER_SHOP = "https://other.example/graphql/"
OTHER_SITE = "778899"
T1 = trans_id()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """One shop with its CinetPay and its Saleor."""
    async with an_office(tmp_path) as office:
        yield office


def brief(findings: list[Finding]) -> list[tuple[FindingKind, Remedy, str]]:
    """Return the kind, the remedy and the note of each."""
    return [(finding.kind, finding.remedy, finding.note) for finding in findings]


async def everything(office: Office) -> dict[str, list[Any]]:
    """Return all that stands in the database."""
    async with office.database.read() as connection:
        return {
            name: [tuple(row) for row in await connection.execute(select(table))]
            for name, table in sorted(metadata.tables.items())
        }


async def uninstall(office: Office) -> None:
    """Delete the app in every Saleor; accounts and payments stay."""
    async with office.database.write() as connection:
        await connection.execute(delete(installations))


# -- what the ledger holds ---------------------------------------------------------------------------------------


async def test_what_agrees_is_no_finding(office: Office) -> None:
    """A payment that all three hold as charged is counted and not listed."""
    await office.accepted()
    office.saleor.opened(SHOP, 1, an_event("CHARGE_SUCCESS", T1))
    expected = Comparison(day=TODAY, site_id=SITE_ID, environment=Environment.LIVE, seen=1)
    assert [expected] == await office.reconcile()


async def test_a_payment_of_which_nobody_heard_is_settled(office: Office) -> None:
    """Paid there and pending here: CinetPay is asked, and the payment is accepted together with its report."""
    await office.paid()
    (finding,) = await office.findings()
    assert finding == Finding(
        kind=FindingKind.PAID_NOT_HERE,
        remedy=Remedy.ACCEPTED,
        day=TODAY,
        site_id=SITE_ID,
        account=await office.heart.account_key(),
        shop=SHOP,
        trans_id=T1,
        transaction=transaction_id(),
        cinetpay_amount=Decimal(5000),
        cinetpay_code="00",
        cinetpay_status="ACCEPTED",
        ledger_amount=Decimal(5000),
        saleor_amount=None,
        note="was_pending",
    )
    ((report, state),) = await office.heart.ledger.reports_of(T1)
    assert (ReportType.CHARGE_SUCCESS, 5000, ReportState.DUE) == (report.type, report.amount, state)


async def test_a_row_of_the_history_is_never_believed_alone(office: Office) -> None:
    """Where the history says "paid" and CinetPay, asked about the payment, does not, nothing is accepted."""
    await office.paid()
    office.cinetpay.refuses(T1, "604")
    office.cinetpay.told[T1] = {
        "cpm_result": "00",
        "cpm_trans_status": "ACCEPTED",
        "cpm_payment_date": f"{TODAY:%Y-%m-%d}",
    }
    assert [(FindingKind.PAID_NOT_HERE, Remedy.UNCHANGED, "was_pending")] == brief(await office.findings())
    held = await office.heart.held()
    assert (PaymentState.PENDING, "604") == (held.state, held.code)
    assert [] == await office.heart.ledger.reports_of(T1)


async def test_a_wrong_amount_is_suspect(office: Office) -> None:
    """Where CinetPay was paid another amount, the payment becomes suspect, and Saleor hears nothing."""
    await office.paid()
    office.cinetpay.shows(
        T1, cpm_result="00", cpm_trans_status="ACCEPTED", cpm_amount="100", cpm_payment_date=f"{TODAY}"
    )
    assert [(FindingKind.PAID_NOT_HERE, Remedy.SUSPECT, "was_pending")] == brief(await office.findings())
    assert [] == await office.heart.ledger.reports_of(T1)


async def test_no_answer_about_a_payment_is_a_failure(office: Office) -> None:
    """Where CinetPay shows its history and does not answer about the payment, the run says that it is not done."""
    await office.paid()
    office.cinetpay.looks_fail = CinetPayUnavailable("no answer", maybe_carried_out=True)
    (comparison,) = await office.reconcile()
    assert [(FindingKind.PAID_NOT_HERE, Remedy.UNCHANGED, "was_pending")] == brief(list(comparison.findings))
    assert ["cinetpay"] == [failure.whom for failure in comparison.failures]


async def test_accepted_here_and_not_there(office: Office) -> None:
    """A payment that is accepted here is listed where CinetPay, asked once more, does not say that it is paid."""
    await office.accepted()
    office.cinetpay.refuses(T1)
    assert [(FindingKind.NOT_PAID_THERE, Remedy.LISTED, "")] == brief(await office.findings())
    assert PaymentState.ACCEPTED is (await office.heart.held()).state


async def test_a_dry_run_asks_for_the_history_only(office: Office) -> None:
    """What only a question to CinetPay can settle is listed with a word that it was not asked."""
    await office.accepted()
    office.cinetpay.hidden.add(T1)
    looks = len(office.cinetpay.looks)
    expected = [(FindingKind.NOT_PAID_THERE, Remedy.DRY_RUN, "cinetpay_was_not_asked")]
    assert expected == brief(await office.findings(dry_run=True))
    assert looks == len(office.cinetpay.looks)


async def test_a_gap_in_the_history_is_asked_about(office: Office) -> None:
    """A payment that the history leaves out is no difference where CinetPay, asked about it, holds it as paid."""
    await office.accepted()
    office.saleor.opened(SHOP, 1, an_event("CHARGE_SUCCESS", T1))
    office.cinetpay.hidden.add(T1)
    assert [] == await office.findings()


async def test_an_old_row_of_the_history_is_asked_about(office: Office) -> None:
    """Where the history still shows an attempt that failed, CinetPay is asked, and its answer counts."""
    await office.accepted()
    office.saleor.opened(SHOP, 1, an_event("CHARGE_SUCCESS", T1))
    office.cinetpay.told[T1] = {"cpm_result": "604", "cpm_trans_status": "REFUSED"}
    assert [] == await office.findings()


async def test_no_answer_about_an_accepted_payment_is_a_failure(office: Office) -> None:
    """Where CinetPay does not answer about a payment that its history leaves out, no difference is claimed."""
    await office.accepted()
    office.cinetpay.hidden.add(T1)
    office.cinetpay.looks_fail = CinetPayUnavailable("no answer", maybe_carried_out=True)
    (comparison,) = await office.reconcile()
    assert ((), ["cinetpay"]) == (comparison.findings, [failure.whom for failure in comparison.failures])


async def test_a_shop_that_has_deleted_the_app_is_not_asked(office: Office) -> None:
    """Its payments are compared with CinetPay all the same; there is no Saleor to ask, and that is no failure."""
    await office.accepted()
    await uninstall(office)
    assert [Comparison(day=TODAY, site_id=SITE_ID, environment=Environment.LIVE, seen=1)] == await office.reconcile()
    assert 0 == office.saleor.reads[SHOP]


async def test_an_amount_that_differs_is_listed(office: Office) -> None:
    """What CinetPay shows as paid is held against what we accepted."""
    await office.accepted()
    office.cinetpay.told[T1] = {"cpm_amount": "4999"}
    (finding,) = await office.findings()
    assert (FindingKind.AMOUNT_DIFFERS, Decimal(4999), Decimal(5000)) == (
        finding.kind,
        finding.cinetpay_amount,
        finding.ledger_amount,
    )


@pytest.mark.parametrize("code", ["660", "661"])
async def test_money_given_back_is_a_problem(office: Office, code: str) -> None:
    """An accepted payment that CinetPay gives back stays accepted, and a person is told."""
    await office.accepted()
    office.cinetpay.told[T1] = {"cpm_result": code, "cpm_trans_status": "REFUSED"}
    assert [(FindingKind.MONEY_BACK, Remedy.PROBLEM_RAISED, "")] == brief(await office.findings())
    assert [("money_back", T1, None)] == await office.told(SHOP)
    assert PaymentState.ACCEPTED is (await office.heart.held()).state


async def test_an_undelivered_report_is_listed(office: Office) -> None:
    """A report that Saleor has not had for a minute is listed; a younger one is not."""
    await office.paid()
    await office.heart.settlement.settle(T1, trigger="test", wait_s=5)
    assert [] == await office.findings()
    office.clock.turn(60)
    assert [(FindingKind.UNDELIVERED, Remedy.LISTED, "tried_again_by_itself")] == brief(await office.findings())


@pytest.mark.parametrize(("dry_run", "number"), [(False, "1"), (True, None)])
async def test_the_order_of_a_payment_is_learned(office: Office, dry_run: bool, number: str | None) -> None:
    """Saleor's answer about a payment says which order its checkout became; a dry run writes nothing."""
    await office.accepted()
    office.saleor.opened(SHOP, 1, an_event("CHARGE_SUCCESS", T1))
    assert [] == await office.findings(dry_run=dry_run)
    assert number == (await office.heart.held()).order_number


async def test_a_charge_that_saleor_has_lost_is_reported_again(office: Office) -> None:
    """Where Saleor holds the transaction without our charge, the very same report becomes due once more."""
    await office.accepted()
    office.saleor.opened(SHOP)
    before = await office.heart.ledger.reports_of(T1)
    assert [ReportState.DELIVERED] == [state for _, state in before]
    assert [(FindingKind.NOT_IN_SALEOR, Remedy.REPORTED_AGAIN, "")] == brief(await office.findings())
    assert [(report, ReportState.DUE) for report, _ in before] == await office.heart.ledger.reports_of(T1)


async def test_a_transaction_that_saleor_does_not_know_is_only_listed(office: Office) -> None:
    """Where Saleor has no such transaction, a report would be refused for ever, so none is sent."""
    await office.accepted()
    assert [(FindingKind.NOT_IN_SALEOR, Remedy.LISTED, "saleor_does_not_know_it")] == brief(await office.findings())


async def test_another_amount_in_saleor_is_listed(office: Office) -> None:
    """A charge of another amount under our reference is listed with that amount."""
    await office.accepted()
    office.saleor.opened(SHOP, 1, an_event("CHARGE_SUCCESS", T1, "4000"))
    (finding,) = await office.findings()
    assert (FindingKind.SALEOR_AMOUNT_DIFFERS, Decimal(4000)) == (finding.kind, finding.saleor_amount)


async def test_a_saleor_that_is_away_is_waited_for_once(office: Office) -> None:
    """Of a Saleor that does not answer, one read of the day fails, and the run says that it is not done."""
    for number in (1, 2, 3):
        await office.accepted(number)
    office.saleor.away.add(SHOP)
    (comparison,) = await office.reconcile()
    assert (Failure(day=TODAY, site_id=SITE_ID, whom=SHOP, reason="no answer"),) == comparison.failures
    assert 1 == office.saleor.reads[SHOP]


# -- what the ledger does not hold -------------------------------------------------------------------------------


async def lost(office: Office) -> None:
    """Have a payment paid, and lose the ledger."""
    await office.paid()
    await lose_ledger(office.database)


async def test_a_lost_payment_is_taken_up(office: Office) -> None:
    """What CinetPay and Saleor agree on is accepted and reported, with its order and its channel."""
    office.saleor.opened(SHOP)
    await lost(office)
    (finding,) = await office.findings()
    assert (FindingKind.UNKNOWN_HERE, Remedy.ACCEPTED, SHOP, Decimal(5000), "") == (
        finding.kind,
        finding.remedy,
        finding.shop,
        finding.saleor_amount,
        finding.note,
    )
    held = await office.heart.held()
    assert (PaymentState.ACCEPTED, ORDER.id, "abidjan") == (held.state, held.source_id, held.channel)
    assert (ORDER.id, ORDER.number) == (held.order_id, held.order_number)
    ((report, _),) = await office.heart.ledger.reports_of(T1)
    assert (ReportType.CHARGE_SUCCESS, 5000) == (report.type, report.amount)
    assert [] == await office.told(SHOP)


async def test_a_lost_payment_is_taken_up_once(office: Office) -> None:
    """Reconciling again finds the payment here, and writes no second report."""
    office.saleor.opened(SHOP)
    await lost(office)
    await office.findings()
    assert [] == await office.findings()
    assert 1 == len(await office.heart.ledger.reports_of(T1))


async def test_a_success_comes_after_the_failures_that_saleor_holds(office: Office) -> None:
    """Saleor lets the later of success and failure win, so the success's time is after the failure it holds."""
    failed_at = NOON + timedelta(seconds=30)
    office.saleor.opened(SHOP, 1, an_event("CHARGE_FAILURE", T1, time=failed_at))
    await lost(office)
    await office.findings()
    ((report, _),) = await office.heart.ledger.reports_of(T1)
    assert failed_at + timedelta(seconds=1) == report.time


@pytest.mark.parametrize("amount", ["4999", "5001", "500000"])
async def test_a_lost_payment_of_another_amount_is_suspect(office: Office, amount: str) -> None:
    """Where Saleor asks for another amount than CinetPay shows, nothing is reported, and a person decides."""
    office.saleor.hold(SHOP, 1, [an_event("CHARGE_ACTION_REQUIRED", T1, amount)])
    await lost(office)
    assert [(FindingKind.UNKNOWN_HERE, Remedy.SUSPECT, "amount")] == brief(await office.findings())
    assert [] == await office.heart.ledger.reports_of(T1)
    assert [("suspect", T1, None)] == await office.told(SHOP)


async def test_our_own_request_counts_among_several(office: Office) -> None:
    """Of several requests the one with our reference says how much is asked for."""
    office.saleor.opened(SHOP, 1, an_event("CHARGE_REQUEST", "another", "9000"))
    await lost(office)
    assert [(FindingKind.UNKNOWN_HERE, Remedy.ACCEPTED, "")] == brief(await office.findings())


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([], "saleor_asks_for_nothing_that_fits"),
        ([("CHARGE_REQUEST", "", "5000"), ("CHARGE_REQUEST", "", "9000")], "saleor_asks_for_nothing_that_fits"),
        ([("CHARGE_REQUEST", "", "5000.5")], "saleor_asks_for_nothing_that_fits"),
        ([("CHARGE_REQUEST", "", "5000", "EUR")], "saleor_asks_for_nothing_that_fits"),
        ([("CHARGE_REQUEST",), ("CHARGE_SUCCESS", "of another app")], "saleor_holds_another_charge"),
        ([("CHARGE_REQUEST",), ("CHARGE_SUCCESS", T1, "4000")], "saleor_holds_another_charge"),
    ],
)
async def test_what_cannot_be_matched_is_for_a_person(
    office: Office, events: list[tuple[str, ...]], reason: str
) -> None:
    """Where Saleor asks for nothing that fits, or holds another charge, no payment is written and nothing reported."""
    office.saleor.hold(SHOP, 1, [an_event(*event) for event in events])
    await lost(office)
    assert [(FindingKind.UNKNOWN_HERE, Remedy.PROBLEM_RAISED, reason)] == brief(await office.findings())
    assert [("unknown_payment", T1, reason)] == await office.told(SHOP)
    assert await office.heart.ledger.find(T1) is None


async def test_a_charge_that_saleor_holds_is_not_reported_again(office: Office) -> None:
    """A lost payment that Saleor holds as charged is accepted here, and Saleor is told nothing."""
    office.saleor.opened(SHOP, 1, an_event("CHARGE_SUCCESS", T1))
    await lost(office)
    expected = [(FindingKind.UNKNOWN_HERE, Remedy.ACCEPTED, "saleor_held_the_charge")]
    assert expected == brief(await office.findings())
    assert PaymentState.ACCEPTED is (await office.heart.held()).state
    assert [] == await office.heart.ledger.reports_of(T1)


async def test_a_transaction_that_no_saleor_knows_is_for_a_person(office: Office) -> None:
    """Paid under a transaction's id that none of the shops' Saleors has: perhaps a shop's that is not installed."""
    await lost(office)
    (finding,) = await office.findings()
    assert (None, None, "saleor_does_not_know_it") == (finding.shop, finding.account, finding.note)
    assert [("unknown_payment", T1, "saleor_does_not_know_it")] == await office.told(SHOP)


async def test_a_saleor_that_does_not_answer_leaves_it_to_a_person_for_now(office: Office) -> None:
    """What could not be read is a problem until a later run takes the payment up."""
    office.saleor.opened(SHOP)
    office.saleor.away.add(SHOP)
    await lost(office)
    assert [(FindingKind.UNKNOWN_HERE, Remedy.PROBLEM_RAISED, "saleor_did_not_answer")] == brief(
        await office.findings()
    )
    office.saleor.away.clear()
    assert [(FindingKind.UNKNOWN_HERE, Remedy.ACCEPTED, "")] == brief(await office.findings())
    assert [] == await office.told(SHOP)


async def test_without_an_installation_it_is_for_a_person(office: Office) -> None:
    """Where no shop of the site has the app installed, no Saleor can be asked."""
    await lost(office)
    await uninstall(office)
    expected = [(FindingKind.UNKNOWN_HERE, Remedy.PROBLEM_RAISED, "not_installed")]
    assert expected == brief(await office.findings())


async def test_what_cinetpay_does_not_confirm_is_for_a_person(office: Office) -> None:
    """A row of the history that CinetPay, asked about the payment, knows nothing of, accepts nothing."""
    office.saleor.opened(SHOP)
    office.cinetpay.others = [
        {
            "cpm_site_id": SITE_ID,
            "cpm_trans_id": T1,
            "cpm_amount": "5000",
            "cpm_result": "00",
            "cpm_trans_status": "ACCEPTED",
            "cpm_payment_date": f"{TODAY:%Y-%m-%d}",
        }
    ]
    expected = [(FindingKind.UNKNOWN_HERE, Remedy.PROBLEM_RAISED, "cinetpay_does_not_confirm")]
    assert expected == brief(await office.findings())
    assert await office.heart.ledger.find(T1) is None


async def test_no_answer_about_a_lost_payment_is_a_failure(office: Office) -> None:
    """Where CinetPay does not answer about a lost payment, nothing is written, and the run says that it is not done."""
    office.saleor.opened(SHOP)
    await lost(office)
    office.cinetpay.looks_fail = CinetPayUnavailable("no answer", maybe_carried_out=True)
    (comparison,) = await office.reconcile()
    assert [(FindingKind.UNKNOWN_HERE, Remedy.UNCHANGED, "")] == brief(list(comparison.findings))
    assert ["cinetpay"] == [failure.whom for failure in comparison.failures]
    assert await office.heart.ledger.find(T1) is None


async def test_the_shop_whose_saleor_has_it_gets_it(tmp_path: Path) -> None:
    """Of two shops that share one site, the payment goes to the one whose Saleor holds the transaction."""
    async with an_office(tmp_path, SHOP, OTHER_SHOP) as office:
        office.saleor.opened(OTHER_SHOP)
        await lost(office)
        (finding,) = await office.findings()
        assert (Remedy.ACCEPTED, OTHER_SHOP) == (finding.remedy, finding.shop)
        assert OTHER_SHOP == (await office.heart.held()).saleor_api_url


async def test_an_opening_that_was_cut_short_is_taken_up(office: Office) -> None:
    """A payment whose row was never signed, and that was paid all the same, is judged by what the row asks for."""
    office.saleor.opened(SHOP)
    await lost(office)
    await office.heart.write(an_opening_payment(account_key=await office.heart.account_key()))
    assert [(FindingKind.UNKNOWN_HERE, Remedy.ACCEPTED, "")] == brief(await office.findings())


async def test_what_is_not_ours_is_counted_and_left_alone(office: Office) -> None:
    """Payments of other systems on the site, unpaid ones that we do not know, and unreadable rows are only counted."""
    row = {"cpm_site_id": SITE_ID, "cpm_payment_date": f"{TODAY:%Y-%m-%d}", "cpm_amount": "700"}
    office.cinetpay.others = [
        row | {"cpm_trans_id": "WC-1007", "cpm_result": "00", "cpm_trans_status": "ACCEPTED"},
        row | {"cpm_trans_id": "01arz3ndektsv4rrffq69g5fav", "cpm_result": "00", "cpm_trans_status": "ACCEPTED"},
        row | {"cpm_trans_id": trans_id(9), "cpm_result": "604", "cpm_trans_status": "REFUSED"},
    ]
    office.cinetpay.unreadable = 2
    expected = Comparison(
        day=TODAY, site_id=SITE_ID, environment=Environment.LIVE, seen=3, unreadable=2, other_systems=2, unpaid=1
    )
    assert [expected] == await office.reconcile()
    assert [] == office.cinetpay.looks


async def sealed_elsewhere(office: Office, *numbers: int) -> None:
    """Have these payments sealed with a key that is lost."""
    sealed = SecretBox(["another key"]).seal("{}", place="elsewhere")
    async with office.database.write() as connection:
        await connection.execute(
            update(payments).where(payments.c.trans_id.in_([trans_id(n) for n in numbers])).values(sealed_form=sealed)
        )


@pytest.mark.parametrize("dry_run", [False, True])
async def test_a_payment_that_no_key_opens_is_left_out(office: Office, dry_run: bool) -> None:
    """Paid or accepted, listed or not: counted, not taken for an unknown one, nobody called; the others are settled."""
    await office.accepted(1)
    await office.accepted(2)
    await office.paid(3)
    await office.paid(4)
    for number in (1, 2, 3):
        office.saleor.opened(SHOP, number)
    office.cinetpay.hidden.add(trans_id(2))
    await sealed_elsewhere(office, 1, 2, 3)
    looks = len(office.cinetpay.looks)
    (comparison,) = await office.reconcile(dry_run=dry_run)
    remedy = Remedy.DRY_RUN if dry_run else Remedy.ACCEPTED
    assert [(FindingKind.PAID_NOT_HERE, remedy, "was_pending")] == brief(list(comparison.findings))
    assert (3, 3, ()) == (comparison.seen, comparison.unopened, comparison.failures)
    assert [] == await office.told(SHOP)
    assert [trans_id(4)] * (not dry_run) == [looked_up for looked_up, _ in office.cinetpay.looks[looks:]]
    assert 0 == office.saleor.reads[SHOP]


async def test_a_click_on_a_payment_that_no_key_opens_says_why(office: Office) -> None:
    """Put right alone, it is neither adopted nor raised; the reason is told."""
    await office.paid()
    office.saleor.opened(SHOP)
    await sealed_elsewhere(office, 1)
    plan = await office.reconciliation.plan(Days(first=TODAY, last=TODAY))
    (site,) = plan.sites
    comparing = office.reconciliation.comparing(site, TODAY, plan.installations, dry_run=False)
    findings, (reason,) = await comparing.compare_one(T1, await office.reconciliation.history(site, TODAY))
    assert ([], []) == (findings, await office.told(SHOP))
    assert "SECRET_KEY" in reason


# -- the run -----------------------------------------------------------------------------------------------------


async def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """Of a lost, a missed, a returned and an unreported payment everything is listed, and no row changes."""
    async with an_office(tmp_path) as office:
        await office.paid(1)
        await lose_ledger(office.database)
        office.saleor.opened(SHOP, 1)
        await office.paid(2)
        await office.accepted(3)
        office.cinetpay.told[trans_id(3)] = {"cpm_result": "660"}
        await office.accepted(4)
        office.saleor.opened(SHOP, 4)
        await office.paid(5)
        async with office.database.write() as connection:
            await connection.execute(
                metadata.tables["payments"].delete().where(metadata.tables["payments"].c.trans_id == trans_id(5))
            )
        before, looks = await everything(office), len(office.cinetpay.looks)
        findings = await office.findings(dry_run=True)
        assert [
            (FindingKind.UNKNOWN_HERE, Remedy.DRY_RUN),
            (FindingKind.PAID_NOT_HERE, Remedy.DRY_RUN),
            (FindingKind.MONEY_BACK, Remedy.DRY_RUN),
            (FindingKind.NOT_IN_SALEOR, Remedy.DRY_RUN),
            (FindingKind.UNKNOWN_HERE, Remedy.DRY_RUN),
        ] == [(finding.kind, finding.remedy) for finding in findings]
        assert before == await everything(office)
        assert looks == len(office.cinetpay.looks)


async def test_a_dry_run_keeps_no_account(office: Office) -> None:
    """After a lost database even the account of the shop is only thought of."""
    assert [0] == [comparison.seen for comparison in await office.reconcile(dry_run=True)]
    assert [] == (await everything(office))["accounts"]


async def test_a_payment_that_stands_on_two_days_is_told_of_once(office: Office) -> None:
    """A history that lists a payment on the day of its beginning and on that of its end brings one finding."""
    await office.paid()
    office.cinetpay.told[T1] = {"cpm_payment_date": f"{TODAY - timedelta(days=1)} {TODAY}"}
    assert [1, 0] == [c.seen for c in await office.reconcile(TODAY - timedelta(days=1))]


async def test_a_payment_that_ended_after_midnight_is_not_missed(office: Office) -> None:
    """One that stands in the history of its first day, and was accepted on the next, costs no further question."""
    await office.accepted()
    office.saleor.opened(SHOP, 1, an_event("CHARGE_SUCCESS", T1))
    office.cinetpay.told[T1] = {"cpm_payment_date": f"{TODAY - timedelta(days=1)}"}
    looks = len(office.cinetpay.looks)
    assert [] == await office.findings(first=TODAY - timedelta(days=1))
    assert looks == len(office.cinetpay.looks)


async def test_a_site_that_cannot_be_asked_holds_up_no_other(office: Office) -> None:
    """Of two sites one refuses: its first day is a failure, its others are not asked for, the other site is settled."""
    await office.paid()
    given = EnvironmentAccount(site_id=OTHER_SITE, api_key=SecretStr("another key"), currency="CFA")
    others = Accounts(office.database, SECRETS, office.clock, SeededChance(9), given)
    await others.from_environment(SHOP)
    office.cinetpay.no_history[OTHER_SITE] = refusal("609")
    comparisons = await office.reconcile(TODAY - timedelta(days=1))
    assert [(OTHER_SITE, "CinetPay refused: 609 AUTH_NOT_FOUND")] == [
        (failure.site_id, failure.reason) for comparison in comparisons for failure in comparison.failures
    ]
    assert [T1] == [finding.trans_id for comparison in comparisons for finding in comparison.findings]
    assert [TODAY - timedelta(days=1)] == [day for site, day in office.cinetpay.asked_for if site == OTHER_SITE]


async def test_a_key_that_is_no_longer_right_does_not_hide_the_site(tmp_path: Path) -> None:
    """Where two shops share a site, and one's account still has its old key, the other's key opens the history."""
    async with an_office(tmp_path, SHOP) as office:
        given = EnvironmentAccount(site_id=SITE_ID, api_key=SecretStr("an old key"), currency="CFA")
        old = Accounts(office.database, SECRETS, office.clock, SeededChance(9), given)
        await old.from_environment(OTHER_SHOP)
        await office.paid()
        assert [(FindingKind.PAID_NOT_HERE, Remedy.ACCEPTED, "was_pending")] == brief(await office.findings())


async def test_one_account_can_be_chosen(tmp_path: Path) -> None:
    """With an account's key, payments of the other account of that site count as another system's."""
    async with an_office(tmp_path, SHOP, OTHER_SHOP) as office:
        await office.paid()
        ours, theirs = await office.heart.account_key(), await office.heart.account_key(OTHER_SHOP)
        (comparison,) = await office.reconcile(account_key=theirs)
        assert (1, ()) == (comparison.other_systems, comparison.findings)
        (finding,) = await office.findings(account_key=ours)
        assert Remedy.ACCEPTED is finding.remedy


async def test_an_account_that_does_not_exist_is_an_error(office: Office) -> None:
    """A key that names no account is said to name none."""
    with pytest.raises(UnknownAccount, match="there is no account nobody"):
        await office.reconcile(account_key="nobody")


def test_the_last_two_days_cover_48_hours() -> None:
    """Without dates everything of the last 48 hours is compared, at whatever time of the day."""
    days = last_two_days(NOON)
    assert [date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)] == list(days)


def test_days_the_wrong_way_round_are_an_error() -> None:
    """A last day before the first is refused."""
    with pytest.raises(ValueError, match="comes before"):
        Days(first=date(2026, 3, 4), last=date(2026, 3, 3))
