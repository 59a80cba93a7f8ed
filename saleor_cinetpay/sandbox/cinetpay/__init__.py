"""A simulator of CinetPay v1: its API, its payment page and its notifications, as guide 1.6.1 gives them.

It shares no code with the app, so that neither can hide the other's mistakes. `docs/sandbox.md` is its manual.
"""

from saleor_cinetpay.sandbox.cinetpay.app import build_sandbox
from saleor_cinetpay.sandbox.cinetpay.config import Merchant, SandboxConfig
from saleor_cinetpay.sandbox.defaults import NotifyMode

__all__ = ["Merchant", "NotifyMode", "SandboxConfig", "build_sandbox"]
