"""Problems in people's words: what has happened, and what a person at the shop is to do about it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from saleor_cinetpay.cinetpay import describe
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.payments.problems import Problem, ProblemKind

_SALEOR_S_MARK = re.compile(r"^(?:Saleor refused: )?(?:[A-Z_]{4,} )?(?:None: )?")
"""What stands before Saleor's own sentence in a log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemWords:
    """What is said of a problem."""

    title: Text
    """In a few words."""
    happened: Text
    to_do: Text
    dismissible: bool
    """Whether only a person can tell that it is done; any other goes by itself once it is decided or put right."""
    critical: bool = False
    """Whether buyers can't pay until then."""


def words_of(problem: Problem) -> ProblemWords:
    """Say a problem."""
    of, detail = str(problem.trans_id or problem.subject), problem.detail
    match problem.kind:
        case ProblemKind.SUSPECT:
            return _suspect(of, detail)
        case ProblemKind.DOUBLE_PAYMENT:
            return _double_payment(of, detail)
        case ProblemKind.NOT_COMPLETED:
            return _not_completed(of, detail)
        case ProblemKind.CONFIGURATION:
            return _configuration(detail)
        case ProblemKind.MONEY_BACK:
            return _money_back(of, detail)
        case ProblemKind.PAID_AFTER_CANCELATION:
            return _paid_after_cancelation(of, detail)
        case ProblemKind.REFUND_WAITING:
            return _refund_waiting(of, detail)
        case ProblemKind.UNKNOWN_PAYMENT:
            return _unknown_payment(of, detail)
        case ProblemKind.REPORT_REFUSED:
            return _report_refused(of, detail)
        case ProblemKind.UNKNOWN:
            return _UNKNOWN
        case _ as never:
            assert_never(never)


_UNKNOWN = ProblemWords(
    title=text("Something new"),
    happened=text("A newer version of the app has noted something that this version has no words for."),
    to_do=text("Open this page again in a few minutes. If it still says so, ask whoever runs the app to update it."),
    dismissible=False,
)
"""What is said of whatever a newer version knows; only that one can tell when it is done."""


def doubt_in_words(suspicion: object) -> Text:
    """Say what does not agree about a suspect payment, so that it ends "..., but"."""
    match suspicion:
        case "amount":
            return text("not the amount that was asked for")
        case "currency":
            return text("not in the currency that was asked for")
        case "signature":
            return text("the signature is not the one of this payment")
        case "site_id" | "trans_id":
            return text("its answer is about another payment")
        case "status" | "result":
            return text("only one half of its answer says so")
        case "fraud":
            return text("it suspects a fraud")
        case "money_back":
            return text("it has given the money back since")
        case "unknown_code":
            return text("its answer has been unclear for an hour")
        case _:
            return text("something in its answer does not agree")


def _suspect(of: str, detail: Mapping[str, Any]) -> ProblemWords:
    return ProblemWords(
        title=text("A payment to check"),
        happened=text(
            "CinetPay says that payment {of} was paid, but {doubt}.",
            of=of,
            doubt=doubt_in_words(detail.get("suspicion")),
        ),
        to_do=text("Do not deliver yet. Look for it in CinetPay's back office, then accept or refuse it on its page."),
        dismissible=False,
    )


def _double_payment(of: str, detail: Mapping[str, Any]) -> ProblemWords:
    return ProblemWords(
        title=text("Paid twice"),
        happened=text(
            "Payment {of} of {amount} was accepted, and its checkout or order was paid already, by {others}.",
            of=of,
            amount=francs_in_words(detail),
            others=", ".join(detail.get("others", [])) or "-",
        ),
        to_do=text("Refund what was paid too much in Saleor, then pay it back from the page Refunds."),
        dismissible=True,
    )


def _not_completed(of: str, detail: Mapping[str, Any]) -> ProblemWords:
    return ProblemWords(
        title=text("Paid, but no order"),
        happened=text(
            "The checkout of payment {of} is paid and has not become an order. Saleor says: {reason}",
            of=of,
            reason=_SALEOR_S_MARK.sub("", str(detail.get("reason") or "-")),
        ),
        to_do=text(
            "Put the checkout right (e-mail, address, stock): the app tries again by itself. "
            "Or give the buyer the money back."
        ),
        dismissible=True,
    )


