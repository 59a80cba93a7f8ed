"""Reconciling over HTTP: a lost ledger end to end, what nobody heard of, and the command as an operator runs it."""

import asyncio
import csv
import io
import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from app_kit import API_KEY, HANGS_S, SHOP, SITE_ID, World, running
from sqlalchemy import delete, select, update

from saleor_cinetpay.database import metadata
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.payments.reconciliation import last_two_days
from saleor_cinetpay.payments.tables import chores, completions, payment_events, payments, problems, reports
from saleor_cinetpay.sandbox.saleor.booking import EventType
from saleor_cinetpay.sandbox.saleor.records import Transaction
from saleor_cinetpay.settings import Settings
from saleor_cinetpay.shops.tables import accounts, installations

pytestmark = pytest.mark.asyncio(loop_scope="session")

COMMANDS = """
import json, os, sys, tempfile
from saleor_cinetpay.cli import main

ran = []
for arguments, environment in json.loads(sys.argv[1]):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if not child:
            os.dup2(out.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            os.environ.update(environment)
            sys.argv = ["saleor-cinetpay", "reconcile", *arguments]
            main()
            sys.exit()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        errors.seek(0)
        ran.append({"code": code, "out": out.read().decode(), "errors": errors.read().decode()})
print(json.dumps(ran))
"""
"""Runs the command once for each line of its argument, having imported it but once, and prints what came of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run of the command left."""

    code: int
    out: str
    errors: str

    @property
    def json(self) -> dict[str, Any]:
        """What it printed, as JSON."""
        document: dict[str, Any] = json.loads(self.out)
        return document


async def reconciled(world: World, *, dry_run: bool = False) -> list[tuple[str, str, str, str]]:
    """Reconcile the last two days; return kind, remedy, note and trans id of what differs."""
    plan = await world.house.reconciliation.plan(last_two_days(world.house.clock.now()), dry_run=dry_run)
    comparisons = [comparison async for comparison in world.house.reconciliation.run(plan)]
    assert [] == [failure for comparison in comparisons for failure in comparison.failures]
    return [(f.kind, f.remedy, f.note, f.trans_id) for comparison in comparisons for f in comparison.findings]


async def commands(settings: Settings, *lines: tuple[list[str], dict[str, str]]) -> list[Ran]:
    """Run the command with each of these arguments and environments, in processes of their own, one after another."""
    sealed = ("secret_key", "database_url", "cinetpay_api_key")
    given = {name.upper(): getattr(settings, name).get_secret_value() for name in sealed}
    given |= {name.upper(): getattr(settings, name) for name in ("app_env", "cinetpay_api_url", "cinetpay_site_id")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COMMANDS, json.dumps(lines), env=os.environ | given, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 90)
    return [Ran(**ran) for ran in json.loads(printed)]


async def command(settings: Settings, *arguments: str) -> Ran:
    """Run the command once."""
    (ran,) = await commands(settings, (list(arguments), {}))
    return ran


async def lose_ledger(world: World) -> None:
    """Lose all that the database holds, and install the app anew."""
    async with world.house.database.write() as connection:
        for table in metadata.tables.values():
            if table is not chores:
                await connection.execute(delete(table))
    world.house.accounts.forget()  # as with the process that lost it
    await world.install_anew()
    await world.house.shop_settings.set_storefront_origins(world.saleor.config.api_url, [SHOP])


def remove_ledger(folder: Path) -> None:
    """Lose the very files."""
    for file in folder.glob("ledger.db*"):
        file.unlink()


async def stop_the_clock(world: World) -> None:
    """Let nothing become due by itself."""
    async with world.house.database.write() as connection:
        await connection.execute(update(payments).values(due_at=None))


async def paid(world: World) -> tuple[Transaction, str]:
    """Have a buyer pay, of which no notification tells, and let the clock never look."""
    transaction, trans_id = await world.at_cinetpay()
    await stop_the_clock(world)
    await world.cinetpay.settle(trans_id, notify="never")
    return transaction, trans_id


async def until_delivered(world: World, trans_id: str) -> None:
    """Wait until the ledger knows that Saleor has the report."""
    async with asyncio.timeout(HANGS_S):
        while ["delivered"] != [state for _, state in await world.house.ledger.reports_of(trans_id)]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def everything(world: World) -> dict[str, list[Any]]:
    """Return all that stands in the database; a worker's own chore aside."""
    async with world.house.database.read() as connection:
        return {
            name: [tuple(row) for row in await connection.execute(select(table))]
            for name, table in metadata.tables.items()
            if table is not chores
        }


