"""What is said about CinetPay's answer codes: to the buyer, who holds a phone, and to the merchant, who can fix it."""

from saleor_cinetpay.locale import Text, text


class ToBuyer:
    """Short and kind: what happened, and what to do now."""

    PAID = text("Your payment has been received. Thank you!")
    WAIT = text("Your payment is being processed. Please wait a moment: there is no need to pay a second time.")
    CONFIRM = text(
        "Your payment is waiting for you: please confirm it on your phone with your secret code. "
        "There is no need to pay a second time."
    )
    ENTER_CODE = text(
        "Please enter the confirmation code that you received from your operator to complete the payment."
    )
    NOT_KNOWN_YET = text(
        "We do not know yet whether your payment went through. We are checking it for you: "
        "please do not pay again for the moment."
    )
    FAILED = text("The payment did not go through. Please try again, or choose another means of payment.")
    TOP_UP = text(
        "The balance of your account is too low for this payment. Please top it up and try again, "
        "or pay with another account."
    )
    WRONG_CODE = text("The confirmation code is wrong or has expired. Please ask for a new code and try again.")
    WRONG_DETAILS = text(
        "Some of the details entered are not right. Please check your number and your code, then try again."
    )
    AMOUNT_NOT_TAKEN = text(
        "The operator does not take this amount. Please choose another means of payment, or contact the shop."
    )
    AMOUNT_TOO_LOW = text(
        "This amount is below what the operator accepts. Please choose another means of payment, "
        "or add something to your basket."
    )
    AMOUNT_TOO_HIGH = text(
        "This amount is above what the operator accepts. Please choose another means of payment, or contact the shop."
    )
    TODAYS_LIMIT = text(
        "You have reached today's payment limit of your account. Please pay with another account, "
        "or try again tomorrow."
    )
    LIMIT = text(
        "You have reached the payment limit of your account (for the day, the week or the month). "
        "Please pay with another account, or try again later."
    )
    ACCOUNT_NOT_ACTIVE = text(
        "This account is not active for payments. Please contact your operator, or pay with another account."
    )
    WRONG_NUMBER = text("This phone number is not recognised. Please check it and try again, or use another number.")
    NUMBER_NOT_TAKEN = text(
        "The operator of this phone number is not accepted here. Please use a number of another operator."
    )
    COUNTRY_NOT_TAKEN = text(
        "Phone numbers of this country are not accepted here. Please check the prefix, or use another number."
    )
    SWITCHED_OFF = text("This means of payment is switched off for the moment. Please choose another one.")
    OPERATOR_AWAY = text(
        "The operator is not available right now. Please try again in a few minutes, "
        "or choose another means of payment."
    )
    CANCELLED = text("The payment was cancelled. You can start again whenever you like.")
    ALREADY_KNOWN = text(
        "A payment for this order is already known. We are checking it for you: please do not pay again for the moment."
    )
    SHOP_CAN_NOT = text(
        "This shop can't take CinetPay payments right now. Please choose another means of payment, or contact the shop."
    )
    REFUNDED = text("This payment has been refunded to you.")
    BEING_REFUNDED = text("This payment is being refunded to you.")
    CHECKED_BY_HAND = text("This payment has to be checked by hand. Please do not pay again, and contact the shop.")

    @staticmethod
    def away(operator: str) -> Text:
        """Say which operator is away."""
        return text(
            "{operator} is not available right now. Please try again in a few minutes, "
            "or choose another means of payment.",
            operator=operator,
        )


