// The small Dashboard: navigation, orders, and apps in frames. What frames and Dashboard say is in frame.js.

import { Frame } from "./frame.js";

const context = JSON.parse(document.getElementById("context").textContent);
const MOUNT = "/dashboard";
const TEXTS = {
  fr: { home: "Accueil", orders: "Commandes", extensions: "Extensions", language: "Langue", theme: "Thème", user: "Utilisateur", light: "Clair", dark: "Sombre", order: "Commande", total: "Total", paid: "Paiement", no_orders: "Aucune commande : achetez quelque chose dans la boutique.", transactions: "Transactions", problems: "Problèmes signalés par l’application", refund: "Rembourser", close: "Fermer", asked: "Demande envoyée à l’application.", welcome: "Ce petit Dashboard montre les pages de l’application comme le vrai.", leave: "Vous quittez le Dashboard." },
  en: { home: "Home", orders: "Orders", extensions: "Extensions", language: "Language", theme: "Theme", user: "User", light: "Light", dark: "Dark", order: "Order", total: "Total", paid: "Payment", no_orders: "No orders: buy something in the shop.", transactions: "Transactions", problems: "Problems that the app has told of", refund: "Refund", close: "Close", asked: "The app has been asked.", welcome: "This small Dashboard shows the app’s pages as the real one does.", leave: "You are leaving the Dashboard." },
};

const chosen = { language: "fr", theme: "light", user: context.staff[0], lifetime: 300, ...stored() };
const content = document.getElementById("content");
const popup = document.getElementById("popup");
let frames = [];
let inPopup = null;

function stored() {
  const asked = Object.fromEntries([...new URLSearchParams(location.hash.slice(1))]);
  return { ...JSON.parse(localStorage.getItem("dashboard") ?? "{}"), ...asked };
}

const say = (name) => TEXTS[chosen.language][name];

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function francs(amount) {
  return `${new Intl.NumberFormat(chosen.language === "fr" ? "fr-FR" : "en-GB").format(amount)} F CFA`;
}

function applyChoices() {
  localStorage.setItem("dashboard", JSON.stringify(chosen));
  document.documentElement.lang = chosen.language;
  document.documentElement.dataset.theme = chosen.theme;
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = say(one.dataset.text);
  document.getElementById("popup-close").textContent = say("close");
  const links = [["", "home"], ["/orders", "orders"]].map(([path, name]) => [path, say(name)]);
  for (const app of context.apps) links.push([`/extensions/app/${encodeURIComponent(app.id)}`, app.name]);
  document.getElementById("nav").replaceChildren(
    ...links.map(([path, name]) => {
      const link = element("a", { href: MOUNT + path, textContent: name });
      const here = location.pathname === MOUNT + path || (path && decodeURIComponent(location.pathname).startsWith(decodeURIComponent(MOUNT + path)));
      if (here) link.setAttribute("aria-current", "page");
      return link;
    }),
  );
}

/** Everything that a frame's side of the bridge may ask of us. */
const dashboard = {
  mount: MOUNT,
  context,
  chosen,
  navigate,
  toast({ status, title, text }) {
    const shown = element("div", { className: `toast ${status}` }, element("strong", { textContent: title ?? "" }), " ", text ?? "");
    document.getElementById("toasts").append(shown);
    setTimeout(() => shown.remove(), 8000);
  },
  confirmLeaving: () => window.confirm(say("leave")),
  closePopup: () => popup.open && popup.close(),
};

function frame(app, url, target, parameters = {}) {
  const made = new Frame(dashboard, app, url, target, parameters);
  if (target === "POPUP") inPopup = made;
  else frames.push(made);
  return made.element;
}

/** Go to another page. As in the real one, a popup stays open over it until its app closes it. */
function navigate(to) {
  history.pushState(null, "", MOUNT + to);
  return render();
}

async function held() {
  return (await fetch("/_sandbox/state")).json();
}

async function render() {
  for (const one of frames) one.end();
  frames = [];
  applyChoices();
  const path = location.pathname.slice(MOUNT.length);
  const [, id, deep] = path.match(/^\/extensions\/app\/([^/]+)(\/.*)?$/) ?? [];
  const app = context.apps.find((one) => one.id === decodeURIComponent(id ?? ""));
  if (app) return content.replaceChildren(element("h1", { textContent: app.name }), frame(app, app.appUrl.replace(/\/$/, "") + (deep ?? ""), "APP_PAGE"));
  const [, order] = path.match(/^\/orders\/([^/]+)$/) ?? [];
  if (order) return showOrder(decodeURIComponent(order));
  if (path === "/orders") return showOrders();
  const problems = context.apps.flatMap((one) => one.problems);
  content.replaceChildren(
    element("h1", { textContent: say("home") }),
    element("div", { className: "plain" }, element("p", { textContent: say("welcome") }),
      ...(problems.length ? [element("h2", { textContent: say("problems") }), element("ul", {}, ...problems.map((p) => element("li", { textContent: p })))] : [])),
  );
}

