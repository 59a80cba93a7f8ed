"""Every error that the app raises, in one tree.

    AppError
    ├── CinetPayError              what went wrong on the way to CinetPay
    │   ├── CinetPayRefused        CinetPay answered with a code instead of what we asked for
    │   ├── CinetPayUnavailable    no answer, or none of CinetPay's own
    │   │   └── CinetPayNotOffered the operator has no CinetPay for tests (any more); nothing was sent
    │   └── CinetPayUnintelligible an answer that the guide does not know
    ├── SaleorError                what went wrong on the way to Saleor
    │   ├── SaleorRefused          Saleor answered with errors, or does not accept our token
    │   ├── SaleorUnavailable      no answer, or none of Saleor's own
    │   ├── SaleorUnintelligible   an answer that its schema does not know
    │   └── AddressForbidden       an address that the operator has not allowed; nothing was sent
    ├── CallRefused                a caller whom a door turns away, with the HTTP status for it
    │   ├── SignatureInvalid       what came is not signed by whom it claims
    │   └── UnknownKey             signed with a key that is not in the key set; a newer set may have it
    ├── TooBusy                    more at once than there is room for; nothing was done
    ├── PaymentImpossible          a payment that can't be opened, with the stable code for the storefront
    ├── ChangedMeanwhile           somebody else has saved the same settings since they were read
    ├── SiteTaken                  the shop has an account with that site id already
    ├── Unreadable                 a row of our own database that this process can't read; it stays as it is
    │   ├── OfANewerVersion        it holds a word that only a newer version of the app knows
    │   └── Unsealable             no key opens what is sealed in it (shops/secrets.py)
    └── LedgerUnavailable          our own database can't be read or written just now

Each error carries three texts: one for the log (English, its `str`), one for the buyer and one for the
merchant. None of them ever holds a secret.
"""

from datetime import datetime
from typing import ClassVar

from saleor_cinetpay.locale import Text, text


class AppError(Exception):
    """The root; its `str` is the text for the log."""

    buyer: Text = text("Something went wrong. Please try again in a few minutes.")
    merchant: Text = text("Something went wrong in the payment app. Its log says more.")


class CinetPayError(AppError):
    """What went wrong on the way to CinetPay."""

    buyer = text("The payment service is not available right now. Please try again in a few minutes.")
    merchant = text("CinetPay did not answer. The app will ask again by itself.")

    def __init__(self, log: str, *, maybe_carried_out: bool) -> None:
        super().__init__(log)
        self.maybe_carried_out = maybe_carried_out
        """Whether CinetPay may have done what was asked, although we have no answer that says so."""


class CinetPayRefused(CinetPayError):
    """CinetPay answered with `{"status": {"code", "message"}}` instead of what was asked for."""

    def __init__(self, *, code: str, name: str, buyer: Text, merchant: Text) -> None:
        super().__init__(f"CinetPay refused: {code} {name}", maybe_carried_out=False)
        self.code = code
        self.buyer = buyer
        self.merchant = merchant


class CinetPayUnavailable(CinetPayError):
    """CinetPay can't be reached, is too slow, or something else answers in its place (HTML, 3xx, 5xx, empty)."""

    def __init__(self, log: str, *, maybe_carried_out: bool, retry_after_s: float | None = None) -> None:
        super().__init__(log, maybe_carried_out=maybe_carried_out)
        self.retry_after_s = retry_after_s
        """How long CinetPay asked us to wait, if it did."""


class CinetPayNotOffered(CinetPayUnavailable):
    """A test account, where the operator has no address of a CinetPay for tests (any more). Nothing was sent."""

    merchant = text(
        "This account is for tests, and there is no CinetPay for tests here: it takes no payments. "
        "Ask whoever runs the app, or use an account for real payments."
    )

    def __init__(self) -> None:
        super().__init__("there is no CinetPay for test accounts here", maybe_carried_out=False)


class CinetPayUnintelligible(CinetPayError):
    """CinetPay answered JSON that is none of the documented shapes."""

    merchant = text("CinetPay's answer could not be understood. The app will ask again by itself.")


