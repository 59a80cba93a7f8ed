"use client";
// The payment component, for the payment section of Saleor's Next.js storefront. `cinetpay.ts` and `operations.ts` stand
// beside it; set `shop.apiUrl` once, for instance from NEXT_PUBLIC_SALEOR_API_URL.
import { useEffect, useState, type FormEvent } from "react";
import { lastTransaction, leave, PaymentProblem, startPayment, terms, type Terms } from "./cinetpay";

const TEXTS = {
  fr: {
    phone: "Téléphone",
    optional: "facultatif",
    pay: "Payer par mobile money",
    absent: "Le paiement par mobile money n’est pas disponible.",
    broken: "Le paiement ne répond pas. Réessayez dans un instant.",
  },
  en: {
    phone: "Phone number",
    optional: "optional",
    pay: "Pay with mobile money",
    absent: "Mobile money is not available.",
    broken: "The payment does not answer. Please try again in a moment.",
  },
};

export type PayWithCinetPayProps = {
  checkoutId: string;
  language: "fr" | "en";
  /** Where the buyer comes back to: the page that shows `CinetPayReturn`. */
  returnUrl: string;
};

export function PayWithCinetPay({ checkoutId, language, returnUrl }: PayWithCinetPayProps) {
  const texts = TEXTS[language];
  const [offer, setOffer] = useState<Terms | null | "asking">("asking");
  const [phone, setPhone] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");

  useEffect(() => {
    let current = true;
    terms(checkoutId, language).then(
      (answer) => current && setOffer(answer),
      () => current && setOffer(null),
    );
    return () => {
      current = false;
    };
  }, [checkoutId, language]);

  function returnTo(transactionId: string) {
    const there = new URL(returnUrl);
    there.searchParams.set("transaction", transactionId);
    location.assign(there);
  }

  useEffect(() => {
    // Paid already, or an order by now (the app makes it where the buyer had closed the page): tell of it.
    const last = lastTransaction(checkoutId, localStorage);
    if (offer !== "asking" && !offer?.available && last) returnTo(last);
  });

  async function pay(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      const data = { returnUrl, language, ...(phone && { phoneNumber: phone }) };
      const { transactionId, redirect } = await startPayment(checkoutId, data, localStorage);
      if (redirect) return leave(redirect, document);
      returnTo(transactionId); // paid already, or in review
    } catch (error) {
      setProblem((error instanceof PaymentProblem && error.message) || texts.broken);
      setBusy(false);
    }
  }

  if (offer === "asking") return null;
  if (!offer?.available) return <p role="alert">{offer?.errors[0]?.message ?? texts.absent}</p>;
  return (
    <form onSubmit={pay}>
      <label>
        {texts.phone} {offer.phoneRequired ? "" : `(${texts.optional})`}
        <input
          type="tel"
          autoComplete="tel"
          value={phone}
          required={offer.phoneRequired}
          onChange={(event) => setPhone(event.target.value)}
        />
      </label>
      <button type="submit" disabled={busy}>
        {texts.pay}
      </button>
      {problem && <p role="alert">{problem}</p>}
    </form>
  );
}
