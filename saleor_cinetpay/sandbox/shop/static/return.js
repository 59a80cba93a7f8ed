// The return page: asks how the payment stands until that is certain, and judges by what Saleor has charged.

import { emptyCart, showCount } from "./cart.js";
import { money, text } from "./context.js";
import { PaymentRefused, forget, pay, remember, remembered } from "./payment.js";
import { completeCheckout, processTransaction } from "./saleor.js";

const QUICK_MS = 2000;
const PATIENT_MS = 5000;
const SLOW_AFTER_MS = 60_000;
const GIVE_UP_AFTER_MS = 15 * 60_000;

const parameters = new URLSearchParams(location.search);
const cancelled = parameters.get("status") === "cancelled";
const outcome = document.getElementById("outcome");
const actions = document.getElementById("outcome-actions");
let lastEventId = null;

const pictures = { partial: "pending", unknown: "refused" };

function show(state, message, ...buttons) {
  const same = outcome.dataset.state === state && actions.childElementCount === buttons.length;
  if (!same) actions.replaceChildren(...buttons); // a button that stays keeps the focus
  outcome.dataset.state = state;
  document.getElementById("outcome-picture").src = `/shop/static/${pictures[state] ?? state}.svg`;
  document.getElementById("outcome-title").textContent = text(`${state}_title`);
  document.getElementById("outcome-text").textContent = message;
}

function button(name, act) {
  const element = document.createElement("button");
  Object.assign(element, { type: "button", className: "button", textContent: text(name) });
  element.addEventListener("click", async () => {
    element.disabled = true;
    try {
      await act();
    } catch (problem) {
      document.getElementById("outcome-text").textContent =
        problem instanceof PaymentRefused ? problem.message : text("unreachable");
    } finally {
      element.disabled = false;
    }
  });
  return element;
}

function link(name, href) {
  return Object.assign(document.createElement("a"), { className: "button quiet-link", href, textContent: text(name) });
}

function showPaid(order) {
  emptyCart();
  forget();
  show("paid", text("paid", { number: order.number, email: order.userEmail ?? "" }), link("new_order", "/"));
  const lines = document.getElementById("outcome-lines");
  lines.replaceChildren(
    ...order.lines.map(({ translatedProductName, quantity, totalPrice }) => {
      const line = Object.assign(document.createElement("li"), { className: "line" });
      line.append(
        Object.assign(document.createElement("span"), { textContent: `${quantity} × ${translatedProductName}` }),
        Object.assign(document.createElement("span"), { className: "price", textContent: money(totalPrice.gross.amount) }),
      );
      return line;
    }),
  );
  lines.hidden = false;
  const total = document.getElementById("outcome-total");
  total.querySelector("strong").textContent = money(order.total.gross.amount);
  total.hidden = false;
}

/** Show how things stand; true where that is certain and nothing more need be asked. */
async function judge({ transaction, transactionEvent, data, errors }) {
  if (!transaction) {
    const gone = errors[0]?.code === "NOT_FOUND" || errors[0]?.code === "GRAPHQL_ERROR";
    show(gone ? "unknown" : "pending", gone ? text("unknown") : errors[0].message, link("back_to_shop", "/"));
    return gone;
  }
  const { checkout, order } = transaction;
  const charged = transaction.chargedAmount.amount;
  if (charged > 0 && (order || ["FULL", "OVERCHARGED"].includes(checkout.chargeStatus))) {
    const placed = order ?? (await completeCheckout(checkout.id));
    if (placed) showPaid(placed);
    return Boolean(placed);
  }
  if (checkout) remember({ checkoutId: checkout.id });
  if (charged > 0) {
    const values = { paid: money(charged), total: money(checkout.totalPrice.gross.amount) };
    show("partial", text("partial", values), button("pay_rest", () => pay({ again: true })));
    return true;
  }
  return judgeUnpaid(transactionEvent, data);
}

function judgeUnpaid(event, data) {
  if (data?.message) remember({ message: data.message });
  if (data?.status === "review") {
    show("review", data.message ?? text("review"));
    return false;
  }
  if (event.type.endsWith("_FAILURE") && isLastWord(event, data)) {
    const message = data?.errors?.[0]?.message ?? remembered().message;
    const retry = data?.canRetry === false ? link("back_to_shop", "/") : button("try_again", () => pay({ again: true }));
    if (cancelled) show("cancelled", message ?? text("cancelled"), retry);
    else show("refused", message ?? text("refused"), retry);
    return true;
  }
  if (cancelled) show("cancelled", text("cancelled"), button("resume", () => pay()), link("back_to_shop", "/"));
  else show("pending", data?.message ?? text("pending"));
  return false;
}

/**
 * Tell the app's last word from a failure that Saleor made up because the app did not answer: neither has data after the
 * first time, but the last word is the same event each time, and the other a new one.
 */
function isLastWord(event, data) {
  const repeated = event.id === lastEventId;
  lastEventId = event.id;
  return repeated || data?.status === "refused" || Boolean(data?.errors);
}

async function follow(transactionId) {
  const since = Date.now();
  for (;;) {
    const elapsed = Date.now() - since;
    try {
      if (await judge(await processTransaction(transactionId))) return;
    } catch {
      document.getElementById("outcome-text").textContent = text("unreachable");
    }
    if (elapsed > GIVE_UP_AFTER_MS) return;
    if (elapsed > SLOW_AFTER_MS && outcome.dataset.state === "pending") show("pending", text("slow"));
    await new Promise((resolve) => setTimeout(resolve, elapsed > SLOW_AFTER_MS ? PATIENT_MS : QUICK_MS));
  }
}

showCount();
const transactionId = parameters.get("transaction");
if (transactionId) await follow(transactionId);
else show("unknown", text("unknown"), link("back_to_shop", "/"));