class SaleorError(AppError):
    """What went wrong on the way to Saleor."""

    merchant = text("Saleor did not answer. The app will try again by itself.")

    def __init__(self, log: str, *, maybe_carried_out: bool) -> None:
        super().__init__(log)
        self.maybe_carried_out = maybe_carried_out
        """Whether Saleor may have done what was asked, although we have no answer that says so."""


class SaleorRefused(SaleorError):
    """Saleor answered with errors: of the operation (`NOT_FOUND`, `INCORRECT_DETAILS`, ...) or of permission."""

    merchant = text("Saleor refused the app's request. Check that the app is still installed and active.")

    def __init__(self, *, code: str, message: str) -> None:
        super().__init__(f"Saleor refused: {code} {message}", maybe_carried_out=False)
        self.code = code


class SaleorUnavailable(SaleorError):
    """Saleor can't be reached, is too slow, or something else answers in its place."""


class SaleorUnintelligible(SaleorError):
    """Saleor answered JSON that is not of its schema's shape."""


class AddressForbidden(SaleorError):
    """An address that the operator has not allowed. Nothing was sent there."""

    def __init__(self, log: str) -> None:
        super().__init__(log, maybe_carried_out=False)


class CallRefused(AppError):
    """A caller whom a door turns away, before anything is written or sent.

    `status` is the HTTP status, `code` a stable word for it; the log text is safe to show the caller.
    """

    def __init__(self, status: int, code: str, log: str) -> None:
        super().__init__(log)
        self.status = status
        self.code = code


class SignatureInvalid(CallRefused):
    """What came is not signed by whom it claims, or not in the way that Saleor signs."""

    def __init__(self, log: str) -> None:
        super().__init__(401, "SIGNATURE_INVALID", log)


class UnknownKey(CallRefused):
    """Signed with a key that is not in the key set that we hold; a newer one may have it."""

    def __init__(self, kid: str) -> None:
        super().__init__(401, "UNKNOWN_KEY", f"no key {kid[:100]!r} in the key set")
        self.kid = kid


class TooBusy(AppError):
    """More at once than there is room for. Nothing was done; the same call may be made again."""


class PaymentImpossible(AppError):
    """A payment that can't be opened. `code` is one of the stable codes of the storefront contract."""

    codes: ClassVar[frozenset[str]] = frozenset(
        {
            "AMOUNT_NOT_WHOLE",
            "AMOUNT_TOO_LOW",
            "AMOUNT_TOO_HIGH",
            "AMOUNT_OFF_STEP",
            "CURRENCY_NOT_SUPPORTED",
            "NOT_CONFIGURED",
            "INVALID_DATA",
            "PHONE_NUMBER_INVALID",
            "PHONE_NUMBER_REQUIRED",
            "CINETPAY_UNAVAILABLE",
            "CINETPAY_REFUSED",
            "START_AGAIN",
            "TRY_LATER",
        }
    )

    def __init__(self, code: str, *, buyer: Text, merchant: Text, log: str | None = None) -> None:
        if code not in self.codes:
            raise ValueError(f"{code} is no code of the storefront contract")
        super().__init__(log or code)
        self.code = code
        self.buyer = buyer
        self.merchant = merchant
        self.told_at: datetime | None = None
        """The `time` of the failure, where it is noted; a success of the same payment must come after it."""


class ChangedMeanwhile(AppError):
    """Somebody else has saved the same settings since they were read. Nothing was written."""

    merchant = text("Somebody else has changed these settings meanwhile. Nothing of yours was saved yet.")


class SiteTaken(AppError):
    """The shop has an account with that site id already. Nothing was written."""


class Unreadable(AppError):
    """A row of our own database that this process can't read; nothing is done about it, so nothing is lost."""

    merchant = text(
        "The app can't read this entry of its own database. Nothing is lost: ask whoever runs the app, "
        "whose log says why."
    )


class OfANewerVersion(Unreadable):
    """A row that holds a word which only a newer version of the app knows."""


class LedgerUnavailable(AppError):
    """Our own database can't be read or written just now. Nothing was acknowledged."""
