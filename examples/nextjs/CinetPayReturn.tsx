"use client";
// The page to which the buyer comes back: it asks until the outcome is certain, and makes the order.
import { useEffect, useState } from "react";
import { complete, follow, startAgain, type Outcome } from "./cinetpay";

const TEXTS: Record<"fr" | "en", Record<Outcome | "asking" | "again" | "back", string>> = {
  fr: {
    asking: "Vérification…",
    again: "Réessayer",
    back: "Revenir à la page de paiement",
    paid: "Paiement reçu, merci !",
    "partly paid": "Une partie est payée ; il reste un solde.",
    pending: "Paiement en cours. Ne payez pas une seconde fois.",
    review: "Nous vérifions votre paiement. Ne payez pas une seconde fois.",
    refused: "Le paiement n’a pas abouti. Vous pouvez réessayer.",
  },
  en: {
    asking: "Checking…",
    again: "Try again",
    back: "Back to the payment page",
    paid: "Payment received, thank you!",
    "partly paid": "A part is paid; some is left to pay.",
    pending: "Payment under way. Please do not pay a second time.",
    review: "We are checking your payment. Please do not pay a second time.",
    refused: "The payment did not go through. You can try again.",
  },
};

export type CinetPayReturnProps = {
  /** From the address: `?transaction=...`. */
  transactionId: string;
  checkoutId: string;
  language: "fr" | "en";
  /** Called once, with the order's number. */
  onPaid: (orderNumber: string) => void;
  /** Called where the buyer wants to go on with the open payment, or to pay (the rest) again: show `PayWithCinetPay`. */
  onAgain: () => void;
};

export function CinetPayReturn({ transactionId, checkoutId, language, onPaid, onAgain }: CinetPayReturnProps) {
  const texts = TEXTS[language];
  const [outcome, setOutcome] = useState<Outcome | "asking">("asking");
  const [message, setMessage] = useState<string | null>(null);
  const [ended, setEnded] = useState(false);

  useEffect(() => {
    let current = true;
    const show = (seen: Outcome, said: string | null) => {
      if (!current) return;
      setOutcome(seen);
      setMessage(said);
    };
    (async () => {
      const end = await follow(transactionId, show);
      if (!current) return;
      if (end.outcome === "paid") {
        const number = end.orderNumber ?? (await complete(end.checkoutId ?? checkoutId)).number;
        if (current) onPaid(number);
      } else if (end.outcome !== "pending") {
        startAgain(checkoutId, localStorage);
      }
      if (current) setEnded(true);
    })().catch(() => current && setEnded(true));
    return () => {
      current = false;
    };
    // One payment is followed once, whatever else changes.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [transactionId]);

  return (
    <div>
      <p role="status" data-outcome={outcome}>
        {message || texts[outcome]}
      </p>
      {(outcome === "pending" || (ended && (outcome === "refused" || outcome === "partly paid"))) && (
        <button type="button" onClick={onAgain}>
          {outcome === "pending" ? texts.back : texts.again}
        </button>
      )}
    </div>
  );
}
