"""The doctor: checks everything that an operator or a shop can get wrong, and says what to do about each.

A check is a small function that takes `Means` (or `Means` and one shop) and yields findings; `checks.py` is the table
of all. Checks change nothing: what they send to CinetPay and Saleor only asks, and no payment has the trans id of the
notification that they post. `saleor-cinetpay doctor` runs all of them, the desk's Health page those of one shop.

To add a check: write it in the module of its subject, enter it in `checks.py`, and plant its fault in
`tests/app/test_app_doctor.py`. Sentences that a shop's staff read are marked by `text(...)` and have their French;
those for the operator alone by `english(...)`.
"""
