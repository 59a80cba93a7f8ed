"""A Saleor as its storefront and its staff see it: through its public API alone, be it a real one or the small one."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Self

import httpx2 as httpx
from graphql import OperationDefinitionNode, parse, print_ast

PRICE = 12500
"""What one piece costs, in each channel's own currency."""
EMAIL = "buyer@example.com"
ADDRESS = {
    "firstName": "Awa",
    "lastName": "Koné",
    "streetAddress1": "Rue des Jardins 12",
    "city": "Abidjan",
    "country": "CI",
}


@dataclass(frozen=True, slots=True)
class Session:
    """What initialize and process give the storefront."""

    transaction: str | None
    type: str | None
    message: str | None
    data: Any
    errors: tuple[str, ...]

    @property
    def transaction_id(self) -> str:
        """The transaction's id, where there must be one."""
        assert self.transaction is not None, self
        return self.transaction


@dataclass(frozen=True, slots=True)
class Booked:
    """One event as a transaction's books have it."""

    type: str
    amount: int
    reference: str
    message: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What a Saleor holds of one transaction."""

    charged: int
    charge_pending: int
    authorized: int
    refunded: int
    refund_pending: int
    reference: str
    actions: tuple[str, ...]
    events: tuple[Booked, ...]
    checkout: str | None
    order: str | None

    def lines(self) -> list[tuple[str, int, str]]:
        """The events' types, amounts and references, as Saleor gives them."""
        return [(event.type, event.amount, event.reference) for event in self.events]

    def finals(self) -> list[str]:
        """The types of the events that say how something ended, in order."""
        return sorted(event.type for event in self.events if event.type.endswith(("_SUCCESS", "_FAILURE")))


