"""A Saleor payment app for CinetPay: mobile money in CFA francs, never lost and never invented."""

__version__ = "0.1.0"
