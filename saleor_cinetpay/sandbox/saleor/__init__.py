"""A small Saleor: what a payment app and a storefront see of the real one, in memory, behaving as measured."""

from saleor_cinetpay.sandbox.saleor.app import build_saleor, serve_saleor
from saleor_cinetpay.sandbox.saleor.booking import EventType
from saleor_cinetpay.sandbox.saleor.books import Report
from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.sandbox.saleor.faults import FaultKind
from saleor_cinetpay.sandbox.saleor.installing import InstallationFailed
from saleor_cinetpay.sandbox.saleor.small_saleor import Signature, SmallSaleor

__all__ = [
    "EventType",
    "FaultKind",
    "InstallationFailed",
    "Report",
    "SaleorConfig",
    "Signature",
    "SmallSaleor",
    "build_saleor",
    "serve_saleor",
]
