"""The heart with one of its safeguards removed. What removes it is here; the app itself is left as it is."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sim_database import Store

from saleor_cinetpay.payments.conclusion import Conclusion
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.payment import Payment, PaymentState


class DowngradingLedger(Ledger):
    """Lets an accepted payment be judged again, as if it were pending."""

    async def save(
        self, claimed: Payment, decide: Callable[[Payment], Conclusion], event: Callable[[Payment, Payment], Event]
    ) -> Payment | None:
        def reopened(payment: Payment) -> Conclusion:
            accepted = payment.state is PaymentState.ACCEPTED
            return decide(replace(payment, state=PaymentState.PENDING) if accepted else payment)

        return await super().save(claimed, reopened, event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One safeguard less: SQL that matches a pattern is replaced, and no other."""

    without: str
    changes: Mapping[str, str] = field(default_factory=dict)
    """Patterns, and what stands in their places."""
    torn_before: str | None = None
    """Commit before this statement, so that what follows is a transaction of its own."""
    ledger_class: type[Ledger] = Ledger

    def store(self) -> Store:
        """Return a store on which the safeguard is missing."""
        return Store(self._mutate, self.torn_before)

    def _mutate(self, sql: str) -> str:
        for pattern, instead in self.changes.items():
            sql = re.sub(pattern, instead, sql)
        return sql


MUTANTS = (
    Mutant(
        without="the lease check of what is saved",
        changes={r"(?<=payments\.trans_id = \? AND )payments\.lease = \?": "? IS NOT NULL"},
    ),
    Mutant(
        without="accepted is final",
        changes={
            r"payments\.state != \?": "? IS NOT NULL",
            r"payments\.state NOT IN \(\?, \?\)": "? IS NOT ?",
        },
        ledger_class=DowngradingLedger,
    ),
    Mutant(without="one transaction for state and report", torn_before="INSERT INTO reports"),
    Mutant(
        without="the look after the last hint",
        changes={r"hints=\(payments\.hints \+ \?\)": "hints=(payments.hints + 0 * ?)"},
    ),
    Mutant(
        without="the unique key of reports",
        changes={r",\s*CONSTRAINT \w+ UNIQUE \(trans_id, psp_reference, type\)": ""},
    ),
    Mutant(
        without="one decision on each refund",
        changes={r"refunds\.state = \?(?= RETURNING)": "? IS NOT NULL"},
    ),
    Mutant(
        without="the sum of a payment's refunds",
        changes={r"refunds\.state IN (?=\(\?, \?\) ORDER BY)": "refunds.state NOT IN "},
    ),
    Mutant(
        without="the quiet time that hints share",
        changes={
            r"CASE WHEN \(payments\.quiet_until > \?\) THEN payments\.quiet_until ELSE \? END": "CASE WHEN ? THEN ? END"
        },
    ),
)
