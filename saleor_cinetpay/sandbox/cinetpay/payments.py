"""A payment of the sandbox, and the shapes in which CinetPay shows one."""

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from saleor_cinetpay.sandbox.cinetpay.codes import ACCEPTED, MONEY_BACK, ON_PHONE
from saleor_cinetpay.sandbox.cinetpay.fields import parse_trans_date

OPERATORS = {"OM": "Orange Money", "MOMO": "MTN MoMo", "FLOOZ": "Moov Money", "WAVE": "Wave"}
"""`payment_method`, and the name that buyers know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where CinetPay calls and leads back; empty where neither the form nor the back office says it."""

    notify_url: str = ""
    return_url: str = ""
    cancel_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One `cpm_trans_id` of one site, from its signature on."""

    site_id: str
    trans_id: str
    token: str
    """Names the payment's page; nobody can guess it."""
    signature: str
    fields: dict[str, str]
    """What was signed: every field of the guide's table but the key, empty where it was not sent."""
    signed_at: datetime
    addresses: Addresses = field(default_factory=Addresses)
    opened_at: datetime | None = None
    """When the form was first posted; until then CinetPay knows nothing of the payment."""
    code: str = ""
    status: str = ""
    message: str = ""
    operator: str = ""
    phone: str = ""
    prefix: str = ""
    payid: str = ""
    tried_at: datetime | None = None
    """When the buyer last tried to pay."""
    updated_at: datetime | None = None
    acknowledged: bool = False
    """Whether one of our notifications got a 200 (`cpm_ipn_ack`)."""
    shown: dict[str, str | None] = field(default_factory=dict)
    """What checkPayStatus shows in place of the truth; None leaves a field out."""

    @property
    def amount(self) -> int:
        """Whole francs."""
        return int(self.fields["cpm_amount"])

    @property
    def closed(self) -> bool:
        """Whether the buyer's money has arrived; nothing but its way back can follow."""
        return self.code == ACCEPTED or self.code in MONEY_BACK

    @property
    def on_phone(self) -> bool:
        """Whether the operator still waits for the buyer's approval on the phone."""
        return self.code in ON_PHONE

    def transaction(self) -> dict[str, str]:
        """Show the payment as `checkPayStatus` does (guide 3.2), in the guide's order, not yet escaped."""
        date = parse_trans_date(self.fields["cpm_trans_date"])
        return {
            "cpm_site_id": self.site_id,
            "signature": self.signature,
            "cpm_amount": self.fields["cpm_amount"],
            "cpm_trans_date": f"{date:%d%m%Y%H%M%S}",
            "cpm_trans_id": self.trans_id,
            "cpm_custom": self.fields["cpm_custom"],
            "cpm_currency": self.fields["cpm_currency"],
            "cpm_payid": self.payid,
            "cpm_payment_date": f"{self.tried_at:%Y-%m-%d}" if self.tried_at else "",
            "cpm_payment_time": f"{self.tried_at:%H:%M:%S}" if self.tried_at else "",
            "cpm_error_message": self.message,
            "payment_method": self.operator,
            "cpm_phone_prefixe": self.prefix,
            "cel_phone_num": self.phone,
            "cpm_ipn_ack": "Y" if self.acknowledged else "N",
            "created_at": _moment(self.opened_at),
            "updated_at": _moment(self.updated_at),
            "cpm_result": self.code,
            "cpm_trans_status": self.status,
            "cpm_designation": self.fields["cpm_designation"],
            "buyer_name": "",
        }

    def history_row(self) -> dict[str, str]:
        """Show the payment as `getTransHistory` does (guide 3.3): no `cpm_trans_date`, and `cpm_phone_prefix`."""
        row = self.transaction()
        del row["cpm_trans_date"]
        return {("cpm_phone_prefix" if name == "cpm_phone_prefixe" else name): value for name, value in row.items()}

    def posted_fields(self) -> dict[str, str]:
        """Return the 23 fields that a notification and the buyer's way back carry (guide 3.2 and 4)."""
        own = self.transaction()
        for name in ("created_at", "updated_at"):
            del own[name]
        own["cpm_trans_date"] = self.fields["cpm_trans_date"]
        as_sent = ("cpm_language", "cpm_version", "cpm_payment_config", "cpm_page_action")
        return own | {name: self.fields[name] for name in as_sent}


def escaped(values: Mapping[str, str]) -> dict[str, str]:
    """Turn special characters into HTML entities, as CinetPay's replies have them."""
    return {name: html.escape(value).replace("&#x27;", "&#039;") for name, value in values.items()}


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""
