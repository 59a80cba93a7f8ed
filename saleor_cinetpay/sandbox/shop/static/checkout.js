// The checkout page: what is in the cart, who buys it, and the way to the payment page.

import { quantities, setQuantity, showCount } from "./cart.js";
import { gatewayId, money, text } from "./context.js";
import { PaymentRefused, forget, pay, remember, remembered, seeOutcome } from "./payment.js";
import { createCheckout, initializeGateway, products } from "./saleor.js";

const form = document.getElementById("pay-form");
const button = document.getElementById("pay");
const error = document.getElementById("error");
const status = document.getElementById("status");
let catalogue = [];

function chosen() {
  const cart = quantities();
  return catalogue.filter(({ slug }) => cart[slug]).map((product) => ({ ...product, quantity: cart[product.slug] }));
}

function showLine({ slug, name, picture, price, quantity }) {
  const item = document.getElementById("line").content.cloneNode(true);
  item.querySelector("img").src = picture;
  item.querySelector("strong").textContent = name;
  item.querySelector(".price").textContent = money(price * quantity);
  item.querySelector(".stepper").setAttribute("aria-label", text("quantity", { product: name }));
  item.querySelector("output").textContent = quantity;
  for (const [selector, step, label] of [[".less", -1, "less"], [".more", 1, "more"]]) {
    const stepButton = item.querySelector(selector);
    stepButton.setAttribute("aria-label", text(label, { product: name }));
    stepButton.addEventListener("click", () => {
      setQuantity(slug, quantity + step);
      showOrder();
      document.querySelector(`#lines [data-slug="${slug}"] ${selector}`)?.focus();
    });
  }
  item.querySelector("li").dataset.slug = slug;
  document.getElementById("lines").append(item);
}

function showOrder() {
  const lines = chosen();
  document.getElementById("lines").replaceChildren();
  lines.forEach(showLine);
  const total = lines.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
  document.getElementById("total").textContent = money(total);
  const price = Object.assign(document.createElement("span"), { className: "price", textContent: money(total) });
  button.replaceChildren(`${text("pay")} `, price);
  document.getElementById("order").hidden = lines.length === 0;
  document.getElementById("empty").hidden = lines.length > 0;
}

function complain(message, field) {
  error.textContent = message;
  error.hidden = false;
  field?.setAttribute("aria-invalid", "true");
  field?.focus();
}

/** Make a checkout of the cart, or take the one that was made of the very same cart. */
async function checkoutOf(lines, email) {
  const made = JSON.stringify([lines, email]);
  if (remembered().made === made) return;
  forget();
  const checkout = await createCheckout(lines, email);
  remember({ made, checkoutId: checkout.id });
}

async function submit() {
  const { email, phone } = form.elements;
  if (!email.checkValidity()) return complain(text("email_needed"), email);
  const lines = chosen().map(({ variantId, quantity }) => ({ variantId, quantity }));
  await checkoutOf(lines, email.value.trim());
  const gateway = await initializeGateway(remembered().checkoutId, gatewayId);
  if (!gateway?.available && remembered().transactionId) return seeOutcome(); // paid already, or an order by now
  if (!gateway?.available) return complain(gateway?.errors?.[0]?.message ?? text("failed"));
  document.getElementById("test-mode").hidden = gateway.environment !== "test";
  const phoneNumber = phone.value.trim();
  if (gateway.phoneRequired && !phoneNumber) return complain(text("phone_required"), phone);
  const sameNumber = (remembered().phoneNumber ?? "") === phoneNumber;
  remember({ phoneNumber, handover: form.elements.handover.value });
  status.textContent = text("leaving");
  await pay({ again: !sameNumber });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  error.hidden = true;
  for (const field of form.elements) field.removeAttribute("aria-invalid");
  button.disabled = true;
  status.textContent = text("working");
  try {
    await submit();
  } catch (problem) {
    complain(problem instanceof PaymentRefused ? problem.message : text("unreachable"));
  } finally {
    button.disabled = false;
    if (!error.hidden) status.textContent = "";
  }
});

showCount();
try {
  catalogue = await products();
  showOrder();
} catch {
  document.getElementById("order").hidden = false;
  complain(text("unreachable"));
}
