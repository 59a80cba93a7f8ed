"""What the tests of the heart share: a payment, CinetPay's reply about it, and the heart wired up on fakes."""

import base64
import uuid
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from fakes import NOON, Doom, FakeCinetPay, FakeSaleor, SeededChance, TurnedClock
from pydantic import SecretStr
from sqlalchemy import delete

from saleor_cinetpay.cinetpay import CinetPayTransaction, PaymentFields, trans_date
from saleor_cinetpay.database import Database
from saleor_cinetpay.locale import Language
from saleor_cinetpay.money import CinetPayAmount, Money
from saleor_cinetpay.payments.adoption import Adoption
from saleor_cinetpay.payments.completion import Completion
from saleor_cinetpay.payments.conclusion import Policy
from saleor_cinetpay.payments.delivery import Delivery
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.leases import Leases
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.opening import AccountsOfShops, Opening, OpenRequest, Source
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.processing import Processing, ProcessRequest
from saleor_cinetpay.payments.settlement import Settlement
from saleor_cinetpay.payments.tables import payment_events, payments, reports
from saleor_cinetpay.payments.trans_id import TransactionId, TransId, trans_id_of
from saleor_cinetpay.payments.verdict import Found
from saleor_cinetpay.payments.worker import Worker
from saleor_cinetpay.schedule import parse_delays_s
from saleor_cinetpay.settings import Settings
from saleor_cinetpay.shops.accounts import Account, AccountOrigin, Accounts, Environment, EnvironmentAccount
from saleor_cinetpay.shops.installations import Installation, Installations
from saleor_cinetpay.shops.secrets import SecretBox
from saleor_cinetpay.shops.shop_settings import ShopSettings

SHOP = "https://shop.example/graphql/"
APP = "https://app.example"
SITE_ID = "445160"
CHANNEL_ID = "Q2hhbm5lbDox"
API_KEY = "api-key-that-nobody-may-see"
TOKEN = "token-that-nobody-may-see"
SIGNATURE = "signature-that-nobody-may-see"
AMOUNT = CinetPayAmount(5000)
DELAYS_S = parse_delays_s(Settings.model_fields["check_delays_s"].default)
POLICY = Policy(delays_s=DELAYS_S, refusal_grace=timedelta(seconds=180), watch=timedelta(days=7))
SECRETS = SecretBox(["a key for tests"])


def transaction_id(number: int = 1) -> TransactionId:
    """Return the GraphQL id of the n-th Saleor transaction."""
    return TransactionId(base64.b64encode(f"TransactionItem:{uuid.UUID(int=number)}".encode()).decode())


def trans_id(number: int = 1) -> TransId:
    """Return its trans id."""
    return trans_id_of(transaction_id(number))


def an_account(**changes: Any) -> Account:
    """Return an account as an installation without one of its own has it, with changes."""
    account = Account(
        account_key="account-key",
        saleor_api_url=SHOP,
        origin=AccountOrigin.ENVIRONMENT,
        label="CinetPay",
        site_id=SITE_ID,
        api_key=SecretStr(API_KEY),
    )
    return replace(account, **changes)


def an_opening_payment(number: int = 1, **changes: Any) -> Payment:
    """Return a payment that nobody has signed yet, with changes."""
    payment = Payment(
        transaction_id=transaction_id(number),
        saleor_api_url=SHOP,
        account_key="account-key",
        environment=Environment.LIVE,
        fields=PaymentFields(
            amount=AMOUNT,
            currency="CFA",
            site_id=SITE_ID,
            trans_id=trans_id(number),
            trans_date=trans_date(NOON),
            language="fr",
            designation="Votre commande",
        ),
        language=Language.FRENCH,
        merchant_language=Language.ENGLISH,
        app_base_url=APP,
        return_url=None,
        cancel_url=None,
        opened_at=NOON,
        watch_until=NOON + POLICY.watch,
    )
    return replace(payment, **changes)


def a_payment(number: int = 1, **changes: Any) -> Payment:
    """Return a signed, pending payment, with changes."""
    signed = {"signature": SecretStr(SIGNATURE), "api_key": SecretStr(API_KEY), "state": PaymentState.PENDING}
    return an_opening_payment(number, **signed | changes)


def a_reply(payment: Payment, **changes: str) -> Found:
    """Return CinetPay's reply that the payment is accepted, everything equal, with changes."""
    signature = payment.signature.get_secret_value() if payment.signature else ""
    accepted = {
        "cpm_site_id": payment.fields.site_id,
        "cpm_trans_id": payment.trans_id,
        "cpm_amount": str(payment.amount),
        "cpm_currency": payment.fields.currency,
        "signature": signature,
        "cpm_result": "00",
        "cpm_trans_status": "ACCEPTED",
        "cpm_payid": "P1",
        "payment_method": "OM",
    }
    return Found(CinetPayTransaction.model_validate(accepted | changes))


def xof(amount: str | int = AMOUNT) -> Money:
    """Return that many francs."""
    return Money(amount=Decimal(amount), currency="XOF")


def an_order(number: int = 1, order_number: str | None = None) -> Source:
    """Return the order that the n-th transaction pays."""
    order_id = base64.b64encode(f"Order:{number}".encode()).decode()
    return Source(id=order_id, number=order_number, channel="default-channel", channel_id=CHANNEL_ID, total=xof())


