// The desk's one script: fetches pages with the Dashboard's token, and puts them where the last one was.

import * as bridge from "./bridge.js";
import { enliven } from "./parts.js";

const root = document.documentElement;
const desk = document.getElementById("desk");
const announcer = document.getElementById("announcer");
const noticeBox = document.getElementById("notice");
const beside = document.body.classList.contains("beside");

let used = null;
let locale = bridge.localeBefore() ?? root.lang;
let shown = null;
let turn = 0;
let touched = false;

const saying = (id) => document.getElementById(id).content.textContent.trim();

/** Ask our server; again with the next token where this one is no good any more, as nothing has been done then. */
async function ask(address, options = {}) {
  used = used === null ? await bridge.tokenAfter(null) : await bridge.tokenAfter(undefined);
  if (used === null) return null;
  const reply = await sendWith(used, address, options);
  if (reply.status !== 401 || !STALE.has(reply.headers.get("desk-refusal"))) return reply;
  const newer = await bridge.tokenAfter(used);
  if (newer === null) return reply;
  used = newer;
  return sendWith(used, address, options);
}

const STALE = new Set(["TOKEN_EXPIRED", "UNKNOWN_KEY"]);

function sendWith(bearer, address, options) {
  return fetch(address, { ...options, headers: { ...bridge.headers(bearer, locale), ...options.headers } });
}

/** Show a page. `push`: as a new entry of the history; the Dashboard's address follows. */
async function go(address, { push = true, quiet = false } = {}) {
  const mine = ++turn;
  const spoken = locale;
  desk.setAttribute("aria-busy", "true");
  try {
    const reply = await ask(address);
    if (mine !== turn) return;
    if (reply === null) return put(document.getElementById("elsewhere").content);
    await show(reply, { push, quiet });
    if (mine === turn && spoken !== locale) go(shown, { push: false, quiet: true }); // the Dashboard said it meanwhile
  } catch {
    if (mine === turn) put(document.getElementById("unreachable").content, () => go(address, { push, quiet }));
  } finally {
    if (mine === turn) desk.setAttribute("aria-busy", "false");
  }
}

async function show(reply, { push, quiet }) {
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const url = new URL(reply.url);
  const address = url.pathname + url.search;
  touched = false;
  root.lang = page.documentElement.lang;
  document.title = page.title;
  if (address !== window.location.pathname + window.location.search) {
    window.history[push && shown !== null ? "pushState" : "replaceState"]({ desk: true }, "", address);
    if (!beside && push && shown !== null) bridge.routed(address.replace(/^\/dashboard/, "") || "/");
  }
  shown = address;
  for (const spoken of page.querySelectorAll("body > template")) document.getElementById(spoken.id).replaceWith(spoken);
  desk.replaceChildren(...page.getElementById("desk").childNodes);
  enliven(desk, root.lang);
  fetchAgainLater();
  if (quiet) return;
  window.scrollTo(0, 0);
  const alert = desk.querySelector(".alert, [aria-invalid=true]");
  const heading = desk.querySelector("h1");
  if (alert?.matches("[aria-invalid=true]")) alert.focus();
  else heading?.focus({ preventScroll: true });
}

/** Fetch a page once more that says that something on it is still coming, unless the person has gone on by then. */
function fetchAgainLater() {
  const seconds = Number(desk.querySelector("[data-refetch-s]")?.dataset.refetchS);
  const mine = turn;
  if (seconds) {
    window.setTimeout(() => {
      if (mine === turn && !touched && !desk.querySelector("dialog[open]")) go(shown, { push: false, quiet: true });
    }, seconds * 1000);
  }
}

function put(content, again) {
  desk.replaceChildren(content.cloneNode(true));
  desk.querySelector("[data-again]")?.addEventListener("click", again);
  desk.querySelector("h1")?.focus();
}

/** Say what came of a form: in the Dashboard, and to a screen reader here; what is no success stays on the page. */
function tellNotice({ text, status }) {
  bridge.notify("CinetPay", text, status);
  if (status === "success") announcer.textContent = text;
  else showNotice(text, status);
}

function showNotice(text, status) {
  noticeBox.className = `notice ${status}`;
  noticeBox.textContent = text;
  noticeBox.hidden = false;
}

