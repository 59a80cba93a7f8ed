// The page to which the buyer comes back; it asks until the outcome is certain.
import { cart, forgetCart } from "./cart.ts";
import { complete, follow, startAgain, type Outcome } from "./cinetpay.ts";

const WORDS: Record<Outcome, string> = {
  paid: "Paiement reçu, merci !",
  "partly paid": "Une partie est payée ; il reste un solde.",
  pending: "Paiement en cours. Ne payez pas une seconde fois.",
  review: "Nous vérifions votre paiement. Ne payez pas une seconde fois.",
  refused: "Le paiement n’a pas abouti. Vous pouvez réessayer.",
};

const shown = document.getElementById("outcome")!;
const again = document.getElementById("again")!;
const asked = new URLSearchParams(location.search);
const cancelled = asked.get("status") === "cancelled";
const transaction = asked.get("transaction") ?? localStorage.getItem("transaction");

function show(outcome: Outcome, message: string | null): void {
  shown.dataset.outcome = outcome;
  shown.textContent = cancelled && outcome === "pending" ? "Vous avez annulé le paiement." : message || WORDS[outcome];
  offer(outcome === "pending" ? "Revenir à la page de paiement" : ""); // the same key leads to the same payment
}

function offer(words: string): void {
  again.querySelector("a")!.textContent = words;
  again.hidden = !words;
}

if (transaction === null) {
  shown.textContent = "Aucun paiement n’est ouvert.";
} else {
  const { outcome, checkoutId, orderNumber } = await follow(transaction, show);
  if (outcome === "paid") {
    const number = orderNumber ?? (checkoutId && (await complete(checkoutId)).number);
    forgetCart();
    shown.textContent = `${WORDS.paid} Commande n° ${number}.`;
    shown.dataset.order = number ?? "";
  } else if (outcome !== "pending") {
    startAgain((await cart()).checkoutId, localStorage);
    offer(outcome === "refused" ? "Réessayer" : "Payer le reste");
  }
}
