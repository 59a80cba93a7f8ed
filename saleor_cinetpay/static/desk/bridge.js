// The App Bridge: what the app's page and the Dashboard around it say to each other.

const PATIENCE_MS = 20000;
const KEPT = ["saleorApiUrl", "mount", "origin", "locale"];
const DASHBOARDS_OWN = /^(domain|saleorApiUrl|id|theme|locale|featureFlags.*)$/;
const WITHIN_DASHBOARD = /^(.*?)\/(?:extensions\/app\/[^/?]+|apps\/[^/?]+\/app)(\/.*)?$/;

export const framed = window.parent !== window;

const kept = Object.fromEntries(KEPT.map((name) => [name, remembered(name)]));
const asked = new URLSearchParams(window.location.search);
keep("saleorApiUrl", asked.get("saleorApiUrl"));
keep("origin", parentOrigin());
keep("locale", asked.get("locale"));

let token = null;
const waiting = new Set();
const listeners = { theme: [], locale: [], path: [] };

function remembered(name) {
  try {
    return window.sessionStorage.getItem(`desk.${name}`);
  } catch {
    return null;
  }
}

function keep(name, value) {
  if (value === null || value === undefined) return;
  kept[name] = value;
  try {
    window.sessionStorage.setItem(`desk.${name}`, value);
  } catch {
    // A browser that keeps nothing asks the Dashboard anew each time.
  }
}

/** The origin of the page around us: of nobody else do we take messages, and to nobody else do we talk. */
function parentOrigin() {
  const around = window.location.ancestorOrigins?.[0];
  if (around && around !== "null") return around;
  try {
    return new URL(document.referrer).origin;
  } catch {
    return null;
  }
}

export function on(what, listener) {
  listeners[what].push(listener);
}

function tell(what, value) {
  for (const listener of listeners[what]) listener(value);
}

function took(newer) {
  if (typeof newer !== "string" || !newer) return;
  token = newer;
  for (const waiter of waiting) waiter();
}

/** Learn below which path the Dashboard stands, and where in the app it believes to be. */
function located(path) {
  const [, mount, within] = path.split("?")[0].match(WITHIN_DASHBOARD) ?? [];
  if (mount !== undefined) keep("mount", mount);
  else if (path === `/dashboard${here()}`) keep("mount", "/dashboard");
  if (mount !== undefined && within) tell("path", path.slice(path.indexOf(within)));
}

function here() {
  return window.location.pathname.replace(/^\/dashboard/, "");
}

window.addEventListener("message", ({ origin, source, data }) => {
  if (source !== window.parent || origin !== kept.origin) return;
  const payload = data?.payload ?? {};
  switch (data?.type) {
    case "handshake":
    case "tokenRefresh":
      took(payload.token);
      break;
    case "theme":
      tell("theme", payload.theme);
      break;
    case "localeChanged":
      keep("locale", payload.locale);
      tell("locale", payload.locale);
      break;
    case "redirect":
      if (typeof payload.path === "string") located(payload.path);
      break;
  }
});

/** The language that the Dashboard has said before, as it says it again only after the handshake. */
export const localeBefore = () => kept.locale;

/** Ask the Dashboard to do something; what it answers is not waited for. */
function dispatch(type, payload = {}) {
  if (!framed || !kept.origin) return;
  const actionId = window.crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  window.parent.postMessage({ type, payload: { ...payload, actionId } }, kept.origin);
}

export const ready = () => dispatch("notifyReady");
export const notify = (title, text, status) => dispatch("notification", { title, text, status });
export const routed = (newRoute) => dispatch("updateRouting", { newRoute });
export const redirect = (to, newContext = false) => dispatch("redirect", { to, newContext });
export const closePopup = () => dispatch("popupClose");
export const resize = (height) => dispatch("widgetResize", { height });

/** Wait for a token other than `used`; null where none comes. */
export function tokenAfter(used) {
  if (token !== used) return Promise.resolve(token);
  return new Promise((resolve) => {
    const done = (value) => {
      window.clearTimeout(timer);
      waiting.delete(waiter);
      resolve(value);
    };
    const waiter = () => {
      if (token !== used) done(token);
    };
    const timer = window.setTimeout(() => done(null), PATIENCE_MS);
    waiting.add(waiter);
    ready(); // a Dashboard answers with the newest token that it has
  });
}

/** The headers of a request to our server, with that token. */
export function headers(bearer, locale) {
  const sent = { Authorization: `Bearer ${bearer}` };
  if (kept.saleorApiUrl) sent["Saleor-Api-Url"] = kept.saleorApiUrl;
  if (locale) sent["Accept-Language"] = locale;
  if (kept.origin) sent["Dashboard-Url"] = kept.mount === null ? kept.origin : `${kept.origin}${kept.mount}/`;
  return sent;
}

/** The address of our page without what the Dashboard adds to it. */
export function ownAddress() {
  const query = new URLSearchParams([...asked].filter(([name]) => !DASHBOARDS_OWN.test(name)));
  return window.location.pathname + (query.size ? `?${query}` : "");
}
