"""What the payment page says, in French and English."""

from collections.abc import Mapping

LANGUAGES = ("fr", "en")

TEXTS: Mapping[str, tuple[str, str]] = {
    "banner": ("Bac à sable\u00a0: aucun argent réel", "Sandbox: no real money"),
    "name": ("Guichet d’essai", "Practice till"),
    "for": ("un simulateur de CinetPay\u00a0v1", "a simulator of CinetPay\u00a0v1"),
    "language": ("Langue", "Language"),
    "to_pay": ("À payer", "To pay"),
    "purchase": ("Achat", "Purchase"),
    "reference": ("Référence", "Reference"),
    "site": ("Site", "Site"),
    "operator": ("Moyen de paiement", "Payment method"),
    "prefix": ("Indicatif", "Prefix"),
    "phone": ("Numéro de téléphone", "Phone number"),
    "phone_hint": ("N’importe quel numéro convient ici.", "Any number will do here."),
    "phone_fixed": ("La boutique a fixé ce numéro.", "The shop has fixed this number."),
    "phone_wrong": ("Donnez un numéro de 8 à 15 chiffres.", "Enter a number of 8 to 15 digits."),
    "operator_wrong": ("Choisissez un moyen de paiement.", "Choose a payment method."),
    "otp": ("Code à usage unique", "One-time code"),
    "otp_hint": ("N’importe quel code\u00a0: le panneau du testeur décide.", "Any code: the tester’s panel decides."),
    "pay": ("Payer", "Pay"),
    "cancel": ("Annuler le paiement", "Cancel payment"),
    "back": ("Retour boutique", "Back to the shop"),
    "tester": ("Panneau du testeur", "Tester’s panel"),
    "tester_about": (
        "Un vrai guichet n’a pas ce panneau. Il décide de ce qui arrive quand vous appuyez sur Payer.",
        "A real payment page has no such panel. It decides what happens when you press Pay.",
    ),
    "outcome": ("Ce qui arrive", "Outcome"),
    "outcome_paid": ("Payé, ou presque", "Paid, or nearly"),
    "outcome_refused": ("Refusé, l’acheteur peut réessayer", "Refused, the buyer can try again"),
    "outcome_unavailable": ("Opérateur indisponible", "Operator unavailable"),
    "outcome_else": ("Autre", "Otherwise"),
    "later": ("En attente, puis accepté", "Pending, then accepted"),
    "abandoned": ("Onglet fermé sans payer", "Tab closed without paying"),
    "after_s": ("Attente avant d’être accepté (secondes)", "Pending before accepted (seconds)"),
    "notify": ("Notifications à la boutique", "Notifications to the shop"),
    "notify_once": ("Une fois", "Once"),
    "notify_twice": ("Deux fois", "Twice"),
    "notify_five": ("Cinq au même instant", "Five at once"),
    "notify_late": ("En retard", "Late"),
    "notify_never": ("Jamais", "Never"),
    "late_s": ("Retard (secondes)", "Delay if late (seconds)"),
    "cancel_method": ("Retour après annulation", "Way back after a cancel"),
    "cancel_get": ("par un lien (GET)", "by a link (GET)"),
    "cancel_post": ("par un formulaire (POST)", "by a form (POST)"),
    "accepted": ("Paiement accepté", "Payment accepted"),
    "accepted_about": ("Le reçu porte le numéro {0}.", "The receipt has number {0}."),
    "money_back": ("Paiement remboursé", "Payment refunded"),
    "pending": ("Validez le paiement sur votre téléphone", "Approve the payment on your phone"),
    "pending_about": (
        "La page avance toute seule dès que l’opérateur a répondu.",
        "This page moves on by itself once the operator has answered.",
    ),
    "refused": ("Paiement refusé", "Payment refused"),
    "try_again": ("Vous pouvez réessayer.", "You can try again."),
    "canceled": ("Paiement annulé", "Payment cancelled"),
    "closed_tab": ("L’acheteur a fermé l’onglet", "The buyer has closed the tab"),
    "closed_tab_about": (
        "Rien n’est payé et la boutique n’en sait rien. Vous pouvez fermer cette page.",
        "Nothing is paid, and the shop hears nothing. You can close this page.",
    ),
    "resume": ("Revenir au guichet", "Go back to the till"),
    "countdown": ("Retour automatique dans {0} s.", "You go back in {0} s."),
    "stay": ("Rester ici", "Stay here"),
    "leaving": ("Retour à la boutique…", "Going back to the shop…"),
    "impossible": ("Ce paiement ne peut pas s’ouvrir", "This payment can’t be opened"),
    "impossible_about": (
        "La boutique a envoyé un formulaire que CinetPay refuse.",
        "The shop has sent a form that CinetPay refuses.",
    ),
    "unknown": ("Ce guichet n’existe pas", "There is no such till"),
    "home": ("Ici arrivent les acheteurs", "This is where buyers arrive"),
    "home_about": (
        "Une boutique y envoie son formulaire signé. Derniers paiements\u00a0:",
        "A shop sends its signed form here. Latest payments:",
    ),
    "home_none": ("Aucun paiement pour l’instant.", "No payments yet."),
    "signed": ("signé", "signed"),
    "waiting": ("ouvert", "open"),
}