class ToMerchant:
    """Precise: what to check or to fix, and where."""

    PAID = text("CinetPay accepted the payment.")
    NOTHING_TO_DO = text("Nothing to do: the app keeps asking CinetPay until the payment is accepted or refused.")
    UNEXPLAINED = text(
        "CinetPay met an error that it can't explain. The app asks again for a while; "
        "then look the payment up in CinetPay's back office."
    )
    BUYER_CAN_RETRY = text("Nothing to fix on your side: the buyer can try again or pay in another way.")
    FAILED = text("The operator refused the payment without a reason. The buyer can try again or pay in another way.")
    BUYER_LACKS_MONEY = text("The buyer's account does not hold enough money. The buyer can top it up and try again.")
    WRONG_CODE = text("The buyer entered a wrong or expired confirmation code, and can try again with a new one.")
    WRONG_DETAILS = text(
        "The operator refused the details of this payment. If it happens to many buyers, "
        "check your service's settings in CinetPay's back office."
    )
    CHECK_AMOUNTS = text(
        "CinetPay does not take this amount. Check the smallest amount and the step in the account's settings: "
        "many operators want at least 100 francs and multiples of 5."
    )
    RAISE_MINIMUM = text(
        "The amount is below the operator's minimum. Raise the smallest amount in the account's settings."
    )
    SET_MAXIMUM = text("The amount is above the operator's maximum. Set a largest amount in the account's settings.")
    ADD_OPERATOR = text("The buyer's operator is not active for your CinetPay service. You can ask CinetPay to add it.")
    ADD_COUNTRY = text(
        "CinetPay does not take this country's prefix. Check the default prefix in the account's settings, "
        "or ask CinetPay to open that country for you."
    )
    SWITCH_ON = text("This means of payment is switched off for your service. Switch it on in CinetPay's back office.")
    OPERATOR_TROUBLE = text(
        "An operator behind CinetPay failed, not your shop. If it lasts, ask CinetPay's support "
        "which operators are down."
    )
    CANCELLED = text("The buyer cancelled on CinetPay's page. Should the buyer still pay, the app will notice.")
    LOOK_UP_FIRST = text(
        "CinetPay already has a payment with this transaction id. "
        "Look it up in CinetPay's back office before anything is paid again."
    )
    MERCHANT_UNKNOWN = text(
        "CinetPay does not know this merchant. Check the site id and the API key, and that your account is open."
    )
    CHECK_API_KEY = text(
        "CinetPay does not accept the API key. Copy it again from the Integration tab of CinetPay's back office "
        "into the account's settings."
    )
    NO_MEANS_OF_PAYMENT = text(
        "No means of payment is active for your service. Switch one on in CinetPay's back office."
    )
    CHECK_CURRENCY = text(
        "CinetPay does not take this currency for your service. Check your service's currency in CinetPay's back "
        "office, and choose the other of CFA and XOF in the account's settings (CINETPAY_CURRENCY for the operator's)."
    )
    CHECK_SITE_ID = text(
        "CinetPay does not know the site id. Copy it again from the Integration tab of CinetPay's back office; "
        "it must belong to the same service as the API key."
    )
    CHECK_FORM = text(
        "The payment form did not match its signature. Check that the storefront sends the form's fields unchanged "
        "and in UTF-8, and that the API key has not been changed since."
    )
    RENEW = text(
        "Your CinetPay subscription has expired, or its transactions are used up. Renew it in CinetPay's back office."
    )
    RESTRICTED = text(
        "CinetPay restricts access to your account. Ask CinetPay's support what is missing, "
        "and whether this server's address must be allowed."
    )
    RAISE_QUOTA = text("The quota of your CinetPay account is used up. Ask CinetPay's support to raise it.")
    REFUNDED = text("CinetPay gave this money back to the buyer. Check the order before you deliver.")
    BEING_REFUNDED = text("CinetPay is giving this money back to the buyer. Check the order before you deliver.")
    FRAUD = text("CinetPay suspects fraud. Do not deliver before CinetPay's support has confirmed the payment.")

    @staticmethod
    def ask_support(code: str, name: str) -> Text:
        """Say that CinetPay did not take what the app itself decides."""
        return text(
            "CinetPay refused the app's request ({name}). Your settings can't cause this: please pass code {code} on "
            "to the app's maintainers or to CinetPay's support.",
            name=name,
            code=code,
        )

    @staticmethod
    def unknown(code: str) -> Text:
        """Say that a code is none that is known."""
        return text(
            "CinetPay answered with code {code}, which this app does not know. "
            "Look the payment up in CinetPay's back office before you deliver.",
            code=code or "-",
        )
