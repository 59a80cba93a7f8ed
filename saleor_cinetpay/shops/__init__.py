"""The shops: installations, their CinetPay accounts and settings, and the secrets of both at rest."""