PAID_OUTCOMES = ("00", "later", "607")
REFUSED_OUTCOMES = ("602", "604", "600", "606", "630", "631", "632", "633", "634", "635", "636", "641", "642", "802")
UNAVAILABLE_OUTCOMES = ("603", "621", "622", "626", "628", "629", "804")
OTHER_OUTCOMES = ("627", "662", "663", "664", "624", "abandoned")

CODES: Mapping[str, tuple[str, str]] = {
    "00": ("Accepté", "Accepted"),
    "600": ("Le paiement a échoué", "The payment failed"),
    "602": ("Solde insuffisant", "Insufficient balance"),
    "603": ("Service indisponible", "Service unavailable"),
    "604": ("Code à usage unique erroné", "Wrong one-time code"),
    "606": ("Paramètres incorrects", "Incorrect settings"),
    "607": ("En attente, pour toujours", "Pending for ever"),
    "621": ("Orange Money indisponible", "Orange Money unavailable"),
    "622": ("MTN MoMo indisponible", "MTN MoMo unavailable"),
    "624": ("Erreur inconnue", "Unknown error"),
    "626": ("Moov Money indisponible", "Moov Money unavailable"),
    "627": ("Annulé par l’acheteur", "Cancelled by the buyer"),
    "628": ("Erreur interne", "Internal error"),
    "629": ("Panne générale", "General failure"),
    "630": ("Format du montant invalide", "Invalid amount format"),
    "631": ("Plafond du jour dépassé", "Daily limit exceeded"),
    "632": ("Compte inactif", "Account not active"),
    "633": ("Numéro inactif", "Number not active"),
    "634": ("Numéro invalide", "Invalid number"),
    "635": ("Numéro introuvable", "Number not found"),
    "636": ("Numéro non pris en charge", "Number not supported"),
    "641": ("Montant trop petit", "Amount too low"),
    "642": ("Montant trop grand", "Amount too high"),
    "662": ("En attente du paiement", "Waiting for the payment"),
    "663": ("En attente du code", "Waiting for the code"),
    "664": ("En attente chez l’opérateur", "Waiting at the operator’s"),
    "802": ("Moyen de paiement désactivé", "Payment method disabled"),
    "804": ("Opérateur indisponible", "Operator unavailable"),
}


def say(key: str, language: str, *values: object) -> str:
    """Return a text in that language, its `{0}` places filled."""
    return TEXTS[key][LANGUAGES.index(language)].format(*values)


def say_code(code: str, language: str) -> str:
    """Return what a code means, for people; an unlisted code is a failure like any other."""
    return CODES.get(code, CODES["600"])[LANGUAGES.index(language)]


def language_of(*candidates: str) -> str:
    """Return the first of these that the page speaks; else French."""
    return next((language for language in candidates if language in LANGUAGES), LANGUAGES[0])


def francs(amount: int) -> str:
    """Write an amount as people in West Africa do: `12 500 F CFA`."""
    return f"{amount:,}".replace(",", "\u202f") + " F\u00a0CFA"
