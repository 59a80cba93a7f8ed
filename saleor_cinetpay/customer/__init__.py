"""The pages that buyers see: the hand-over to CinetPay, and how a payment stands."""