async function send(form, submitter) {
  const data = new URLSearchParams(new FormData(form, submitter));
  const action = submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? window.location.pathname;
  if (form.method === "get") {
    for (const [name, value] of [...data]) if (!value) data.delete(name);
    return go(action.split("?")[0] + (data.size ? `?${data}` : ""));
  }
  const buttons = [...form.elements].filter((one) => one.type === "submit" && !one.disabled);
  for (const button of buttons) button.disabled = true;
  form.setAttribute("aria-busy", "true");
  const mine = ++turn;
  try {
    const reply = await ask(action, { method: "POST", body: data });
    if (mine !== turn) return;
    if (reply === null) return showNotice(saying("unsent"), "error");
    if (!reply.headers.get("content-type")?.startsWith("application/json")) {
      const secrets = [...form.querySelectorAll("input[type=password]")].map(({ name, value }) => [name, value]);
      await show(reply, { push: false });
      return keep(secrets);
    }
    const { to, notice } = await reply.json();
    touched = false;
    await go(to, { push: to !== shown });
    tellNotice(notice);
  } catch {
    showNotice(saying("unsent"), "error");
  } finally {
    for (const button of buttons) button.disabled = false;
    form.removeAttribute("aria-busy");
  }
}

/** Put back what the server never sends back, so that nothing typed is lost: it has not left this page. */
function keep(secrets) {
  for (const [name, value] of secrets) {
    const field = desk.querySelector(`input[type=password][name="${CSS.escape(name)}"]`);
    if (field) field.value = value;
  }
}

/** Fetch a file with the token, and hand it to the browser. */
async function download(anchor) {
  anchor.setAttribute("aria-busy", "true");
  try {
    const reply = await ask(anchor.href);
    if (!reply?.ok) throw new Error("no file");
    const name = reply.headers.get("content-disposition")?.match(/filename="([^"]+)"/)?.[1] ?? "file";
    const saved = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await reply.blob()), download: name });
    saved.click();
    window.setTimeout(() => URL.revokeObjectURL(saved.href), 60000);
  } catch {
    showNotice(saying("unsent"), "error");
  } finally {
    anchor.removeAttribute("aria-busy");
  }
}

desk.addEventListener("click", (event) => {
  const anchor = event.target.closest("a[href]");
  if (!anchor || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (anchor.dataset.dashboard) {
    event.preventDefault();
    bridge.redirect(anchor.dataset.dashboard);
    if (beside) bridge.closePopup(); // a Dashboard from 3.22 on leaves it open over the page that it goes to
    return;
  }
  const url = new URL(anchor.href);
  if (url.origin !== window.location.origin || !url.pathname.startsWith("/dashboard") || anchor.target) return;
  if (anchor.getAttribute("href").startsWith("#")) return;
  event.preventDefault();
  noticeBox.hidden = true;
  if (anchor.hasAttribute("download")) download(anchor);
  else go(url.pathname + url.search);
});

desk.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  event.preventDefault();
  noticeBox.hidden = true;
  send(event.target, event.submitter);
});

desk.addEventListener("input", (event) => {
  if (event.target.closest("form")?.method === "post") touched = true;
});

desk.addEventListener("desk:copied", () => {
  announcer.textContent = "";
  announcer.textContent = saying("copied");
});

window.addEventListener("popstate", () => {
  const address = window.location.pathname + window.location.search;
  if (address !== shown) go(address, { push: false });
});

bridge.on("theme", (theme) => {
  if (/dark/i.test(theme)) root.dataset.theme = "dark";
  else if (/light/i.test(theme)) root.dataset.theme = "light";
});

bridge.on("locale", (spoken) => {
  const other = spoken.slice(0, 2) !== locale.slice(0, 2);
  locale = spoken;
  if (other && !touched) go(shown ?? bridge.ownAddress(), { push: false, quiet: true }); // what is being typed is not lost
});

bridge.on("path", (path) => {
  const address = `/dashboard${path === "/" ? "" : path}`;
  if (shown !== null && !beside && !touched && address.split("?")[0] !== shown.split("?")[0]) go(address, { push: false });
});

if (beside) {
  new ResizeObserver(() => bridge.resize(Math.ceil(desk.getBoundingClientRect().height) + 8)).observe(desk);
}

if (bridge.framed) {
  bridge.ready();
  go(bridge.ownAddress(), { push: false, quiet: true });
} else {
  put(document.getElementById("elsewhere").content);
}