def _configuration(detail: Mapping[str, Any]) -> ProblemWords:
    code = describe(str(detail.get("code") or ""))
    return ProblemWords(
        title=text("CinetPay does not accept your account"),
        happened=text(
            "For site {site} CinetPay answers with code {code}: {meaning}",
            site=detail.get("site_id") or "-",
            code=code.code,
            meaning=code.merchant,
        ),
        to_do=text("Check the account in the settings. Until then nobody can pay."),
        dismissible=False,
        critical=True,
    )


def _money_back(of: str, detail: Mapping[str, Any]) -> ProblemWords:
    return ProblemWords(
        title=text("Money given back by CinetPay"),
        happened=text("CinetPay has given the {amount} of payment {of} back.", of=of, amount=francs_in_words(detail)),
        to_do=text("Put the order right in Saleor: cancel it, or ask the buyer to pay again."),
        dismissible=True,
    )


def _paid_after_cancelation(of: str, detail: Mapping[str, Any]) -> ProblemWords:
    amount = francs_in_words(detail)
    return ProblemWords(
        title=text("Cancelled, but paid"),
        happened=text("Payment {of} of {amount} was paid after you had cancelled it.", of=of, amount=amount),
        to_do=text("Deliver after all, or refund it in Saleor and pay it back from the page Refunds."),
        dismissible=True,
    )


def _refund_waiting(of: str, detail: Mapping[str, Any]) -> ProblemWords:
    amount = francs_in_words(detail)
    return ProblemWords(
        title=text("A refund to pay"),
        happened=text("{amount} of payment {of} are to be given back to the buyer.", of=of, amount=amount),
        to_do=text("Pay the buyer back by hand, then say so on the page Refunds; or decline it there."),
        dismissible=False,
    )


def _unknown_payment(of: str, detail: Mapping[str, Any]) -> ProblemWords:
    return ProblemWords(
        title=text("A payment that nobody knows"),
        happened=text(
            "CinetPay was paid for {of}, and it could not be matched with a payment of the shop: {reason}.",
            of=of,
            reason=_unmatched(detail.get("reason")),
        ),
        to_do=text(
            "Look for it in CinetPay's back office and among the shop's orders. "
            "Book it by hand, or give the money back."
        ),
        dismissible=True,
    )


def _report_refused(of: str, detail: Mapping[str, Any]) -> ProblemWords:
    amount, code = francs_in_words(detail), detail.get("code") or "-"
    happened = text(
        "The app tells Saleor what became of {amount} of payment {of}, and Saleor refuses it ({code}).",
        of=of,
        amount=amount,
        code=code,
    )
    if (reference := detail.get("reference", of)) != of:
        happened = text(
            "The app tells Saleor what became of refund {reference} ({amount}), and Saleor refuses it ({code}).",
            reference=reference,
            amount=amount,
            code=code,
        )
    return ProblemWords(
        title=text("Saleor does not take an outcome"),
        happened=happened,
        to_do=text(
            "Check the order in Saleor against the payment's page, and put it right by hand if need be. "
            "The app goes on trying by itself."
        ),
        dismissible=True,
    )


def _unmatched(reason: object) -> Text:
    match reason:
        case "not_installed":
            return text("the app is not installed in the Saleor that it may belong to")
        case "saleor_did_not_answer":
            return text("Saleor did not answer")
        case "saleor_does_not_know_it":
            return text("Saleor does not know it")
        case "saleor_holds_another_charge":
            return text("Saleor holds another payment for it already")
        case "cinetpay_does_not_confirm":
            return text("CinetPay, asked about it once more, does not confirm it")
        case _:
            return text("Saleor asks for nothing that fits")


def francs_in_words(detail: Mapping[str, Any]) -> str:
    """Read `12500 XOF` as people write it."""
    amount, _, currency = str(detail.get("amount") or "-").partition(" ")
    grouped = f"{int(amount):,}".replace(",", "\u202f") if amount.isdecimal() else amount
    return f"{grouped}\u00a0F\u00a0CFA" if currency == "XOF" else f"{grouped} {currency}".strip()
