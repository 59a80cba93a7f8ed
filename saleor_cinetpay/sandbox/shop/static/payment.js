// One payment, from the first click to the payment page. What is remembered lets the return page go on from it.

import { gatewayId, language, text } from "./context.js";
import { initializeTransaction } from "./saleor.js";

const KEY = "payment";

/** What this browser knows about its payment: checkoutId, transactionId, idempotencyKey, phoneNumber, handover, message. */
export function remembered() {
  return JSON.parse(localStorage.getItem(KEY) ?? "{}");
}

export function remember(changes) {
  localStorage.setItem(KEY, JSON.stringify({ ...remembered(), ...changes }));
}

export function forget() {
  localStorage.removeItem(KEY);
}

export class PaymentRefused extends Error {}

/**
 * Open a payment and lead the buyer to the payment page.
 * With `again`, a new payment takes the place of one that is over; without, an open one is taken up.
 */
export async function pay({ again = false } = {}) {
  if (again || !remembered().idempotencyKey) remember({ idempotencyKey: crypto.randomUUID(), message: null });
  const { checkoutId, idempotencyKey, phoneNumber, handover } = remembered();
  const back = `${location.origin}/return`;
  const data = { returnUrl: back, cancelUrl: back, language, ...(phoneNumber ? { phoneNumber } : {}) };
  const session = await initializeTransaction(checkoutId, gatewayId, data, idempotencyKey);
  const refusal = session.errors[0] ?? session.data?.errors?.[0];
  if (refusal?.code === "NOT_FOUND" && remembered().transactionId) return seeOutcome(); // it became an order meanwhile
  if (refusal) {
    remember({ idempotencyKey: null });
    if (["START_AGAIN", "UNIQUE"].includes(refusal.code) && !again) return pay({ again: true });
    throw new PaymentRefused(refusal.message);
  }
  if (!session.data) throw new PaymentRefused(text("failed")); // the app did not answer; the same key asks again
  remember({ transactionId: session.transaction.id });
  if (session.data.redirect) leave(session.data, handover);
  else seeOutcome();
}

export function seeOutcome() {
  location.assign(`/return?transaction=${encodeURIComponent(remembered().transactionId)}`);
}

function leave({ redirect, paymentUrl }, handover) {
  if (handover === "link" && paymentUrl) {
    window.top.location.assign(paymentUrl); // the app's pages don't let themselves be framed, as they are in the demo
    return;
  }
  const form = document.createElement("form");
  form.method = redirect.method;
  form.action = redirect.url;
  for (const [name, value] of Object.entries(redirect.fields)) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name, value });
    form.append(field);
  }
  document.body.append(form);
  HTMLFormElement.prototype.submit.call(form); // a field may be called "submit"
}
