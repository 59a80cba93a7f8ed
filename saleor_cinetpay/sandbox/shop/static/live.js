// The live view: asks the sandbox once a second what was said and what Saleor holds.

import { language, money, text } from "./context.js";

const EVERY_MS = 1000;
const SHOWN = 300;
const seen = { saleor: 0, cinetpay: 0 };
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const status = document.getElementById("status");

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const parties = ["storefront", "saleor", "app", "cinetpay", "buyer"];

function party(name) {
  return element("span", { className: `party ${name}`, textContent: parties.includes(name) ? text(name) : name });
}

function message({ at, from, to, title, detail, ok }) {
  const head = element(
    "summary",
    {},
    element("time", { dateTime: at, textContent: clock.format(new Date(at)) }),
    element("span", { className: "way" }, party(from), element("span", { className: "arrow", textContent: "→" }), party(to)),
    element("span", { className: "title", textContent: title }),
    element("span", { className: "mark", textContent: ok ? "✓" : "✗" }),
  );
  const body = element("pre", { tabIndex: 0, textContent: JSON.stringify(detail, null, 2) });
  return element("li", { className: ok ? "ok" : "failed" }, element("details", {}, head, body));
}

async function showMessages() {
  const { messages } = await read(`/_sandbox/feed?after=${seen.saleor}&cinetpayAfter=${seen.cinetpay}`);
  const list = document.getElementById("messages");
  for (const one of messages) {
    seen[one.source] = Math.max(seen[one.source], one.id);
    list.prepend(message(one));
  }
  while (list.children.length > SHOWN) list.lastChild.remove();
  document.getElementById("no-messages").hidden = list.children.length > 0;
}

/** Draw equal events that follow each other as one, with how often it came. */
function drawnTogether(events) {
  const drawn = [];
  for (const event of events) {
    const last = drawn.at(-1);
    if (last?.type === event.type && last.message === event.message && last.counts === event.counts) last.times += 1;
    else drawn.push({ ...event, times: 1 });
  }
  return drawn;
}

function transaction(held) {
  const sums = element("p", { className: "sums" }, sum("charged", held.charged), sum("refunded", held.refunded));
  const events = drawnTogether(held.events).map(({ type, amount, message: said, counts, time, times }) =>
    element(
      "li",
      { className: counts ? "" : "uncounted" },
      element("time", { dateTime: time, textContent: clock.format(new Date(time)) }),
      element("span", { className: "title", textContent: times > 1 ? `${type} × ${times}` : type }),
      element("span", { className: "price", textContent: money(amount) }),
      element("span", { className: "hint", textContent: counts ? said : [said, text("not_counted")].filter(Boolean).join(" · ") }),
    ),
  );
  const card = element(
    "article",
    { className: "card transaction" },
    element("h4", { textContent: held.pspReference || held.id.slice(-12) }),
    sums,
    element("ol", { className: "events" }, ...events),
  );
  if (held.actions.includes("REFUND") && Number(held.charged) > 0) {
    const refund = element("button", { type: "button", className: "quiet", textContent: text("refund") });
    refund.addEventListener("click", () => act(`transactions/${encodeURIComponent(held.id)}/actions`, { action: "REFUND" }, text("refund")));
    card.append(refund);
  }
  return card;
}

function sum(name, amount) {
  return element("span", {}, `${text(name)} `, element("strong", { textContent: money(amount) }));
}

let shown = "";

async function showState() {
  const held = await read("/_sandbox/state");
  const now = JSON.stringify(held);
  if (now === shown) return;
  shown = now;
  document.getElementById("transactions").replaceChildren(...held.transactions.map(transaction));
  document.getElementById("no-transactions").hidden = held.transactions.length > 0;
  document.getElementById("no-orders").hidden = held.orders.length > 0;
  document.getElementById("orders").replaceChildren(
    ...held.orders.map((order) =>
      element(
        "li",
        {},
        element("strong", { textContent: text("order_number", { number: order.number }) }),
        element("span", { className: "badge", textContent: order.chargeStatus }),
        element("span", { className: "price", textContent: money(order.total) }),
      ),
    ),
  );
}

async function read(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

async function act(path, body, what) {
  const response = await fetch(`/_sandbox/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  status.textContent = response.ok ? text("trouble_done", { what }) : (await response.json()).error;
}

const troubles = {
  down: ["faults", { kind: "unavailable", seconds: 20 }],
  lost: ["faults", { kind: "lost_answer", calls: 1 }],
  keys: ["keys", {}],
};
for (const troubleButton of document.querySelectorAll("[data-trouble]")) {
  const [path, body] = troubles[troubleButton.dataset.trouble];
  troubleButton.addEventListener("click", () => act(path, body, troubleButton.textContent));
}

for (;;) {
  try {
    await Promise.all([showMessages(), showState()]);
  } catch {
    status.textContent = text("unreachable");
  }
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
}
