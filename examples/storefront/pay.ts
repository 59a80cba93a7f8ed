// The page where the buyer decides to pay.
import { cart } from "./cart.ts";
import { lastTransaction, leave, PaymentProblem, startPayment, terms } from "./cinetpay.ts";

const LANGUAGE = "fr";
const element = <Kind extends HTMLElement>(id: string) => document.getElementById(id) as Kind;
const form = element<HTMLFormElement>("payment");
const phone = element<HTMLInputElement>("phone");
const problem = element("problem");
const francs = new Intl.NumberFormat("fr-CI", { style: "currency", currency: "XOF" });

function tell(error: unknown): void {
  const message = error instanceof PaymentProblem ? error.message : "";
  problem.textContent = message || "Le paiement ne répond pas. Réessayez dans un instant.";
}

try {
  const { checkoutId, name, francs: price } = await cart();
  element("product").textContent = `${name} : ${francs.format(price)}`;
  const offered = await terms(checkoutId, LANGUAGE);
  const last = lastTransaction(checkoutId, localStorage);
  // Paid already, or an order by now (the app makes it where the buyer had closed the page): tell of it.
  if (!offered?.available && last) location.replace(`return.html?transaction=${encodeURIComponent(last)}`);
  if (offered?.available) {
    phone.required = offered.phoneRequired;
    form.hidden = false;
  } else {
    problem.textContent = offered?.errors[0]?.message ?? "Le paiement par mobile money n’est pas disponible.";
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button")!;
    button.disabled = true;
    problem.textContent = "";
    const returnUrl = new URL("return.html", location.href).href;
    const data = { returnUrl, language: LANGUAGE, ...(phone.value && { phoneNumber: phone.value }) };
    try {
      const { transactionId, redirect } = await startPayment(checkoutId, data, localStorage);
      localStorage.setItem("transaction", transactionId);
      if (redirect) leave(redirect, document);
      else location.assign(`return.html?transaction=${encodeURIComponent(transactionId)}`);
    } catch (error) {
      tell(error);
      button.disabled = false;
    }
  });
} catch (error) {
  tell(error);
}