async def told(world: World) -> list[tuple[str, str, Any]]:
    """Return what the shop's people must act on: kind, trans id and reason."""
    open_ones = await world.house.problems.open_of(world.saleor.config.api_url)
    return [(problem.kind, problem.subject, problem.detail.get("reason")) for _, problem in open_ones]


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def swept(world: World) -> None:
    """No payment and no problem of an earlier test, as CinetPay has forgotten theirs."""
    async with world.house.database.write() as connection:
        for table in (payments, payment_events, reports, completions, problems):
            await connection.execute(delete(table))


# -- a lost ledger -----------------------------------------------------------------------------------------------


async def test_a_lost_ledger_loses_no_money(tmp_path: Path) -> None:
    """On a fresh database file, after a re-install, the payment is taken up, and Saleor is charged once."""
    async with running(tmp_path) as world:
        transaction, trans_id = await paid(world)
        await world.house.database.close()
        remove_ledger(tmp_path)
        await migrate(world.house.database)
        await world.install_anew()
        ran = await command(world.settings, "--json")
        assert (0, ["accepted"]) == (ran.code, [finding["remedy"] for finding in ran.json["findings"]])
        (charge,) = await world.reported(transaction, "CHARGE_SUCCESS")
        assert (Decimal(12500), trans_id) == (charge.amount.amount, charge.psp_reference)
        await until_delivered(world, trans_id)
        assert [] == await reconciled(world)
        assert [charge] == await world.reported(transaction, "CHARGE_SUCCESS")
        payment = await world.house.ledger.find(trans_id)
        assert payment is not None
        assert transaction.source.id == payment.source_id


async def test_another_amount_is_not_reported(world: World) -> None:
    """Where CinetPay was paid another amount than Saleor asks for, Saleor hears nothing, and a person decides."""
    transaction, trans_id = await paid(world)
    await lose_ledger(world)
    await world.cinetpay.show(trans_id, cpm_amount="100")
    assert [("unknown_here", "suspect", "amount", trans_id)] == await reconciled(world)
    assert [("suspect", trans_id, None)] == await told(world)
    await world.reported(transaction)


async def test_a_transaction_that_is_charged_already_stays_as_it_is(world: World) -> None:
    """A payment that Saleor holds as charged comes back into the ledger, and Saleor is told nothing."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id)
    (charge,) = await world.reported(transaction, "CHARGE_SUCCESS")
    await until_delivered(world, trans_id)
    await lose_ledger(world)
    assert [("unknown_here", "accepted", "saleor_held_the_charge", trans_id)] == await reconciled(world)
    assert [charge] == await world.reported(transaction, "CHARGE_SUCCESS")
    assert [] == list(await world.house.ledger.reports_of(trans_id))


async def test_another_shops_transaction_is_for_a_person(world: World) -> None:
    """Paid under the id of a transaction that no installed Saleor holds: nothing is written but the problem."""
    transaction, trans_id = await paid(world)
    await lose_ledger(world)
    world.saleor.store.transactions.clear()
    assert [("unknown_here", "problem_raised", "saleor_does_not_know_it", trans_id)] == await reconciled(world)
    assert [("unknown_payment", trans_id, "saleor_does_not_know_it")] == await told(world)
    assert await world.house.ledger.find(trans_id) is None
    await world.reported(transaction)


async def test_a_charge_that_saleor_has_lost_is_booked_again(world: World) -> None:
    """Where Saleor came back from an old backup without our charge, it gets the same charge again."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id)
    (charge,) = await world.reported(transaction, "CHARGE_SUCCESS")
    await until_delivered(world, trans_id)
    transaction.events[:] = [event for event in transaction.events if event.type is not EventType.CHARGE_SUCCESS]
    assert [("not_in_saleor", "reported_again", "", trans_id)] == await reconciled(world)
    (again,) = await world.reported(transaction, "CHARGE_SUCCESS")
    assert (charge.amount, charge.psp_reference, charge.created_at) == (
        again.amount,
        again.psp_reference,
        again.created_at,
    )


# -- what nobody heard of ----------------------------------------------------------------------------------------


async def test_a_payment_whose_notification_and_clock_never_came(world: World) -> None:
    """The command settles it, and the app's worker tells Saleor."""
    transaction, trans_id = await paid(world)
    assert [("paid_not_here", "accepted", "was_pending", trans_id)] == await reconciled(world)
    await world.reported(transaction, "CHARGE_SUCCESS")