async function showOrders() {
  const { orders } = await held();
  const rows = orders.map((order) => element("tr", {},
    element("td", {}, element("a", { href: `${MOUNT}/orders/${encodeURIComponent(order.id)}`, textContent: `${say("order")} ${order.number}` })),
    element("td", { textContent: order.chargeStatus }), element("td", { textContent: francs(order.total) })));
  content.replaceChildren(element("h1", { textContent: say("orders") }), element("div", { className: "plain" },
    rows.length ? element("table", {}, element("tbody", {}, ...rows)) : element("p", { textContent: say("no_orders") })));
}

async function showOrder(id) {
  const { orders, transactions } = await held();
  const order = orders.find((one) => one.id === id);
  if (!order) return showOrders();
  const extensions = context.apps.flatMap((app) => app.extensions.map((extension) => ({ app, ...extension })));
  const menu = extensions.filter((one) => one.mount === "ORDER_DETAILS_MORE_ACTIONS");
  const widgets = extensions.filter((one) => one.mount === "ORDER_DETAILS_WIDGETS");
  const actions = menu.map((one) => {
    const button = element("button", { type: "button", textContent: one.label });
    button.addEventListener("click", () => {
      document.getElementById("popup-title").textContent = one.label;
      document.getElementById("popup-frame").replaceChildren(frame(one.app, one.url, "POPUP", { orderId: id }));
      popup.showModal();
    });
    return button;
  });
  const mine = transactions.filter((one) => order.transactions.includes(one.id));
  content.replaceChildren(
    element("div", { className: "head" }, element("h1", { textContent: `${say("order")} ${order.number}` }), ...actions),
    element("div", { className: "order" },
      element("div", {},
        element("section", { className: "card" }, element("ul", {}, ...order.lines.map((line) => element("li", {}, element("span", { textContent: line.product }), element("span", { textContent: `× ${line.quantity}` }))),
          element("li", {}, element("strong", { textContent: say("total") }), element("strong", { textContent: francs(order.total) })))),
        element("section", { className: "card" }, element("h2", { textContent: say("transactions") }), element("ul", {}, ...mine.map(transaction)))),
      element("div", {}, ...widgets.map((one) => element("section", { className: "card" }, element("h2", { textContent: one.label }), frame(one.app, one.url, "WIDGET", { orderId: id }))))),
  );
}

function transaction(one) {
  const made = element("li", {}, element("span", { textContent: one.pspReference || one.id }), element("span", { textContent: francs(one.charged) }));
  if (one.actions.includes("REFUND") && Number(one.charged) > 0) {
    const button = element("button", { type: "button", textContent: say("refund") });
    button.addEventListener("click", async () => {
      const asked = await fetch(`/_sandbox/transactions/${encodeURIComponent(one.id)}/actions`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ action: "REFUND", reason: "" }) });
      dashboard.toast({ status: asked.ok ? "success" : "error", title: say("refund"), text: asked.ok ? say("asked") : (await asked.json()).error });
    });
    made.append(button);
  }
  return made;
}

const switches = document.getElementById("switches");
switches.elements.user.append(...context.staff.map((email) => element("option", { value: email, textContent: email })));
for (const name of ["language", "theme", "user"]) switches.elements[name].value = chosen[name];
switches.addEventListener("change", ({ target }) => {
  chosen[target.name] = target.value;
  applyChoices();
  if (target.name === "user") return render();
  for (const one of frames) one.tellChoices();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/dashboard']");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  navigate(link.getAttribute("href").slice(MOUNT.length));
});
document.getElementById("popup-close").addEventListener("click", () => popup.close());
popup.addEventListener("close", () => {
  inPopup?.end();
  document.getElementById("popup-frame").replaceChildren();
});

// As in the real one, the app's own changes of the address are not the router's: back leads the frame itself back.
let known = location.pathname;
window.addEventListener("popstate", () => {
  const within = (path) => path.match(/^.*?\/extensions\/app\/[^/]+/)?.[0];
  if (within(known) === undefined || within(known) !== within(location.pathname)) render();
  known = location.pathname;
});

if (location.hash) history.replaceState(null, "", location.pathname + location.search);
render();