class Shop(ABC):
    """One Saleor; amounts default to what is still to pay, as in Saleor."""

    def __init__(self, api_url: str, gateway: str, http: httpx.AsyncClient) -> None:
        self.api_url = api_url
        self.gateway = gateway
        self.http = http
        self.version = ""
        self.left_behind: list[str] = []
        self.app_tokens: list[str] = []
        """What Saleor handed to the app, the newest last, where the tests' own app writes it down."""

    def through(self, gateway: str, app_tokens: list[str]) -> Self:
        """Return the same Saleor as the storefront of another app sees it."""
        other = copy(self)
        other.gateway, other.app_tokens = gateway, app_tokens
        return other

    # What differs between a real Saleor and the small one

    @property
    def minor(self) -> tuple[int, int]:
        """Major and minor version."""
        major, minor, *_ = self.version.split(".")
        return int(major), int(minor)

    @abstractmethod
    async def prepare(self) -> None:
        """Make channels and something to sell."""

    @abstractmethod
    async def clean_up(self) -> list[str]:
        """Take away what was made; return what had to stay."""

    @abstractmethod
    async def install(self, manifest_url: str) -> None:
        """Install an app, or install it anew."""

    @abstractmethod
    async def uninstall(self) -> None:
        """Delete the app."""

    @abstractmethod
    async def token(self) -> str:
        """Return a token that may handle payments."""

    async def app_token(self) -> str:
        """Return the token of the app that is installed, to report as it does."""
        return self.app_tokens[-1]

    @abstractmethod
    def channel(self, kind: str) -> str:
        """Return the slug of the channel of a kind: `xof`, `authorization`, `unpaid`, `usd`, `automatic`."""

    @abstractmethod
    def variant(self) -> str:
        """Return the id of what is sold."""

    @abstractmethod
    async def queries(self) -> dict[str, str]:
        """Return the subscription of each of the app's webhooks that is active, by the last part of its address."""

    @abstractmethod
    async def spoil_webhook(self, name: str, query: str) -> None:
        """Give one of the app's webhooks another subscription, as an older version of the app would have had."""

    # The storefront

    async def checkout(self, kind: str = "xof", *, email: str | None = EMAIL) -> str:
        """Make a checkout of one piece; return its id."""
        made = await self.ask(
            "CreateCheckout",
            {
                "channel": self.channel(kind),
                "variant": self.variant(),
                "quantity": 1,
                "email": email,
                "address": ADDRESS,
            },
        )
        assert Decimal(PRICE) == Decimal(str(made["checkout"]["totalPrice"]["gross"]["amount"])), made
        return str(made["checkout"]["id"])

    async def unpaid_order(self) -> str:
        """Make an order that is still to be paid; return its id."""
        order, errors = await self.complete(await self.checkout("unpaid"))
        assert order is not None, errors
        return order

    async def gateway_initialize(self, source: str, **given: Any) -> dict[str, Any]:
        """Ask the app what a storefront needs to begin."""
        answer = await self.ask("InitializeGateway", {"source": source, "gateway": self.gateway, **given})
        (config,) = answer["gatewayConfigs"]
        return dict(config)

    async def initialize(
        self, source: str, *, amount: int | None = None, key: str | None = None, data: object = None
    ) -> Session:
        """Open a payment."""
        variables = {"source": source, "gateway": self.gateway, "data": data, "amount": amount, "key": key}
        return _session(await self.ask("Initialize", variables, may_fail=True))

    async def process(self, transaction: str) -> Session:
        """Ask how a payment stands."""
        return _session(await self.ask("Process", {"transaction": transaction}, may_fail=True))

    async def complete(self, checkout: str) -> tuple[str | None, tuple[str, ...]]:
        """Turn a checkout into its order; return the order's id, and the codes of what stands against it."""
        answer = await self.ask("Complete", {"checkout": checkout}, may_fail=True)
        return (answer["order"] or {}).get("id"), tuple(error["code"] for error in answer["errors"])

    async def checkout_status(self, checkout: str) -> str | None:
        """Return a checkout's charge status, None where it is gone."""
        answer = await self.ask("ReadCheckout", {"id": checkout})
        return str(answer["chargeStatus"]) if answer else None

    async def order_status(self, order: str) -> tuple[str, int]:
        """Return an order's charge status and what was charged."""
        answer = await self.ask("ReadOrder", {"id": order}, token=await self.token())
        return str(answer["chargeStatus"]), _whole(answer["totalCharged"])

    # Staff and the app

    async def books(self, transaction: str) -> Books:
        """Return what Saleor holds of a transaction."""
        read = await self.ask("ReadTransaction", {"id": transaction}, token=await self.token())
        return Books(
            charged=_whole(read["chargedAmount"]),
            charge_pending=_whole(read["chargePendingAmount"]),
            authorized=_whole(read["authorizedAmount"]),
            refunded=_whole(read["refundedAmount"]),
            refund_pending=_whole(read["refundPendingAmount"]),
            reference=read["pspReference"],
            actions=tuple(sorted(read["actions"])),
            events=tuple(
                Booked(
                    type=event["type"],
                    amount=_whole(event["amount"]),
                    reference=event["pspReference"],
                    message=event["message"],
                    time=datetime.fromisoformat(event["createdAt"]),
                )
                for event in read["events"]
            ),
            checkout=(read["checkout"] or {}).get("id"),
            order=(read["order"] or {}).get("id"),
        )

    async def means_of_payment(self, transaction: str) -> str | None:
        """Return the name of what a transaction was paid with; Saleor has a place for it since 3.22."""
        read = await self.ask("ReadMeansOfPayment", {"id": transaction}, token=await self.token())
        return (read["paymentMethodDetails"] or {}).get("name")

    async def finals(self, transaction: str, *types: str, within_s: float = 15) -> Books:
        """Wait until the books hold these final events and no others; return them.

        Saleor writes an event down first and its sums a moment later, so a success is waited for in both.
        """

        def hold(books: Books) -> bool:
            return sorted(types) == books.finals() and ("CHARGE_SUCCESS" not in types or books.charged > 0)

        return await self.until(transaction, hold, f"{sorted(types)}", within_s=within_s)

    async def until(self, transaction: str, holds: Any, what: str, *, within_s: float = 15) -> Books:
        """Wait until something holds of the books; return them."""
        books = await self.books(transaction)
        for _ in range(int(within_s / 0.25)):
            if holds(books):
                return books
            await asyncio.sleep(0.25)
            books = await self.books(transaction)
        raise AssertionError(f"the books never came to hold {what}: {books.lines()}")

    async def report(self, transaction: str, event: str, reference: str, **given: Any) -> tuple[bool, tuple[str, ...]]:
        """Report an event as the app; return whether Saleor had it already, and the codes of its errors."""
        variables = {"transaction": transaction, "type": event, "reference": reference, **given}
        answer = await self.ask("Report", variables, token=await self.app_token(), may_fail=True)
        return bool(answer["alreadyProcessed"]), tuple(error["code"] for error in answer["errors"])

    async def request_action(self, transaction: str, action: str, amount: int | None = None) -> tuple[str, ...]:
        """Ask for a refund or a cancelation as staff do; return the codes of what stands against it."""
        variables = {"transaction": transaction, "action": action, "amount": amount}
        answer = await self.ask("RequestAction", variables, token=await self.token(), may_fail=True)
        return tuple(error["code"] for error in answer["errors"])

    # The wire

    async def ask(
        self,
        operation: str,
        variables: Mapping[str, object] | None = None,
        *,
        token: str | None = None,
        may_fail: bool = False,
    ) -> Any:
        """Run one operation and return its one field; its errors fail the test, unless it `may_fail`."""
        answer = await self.ask_all(operation, variables, token=token)
        (field,) = answer.values()
        if isinstance(field, dict) and not may_fail:
            assert [] == field.get("errors", []), f"{operation}: {field['errors']}"
        return field

    async def ask_all(
        self, operation: str, variables: Mapping[str, object] | None = None, *, token: str | None = None
    ) -> dict[str, Any]:
        """Run one operation and return all its fields."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        asked = {"query": operations()[operation], "variables": dict(variables or {})}
        reply = await self.http.post(self.api_url, json=asked, headers=headers)
        body = reply.json()
        assert "errors" not in body, f"{operation}: {body['errors'][0]['message']}"
        return dict(body["data"])


@cache
def operations() -> dict[str, str]:
    """Return the text of each operation of the documents here, by its name."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.graphql")):
        for node in parse(path.read_text("utf-8")).definitions:
            assert isinstance(node, OperationDefinitionNode)
            assert node.name is not None
            assert node.name.value not in found, f"two operations are called {node.name.value}"
            found[node.name.value] = print_ast(node)
    return found


def _session(answer: dict[str, Any]) -> Session:
    event = answer["transactionEvent"] or {}
    return Session(
        transaction=(answer["transaction"] or {}).get("id"),
        type=event.get("type"),
        message=event.get("message"),
        data=answer["data"],
        errors=tuple(error["code"] for error in answer["errors"]),
    )


def _whole(money: dict[str, Any]) -> int:
    amount = Decimal(str(money["amount"]))
    assert amount == int(amount), money
    return int(amount)