async def test_money_given_back_is_told(world: World) -> None:
    """CinetPay gives the money of an accepted payment back: a problem, and no event for Saleor."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id)
    await world.reported(transaction, "CHARGE_SUCCESS")
    await world.cinetpay.settle(trans_id, "660", notify="never")
    await until_delivered(world, trans_id)
    assert [("money_back", "problem_raised", "", trans_id)] == await reconciled(world)
    assert [("money_back", trans_id, None)] == await told(world)
    await world.reported(transaction, "CHARGE_SUCCESS")


async def test_a_dry_run_writes_nothing(world: World) -> None:
    """What would be done is listed; the database, byte for byte, and Saleor stay as they are."""
    transaction, trans_id = await paid(world)
    before = await everything(world)
    assert [("paid_not_here", "dry_run", "was_pending", trans_id)] == await reconciled(world, dry_run=True)
    assert before == await everything(world)
    await world.reported(transaction)


async def test_rows_of_other_systems_are_counted(world: World) -> None:
    """A payment that another system took on the same site is counted and left alone."""
    transaction, _ = await world.at_cinetpay()
    await stop_the_clock(world)
    form = {
        "cpm_amount": "700",
        "cpm_currency": "CFA",
        "cpm_site_id": SITE_ID,
        "cpm_trans_id": "WC-1007",
        "cpm_trans_date": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        "cpm_payment_config": "SINGLE",
        "cpm_page_action": "PAYMENT",
        "cpm_version": "V1",
        "cpm_language": "fr",
        "cpm_designation": "Another shop system",
        "apikey": API_KEY,
    }
    address = f"{world.settings.cinetpay_api_url}?method=getSignatureByPost"
    signature = (await world.http.post(address, data=form)).json()
    redirect = {
        "method": "POST",
        "url": world.settings.cinetpay_checkout_url,
        "fields": form | {"signature": signature},
    }
    await world.cinetpay.open(redirect)
    await world.cinetpay.settle("WC-1007")
    plan = await world.house.reconciliation.plan(last_two_days(world.house.clock.now()))
    comparisons = [comparison async for comparison in world.house.reconciliation.run(plan)]
    assert [(0, 0), (0, 0), (2, 1)] == [(comparison.seen, comparison.other_systems) for comparison in comparisons]
    assert [] == [finding for comparison in comparisons for finding in comparison.findings]
    await world.reported(transaction)


# -- the command -------------------------------------------------------------------------------------------------


async def test_json_csv_and_text(world: World) -> None:
    """JSON and CSV have the documented fields, each amount as text; people read a line for each difference."""
    transaction, trans_id = await paid(world)
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    days = ["--dry-run", "--from", day, "--to", day]
    as_json, as_csv, as_text = await commands(
        world.settings, ([*days, "--json"], {}), ([*days, "--csv"], {}), (["--dry-run"], {})
    )
    (account,) = await world.house.accounts.all()
    finding = {
        "kind": "paid_not_here",
        "remedy": "dry_run",
        "day": day,
        "site_id": SITE_ID,
        "account": account.account_key,
        "shop": world.saleor.config.api_url,
        "trans_id": trans_id,
        "transaction": transaction.id,
        "cinetpay_amount": "12500",
        "cinetpay_code": "00",
        "cinetpay_status": "ACCEPTED",
        "ledger_amount": "12500",
        "saleor_amount": None,
        "note": "was_pending",
    }
    assert {
        "from": day,
        "to": day,
        "dry_run": True,
        "seen": 1,
        "unreadable": 0,
        "other_systems": 0,
        "unpaid": 0,
        "unopened": 0,
        "findings": [finding],
        "unopened_accounts": [],
        "failures": [],
    } == as_json.json
    table = csv.DictReader(io.StringIO(as_csv.out))
    assert [{name: value or "" for name, value in finding.items()}] == list(table)
    assert list(finding) == table.fieldnames
    line, last = as_text.out.splitlines()
    assert f"{trans_id}  12500 CFA  paid_not_here: dry_run (was_pending)  {world.saleor.config.api_url}" in line
    assert "1 payments at CinetPay, 1 differ" in last
    assert [(0, "")] * 3 == [(ran.code, ran.errors) for ran in (as_json, as_csv, as_text)]


async def test_a_payment_that_no_key_opens_is_told_of_and_no_error(world: World) -> None:
    """The command does the rest of its work, says how many it left out, and is successful."""
    _, trans_id = await paid(world)
    async with world.house.database.write() as connection:
        await connection.execute(
            update(payments).where(payments.c.trans_id == trans_id).values(sealed_form="AAAA" * 20)
        )
    as_json, as_text = await commands(world.settings, (["--json"], {}), ([], {}))
    assert (0, 1, []) == (as_json.code, as_json.json["unopened"], as_json.json["findings"])
    counted, left_out = as_text.out.splitlines()
    assert (0, True) == (as_text.code, " 0 differ" in counted)
    assert left_out.startswith("Left out: 1 payment(s) that no key of SECRET_KEY opens")
    assert "payment_unreadable" in as_text.errors


async def test_an_account_that_no_key_opens_is_left_out(tmp_path: Path) -> None:
    """The command names it and ends with 1, as its site was not compared; it does the rest of its work."""
    async with running(tmp_path, with_worker=False) as world:
        account = await world.house.accounts.from_environment(world.saleor.config.api_url)
        assert account is not None
        lost = update(accounts).values(sealed_api_key="AAAA" * 20)
        async with world.house.database.write() as connection:
            await connection.execute(lost)
        as_json, as_text, one = await commands(
            world.settings, (["--json"], {}), (["--dry-run"], {}), (["--account", account.account_key], {})
        )
    assert [account.account_key] == as_json.json["unopened_accounts"]
    assert "0 site(s): 0 payments at CinetPay, 0 differ" in as_text.out
    said = f"site {SITE_ID}: account {account.account_key} was left out: no key opens"
    for ran in (as_json, as_text, one):
        assert (1, 1, True) == (ran.code, ran.errors.count("account_unreadable"), said in ran.errors)
        assert "Traceback" not in ran.errors


async def test_a_cinetpay_that_is_down_is_an_error(world: World) -> None:
    """Where CinetPay can't be asked, the command says so and is not successful; what it printed stays readable."""
    await paid(world)
    await world.cinetpay.fail("down", method="getTransHistory")
    ran = await command(world.settings, "--json")
    assert (1, []) == (ran.code, ran.json["findings"])
    assert [("cinetpay", SITE_ID)] == [(failure["whom"], failure["site_id"]) for failure in ran.json["failures"]]
    assert "cinetpay could not be asked" in ran.errors
    assert "Traceback" not in ran.errors


