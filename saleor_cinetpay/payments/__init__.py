"""The heart: payments, verdicts, the ledger, settling and reporting. There is no HTTP in it."""