@dataclass
class World:
    """What is outside our processes, and outlives them."""

    doom: Doom = field(default_factory=Doom)
    clock: TurnedClock = field(init=False)
    cinetpay: FakeCinetPay = field(init=False)
    saleor: FakeSaleor = field(init=False)

    def __post_init__(self) -> None:
        self.clock = TurnedClock(self.doom)
        self.cinetpay = FakeCinetPay(self.clock, {SITE_ID: API_KEY}, self.doom)
        self.saleor = FakeSaleor(self.clock, TOKEN, self.doom)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heart:
    """One process's heart, wired as `app` wires it."""

    world: World
    installations: Installations
    accounts: Accounts
    ledger: Ledger
    settlement: Settlement
    opening: Opening
    processing: Processing
    delivery: Delivery
    completion: Completion
    leases: Leases

    async def install(self, *shops: str) -> None:
        """Let these Saleors install the app."""
        for shop in shops or (SHOP,):
            await self.installations.register(
                Installation(
                    saleor_api_url=shop,
                    app_id="QXBwOjE=",
                    token=SecretStr(TOKEN),
                    key_set="{}",
                    saleor_version="3.23.28",
                    app_base_url=APP,
                )
            )

    async def open(self, number: int = 1, **changes: Any) -> Payment:
        """Open the payment of the n-th transaction, as Saleor asks for it."""
        return await self.opening.open(replace(self.open_request(number), **changes))

    def open_request(self, number: int = 1) -> OpenRequest:
        """Return what Saleor asks for."""
        return OpenRequest(
            saleor_api_url=SHOP,
            app_base_url=APP,
            transaction_id=transaction_id(number),
            money=xof(),
            data=None,
            source=an_order(number),
            charged_before=False,
            deadline=self.world.clock.now() + timedelta(seconds=9),
        )

    async def process(self, number: int = 1, **changes: Any) -> Payment | None:
        """Have the n-th transaction processed, as Saleor asks for it."""
        request = ProcessRequest(
            saleor_api_url=SHOP,
            app_base_url=APP,
            transaction_id=transaction_id(number),
            money=xof(),
            source=an_order(number),
            charged_before=False,
            deadline=self.world.clock.now() + timedelta(seconds=9),
        )
        return await self.processing.process(replace(request, **changes))

    async def account_key(self, shop: str = SHOP) -> str:
        """Return the key of the account that a shop's new payments use."""
        account = await self.accounts.from_environment(shop)
        assert account is not None
        return account.account_key

    async def held(self, number: int = 1) -> Payment:
        """Return the payment of the n-th transaction as the ledger holds it."""
        payment = await self.ledger.find(trans_id(number))
        assert payment is not None
        return payment

    async def kinds(self, number: int = 1) -> list[str]:
        """Return what has happened to it, oldest first."""
        return [event.kind for _, event in await self.ledger.history(trans_id(number))]

    async def write(self, payment: Payment) -> Payment:
        """Write a payment down as it is."""
        return await self.ledger.open(payment, Event(kind="opened"))

    def worker(self) -> Worker:
        """Return a worker that has not begun."""
        return Worker(
            ledger=self.ledger,
            settlement=self.settlement,
            delivery=self.delivery,
            completion=self.completion,
            leases=self.leases,
            clock=self.world.clock,
        )

    async def work_off(self) -> None:
        """Let workers do all that is due now, and what becomes due by it."""
        found = True
        while found:
            worker = self.worker()
            found = await worker.take_due()
            worker.stop()
            await worker.run()


class NoAccounts:
    """No shop has an account."""

    async def for_channel(self, saleor_api_url: str, channel_id: str) -> None:
        return None

    async def candidates(self, saleor_api_url: str, channel_id: str) -> list[Account]:
        return []

    async def usable(self, account_key: str) -> None:
        return None


def build_heart(
    database: Database,
    world: World,
    *,
    api_key: str = API_KEY,
    accounts_of_shops: AccountsOfShops | None = None,
    policy: Policy = POLICY,
    seed: int = 0,
    secrets: SecretBox = SECRETS,
) -> Heart:
    """Wire a heart on that database and that world."""
    clock, chance = world.clock, SeededChance(seed, world.doom)
    given = EnvironmentAccount(site_id=SITE_ID, api_key=SecretStr(api_key), currency="CFA")
    accounts = Accounts(database, secrets, clock, chance, given)
    of_shops = accounts_of_shops or accounts
    installations = Installations(database, secrets, clock)
    ledger = Ledger(database, secrets, clock, chance)
    settlement = Settlement(
        ledger=ledger,
        lookup=world.cinetpay,
        accounts=accounts,
        choices=ShopSettings(database, clock),
        clock=clock,
        chance=chance,
        policy=policy,
    )
    adoption = Adoption(ledger=ledger, settlement=settlement, clock=clock, chance=chance)
    return Heart(
        world=world,
        installations=installations,
        accounts=accounts,
        ledger=ledger,
        settlement=settlement,
        opening=Opening(
            ledger=ledger, signer=world.cinetpay, accounts=of_shops, adoption=adoption, clock=clock, policy=policy
        ),
        processing=Processing(
            ledger=ledger, settlement=settlement, adoption=adoption, accounts=of_shops, clock=clock, policy=policy
        ),
        delivery=Delivery(
            ledger=ledger, reporter=world.saleor, installations=installations, clock=clock, chance=chance
        ),
        completion=Completion(
            database=database, checkouts=world.saleor, installations=installations, clock=clock, chance=chance
        ),
        leases=Leases(database, clock),
    )


async def lose_ledger(database: Database) -> None:
    """Lose every payment, as a restored old backup does."""
    async with database.write() as connection:
        for table in (reports, payment_events, payments):
            await connection.execute(delete(table))
