"""Write the tables of docs/protocol.md from the code that they describe.

Usage: protocol_table.py [PAGE]

Each table stands between `<!-- table: NAME -->` and `<!-- end -->`; what is between them is replaced.
"""

import base64
import re
import sys
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from saleor_cinetpay.cinetpay import CinetPayTransaction, CodeClass, PaymentFields, TransactionStatus, trans_date
from saleor_cinetpay.cinetpay.codes import CODES
from saleor_cinetpay.locale import Language
from saleor_cinetpay.money import CinetPayAmount
from saleor_cinetpay.payments.conclusion import Policy, conclude
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.trans_id import TransactionId, trans_id_of
from saleor_cinetpay.payments.verdict import Found, NoAnswer, NotStarted, Observation, OnlyStatus, Verdict, verdict
from saleor_cinetpay.schedule import parse_delays_s, retry_delay_s
from saleor_cinetpay.settings import Settings
from saleor_cinetpay.shops.accounts import Environment
from webhooks.answers import standing

PAGE = Path(__file__).parents[1] / "docs" / "protocol.md"
PLACE = re.compile(r"(<!-- table: (?P<name>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Row = Sequence[str]

OPENED_AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
NOW = OPENED_AT + timedelta(minutes=10)
NO_SUCH_CODE = "999"
STATES = (PaymentState.PENDING, PaymentState.REFUSED, PaymentState.SUSPECT, PaymentState.ACCEPTED)


def rewritten(page: str) -> str:
    """Return the page with every table as the code has it now."""

    def table(place: re.Match[str]) -> str:
        head, *rows = TABLES[place["name"]]()
        lines = [head, ["---"] * len(head), *rows]
        return place[1] + "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n" + place[3]

    return PLACE.sub(table, page)


def codes() -> Iterable[Row]:
    """List the known codes by their class."""
    yield "class", "codes"
    for code_class, found in groupby(CODES.values(), key=lambda code: code.code_class):
        yield code_class, ", ".join(f"`{code.code}` {code.name}" for code in found)


def verdicts() -> Iterable[Row]:
    """Judge each class of codes beside each status, everything else being right."""
    yield "code", *(f"`{status}`" for status in TransactionStatus if status is not TransactionStatus.UNKNOWN), "other"
    classes: dict[tuple[str, ...], list[str]] = {}
    for code in (*CODES, "664 (fraud)", NO_SUCH_CODE, ""):
        cells = tuple(_said(_judged(code, status)) for status in TransactionStatus)
        classes.setdefault((_class_of(code), *cells), []).append(code)
    for (name, *said), listed in classes.items():
        yield f"{name}: {', '.join(listed)}" if listed[0] in CODES else name, *said


def answers() -> Iterable[Row]:
    """Judge every other kind of answer."""
    yield "CinetPay's answer", "verdict", "reason"
    for name, field, value in (
        ("another site id", "cpm_site_id", "1"),
        ("another trans id", "cpm_trans_id", "X"),
        ("another amount", "cpm_amount", "5"),
        ("another currency", "cpm_currency", "XAF"),
        ("another signature", "signature", "another"),
        ("no signature", "signature", ""),
    ):
        yield f"`00` and `ACCEPTED`, but {name}", *_judgement(_found(**{field: value}))
    refused = {"cpm_result": "602", "cpm_trans_status": "REFUSED"}
    empty = dict.fromkeys(("cpm_amount", "cpm_currency", "signature"), "")
    yield "a refusal that leaves amount, currency and signature empty", *_judgement(_found(**refused, **empty))
    yield "a refusal about another payment, or another amount", *_judgement(_found(**refused, cpm_amount="5"))
    yield "no transaction: the buyer has not begun", *_judgement(NotStarted())
    yield "only a status such as `609`", *_judgement(OnlyStatus("609"))
    yield "none, or none of CinetPay's own: HTML, 3xx, 5xx, empty, too slow", *_judgement(NoAnswer("no_answer"))


def conclusions() -> Iterable[Row]:
    """Carry each verdict out on a payment of each state."""
    yield "verdict", *(f"was {state}" for state in STATES)
    refused = _found(cpm_result="602", cpm_trans_status="REFUSED")
    back = {"buyer_back_at": NOW}
    looks: tuple[tuple[str, Observation, dict[str, Any]], ...] = (
        ("accepted", _found(), {}),
        ("refused, the buyer still away, within the grace", refused, {}),
        ("refused, and the buyer is back, or the grace is over", refused, back),
        ("pending", _found(cpm_result="623", cpm_trans_status="PENDING"), {}),
        ("suspect", _found(cpm_amount="5"), {}),
        ("unavailable", NoAnswer("no_answer"), {}),
    )
    for name, seen, changes in looks:
        yield name, *(_concluded(_payment(state, **changes), seen) for state in STATES)


def results() -> Iterable[Row]:
    """Answer Saleor for a payment of each state."""
    yield "payment", "`result`", "`data.status`", "`canRetry`", "`actions`"
    ended = replace(_payment(PaymentState.PENDING), watch_until=NOW)
    cancelled = replace(_payment(PaymentState.PENDING), cancelled_at=NOW)
    named = [(str(state), _payment(state)) for state in STATES]
    named += [("pending, its watch ended", ended), ("pending, cancelled by staff", cancelled)]
    for name, payment in named:
        answer = standing(payment, now=NOW, saleor=(3, 23))
        data = answer["data"]
        actions = ", ".join(f"`{action}`" for action in answer.get("actions", ())) or "none"
        yield name, f"`{answer['result']}`", f"`{data['status']}`", str(data["canRetry"]).lower(), actions


def looks() -> Iterable[Row]:
    """Tell the timetable of looks at its default."""
    yield "looks", "each after", "the last of them"
    delays = parse_delays_s(Settings.model_fields["check_delays_s"].default)
    first, steady = delays[:5], delays[5:]
    elapsed_s = sum(first)
    yield str(len(first)), ", ".join(_span(delay) for delay in first), _span(elapsed_s)
    for delay_s, same in groupby(steady[:-1]):
        count = len(list(same))
        elapsed_s += delay_s * count
        yield str(count), _span(delay_s), _span(elapsed_s)
    yield "all others", _span(steady[-1]), f"{Settings.model_fields['watch_days'].default:g} days"


def retries() -> Iterable[Row]:
    """Tell how long a failed look or report waits."""
    yield "failing for", *(_span(s) if s else "the first time" for s in FAILING_S)
    yield "tried again after", *(_span(retry_delay_s(timedelta(seconds=s))) for s in FAILING_S)


FAILING_S = (0, 20, 60, 600, 3600, 6 * 3600, 24 * 3600, 5 * 24 * 3600)
TABLES: dict[str, Callable[[], Iterable[Row]]] = {
    table.__name__: table for table in (codes, verdicts, answers, conclusions, results, looks, retries)
}


def _payment(state: PaymentState = PaymentState.PENDING, **changes: Any) -> Payment:
    transaction_id = TransactionId(base64.b64encode(f"TransactionItem:{uuid.UUID(int=1)}".encode()).decode())
    payment = Payment(
        transaction_id=transaction_id,
        saleor_api_url="https://shop.example/graphql/",
        account_key="account",
        fields=PaymentFields(
            amount=CinetPayAmount(5000),
            currency="CFA",
            site_id="445160",
            trans_id=trans_id_of(transaction_id),
            trans_date=trans_date(OPENED_AT),
            language="fr",
            designation="Votre commande",
        ),
        environment=Environment.LIVE,
        language=Language.FRENCH,
        merchant_language=Language.FRENCH,
        app_base_url="https://app.example",
        return_url=None,
        cancel_url=None,
        opened_at=OPENED_AT,
        watch_until=OPENED_AT + timedelta(days=7),
        signature=SecretStr("signature"),
        api_key=SecretStr("key"),
        state=state,
        success_time=OPENED_AT if state is PaymentState.ACCEPTED else None,
    )
    return replace(payment, **changes)


def _found(**changes: str) -> Found:
    payment = _payment()
    right = {
        "cpm_site_id": payment.fields.site_id,
        "cpm_trans_id": payment.trans_id,
        "cpm_amount": str(payment.amount),
        "cpm_currency": "CFA",
        "signature": "signature",
        "cpm_result": "00",
        "cpm_trans_status": "ACCEPTED",
    }
    return Found(CinetPayTransaction.model_validate(right | changes))


def _judged(code: str, status: TransactionStatus) -> Verdict:
    number, _, fraud = code.partition(" ")
    message = "FRAUD_DETECTED" if fraud else ""
    seen = _found(cpm_result=number, cpm_trans_status=status, cpm_error_message=message)
    return verdict(_payment(), seen)


def _class_of(code: str) -> str:
    if code in CODES:
        return CODES[code].code_class
    return {"": "no code", NO_SUCH_CODE: "any unknown code"}.get(code, f"{CodeClass.FRAUD}: 664 whose message says so")


def _said(judged: Verdict) -> str:
    return f"{judged.kind}, for 1 h" if judged.bounded else judged.kind


def _judgement(seen: Observation) -> Row:
    judged = verdict(_payment(), seen)
    return judged.kind, f"`{judged.reason}`" if not isinstance(seen, NoAnswer) else "what went wrong"


def _concluded(payment: Payment, seen: Observation) -> str:
    policy = Policy(delays_s=(60.0,), refusal_grace=timedelta(seconds=180), watch=timedelta(days=7))
    meant = verdict(payment, seen)
    done = conclude(payment, seen, meant, began_at=NOW, now=NOW, policy=policy, draw=0.0)
    if done.payment.state is payment.state and done.report is None:
        return "stays"
    return f"{done.payment.state}, `{done.report.type}`" if done.report else done.payment.state


def _span(seconds: float) -> str:
    for unit, length_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length_s:
            return f"{round(seconds / length_s, 1):g} {unit}"
    return f"{round(seconds):g} s"


if __name__ == "__main__":
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    page.write_text(rewritten(page.read_text(encoding="utf-8")), encoding="utf-8")