async def test_what_cannot_be_done_is_said(world: World) -> None:
    """A run that can't do its work fails with one clear text, without a traceback and without a secret."""
    await paid(world)
    wrong: list[tuple[list[str], dict[str, str], str]] = [
        (["--account", "nobody"], {}, "saleor-cinetpay: there is no account nobody"),
        (["--from", "2026-03-04", "--to", "2026-03-03"], {}, "saleor-cinetpay: 2026-03-03 comes before 2026-03-04"),
        (["--json", "--csv"], {}, "saleor-cinetpay: choose --json or --csv"),
        (["--from", "yesterday"], {}, "does not match the"),
        (["--dry-run"], {"DATABASE_URL": "sqlite:////dev/null/ledger.db"}, "saleor-cinetpay: "),
        ([], {"SECRET_KEY": "not the key"}, "is SECRET_KEY the one it was stored with?"),
        (["--dry-run"], {"CINETPAY_API_KEY": "not the key"}, "609"),
    ]
    ran = await commands(world.settings, *((arguments, environment) for arguments, environment, _ in wrong))
    for one, (arguments, _, says) in zip(ran, wrong, strict=True):
        assert one.code in {1, 2}, arguments
        assert says in " ".join(one.errors.split())
        assert "Traceback" not in one.errors
        assert API_KEY not in one.errors


async def test_nothing_to_compare_is_no_error(world: World) -> None:
    """Before any shop has installed the app there is no account, and there is nothing to do."""
    async with world.house.database.write() as connection:
        for table in (accounts, installations):
            await connection.execute(delete(table))
    assert [] == await reconciled(world)
    await world.install_anew()


async def test_the_worker_looks_forward_to_the_night(world: World) -> None:
    """The app's own worker has the next night's reconciliation before it, between two and half past."""
    async with world.house.database.read() as connection:
        (chore,) = await connection.execute(select(chores))
    assert ("reconciliation", None) == (chore.name, chore.lease)
    assert datetime.now(UTC) < chore.due_at < datetime.now(UTC) + timedelta(hours=24, minutes=31)
    assert "02:00" <= f"{chore.due_at:%H:%M}" <= "02:30"
