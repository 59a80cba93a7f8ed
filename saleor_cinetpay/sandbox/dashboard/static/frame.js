// One app's frame, and the Dashboard's side of the App Bridge (as in Saleor's Dashboard 3.23).

const SANDBOX = "allow-same-origin allow-forms allow-scripts allow-downloads allow-popups";
const WIDGET_HEIGHT = 200;
const WIDGET_MAX_HEIGHT = 5000;
const BEFORE_EXPIRY_S = 30;

export class Frame {
  constructor(dashboard, app, url, target, parameters) {
    this.dashboard = dashboard;
    this.app = app;
    this.target = target;
    this.origin = new URL(url).origin;
    this.element = Object.assign(document.createElement("div"), { className: "frame" });
    this.inner = document.createElement("iframe");
    this.inner.title = app.name;
    this.inner.setAttribute("sandbox", SANDBOX);
    if (target === "WIDGET") this.inner.style.height = `${WIDGET_HEIGHT}px`;
    this.listener = (event) => event.source === this.inner.contentWindow && event.origin === this.origin && this.hear(event.data);
    window.addEventListener("message", this.listener);
    this.inner.addEventListener("load", () => this.handshake());
    this.begin(url, parameters);
  }

  async begin(url, parameters) {
    await this.refreshToken();
    const { context, chosen } = this.dashboard;
    const query = new URLSearchParams(window.location.search);
    const added = { domain: new URL(context.apiUrl).host, saleorApiUrl: context.apiUrl, id: this.app.id, ...parameters, theme: chosen.theme === "dark" ? "dark" : "light" };
    for (const [name, value] of Object.entries(added)) query.set(name, value);
    this.inner.src = `${url}?${query}`;
    this.element.append(this.inner);
  }

  end() {
    clearTimeout(this.timer);
    window.removeEventListener("message", this.listener);
  }

  async refreshToken() {
    const { chosen } = this.dashboard;
    const reply = await fetch(`${this.dashboard.mount}/token`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ app: this.app.id, email: chosen.user, lifetime: chosen.lifetime }),
    });
    const { token, lifetime } = await reply.json();
    const first = this.token === undefined;
    this.token = token;
    if (!first) this.say("tokenRefresh", { token });
    this.timer = setTimeout(() => this.refreshToken(), Math.max(lifetime - BEFORE_EXPIRY_S, lifetime / 2 + 0.5) * 1000);
  }

  say(type, payload) {
    this.inner.contentWindow?.postMessage({ type, payload }, this.origin);
  }

  handshake() {
    this.say("handshake", { token: this.token, version: 1, saleorVersion: this.dashboard.context.version, dashboardVersion: this.dashboard.context.version });
    this.tellChoices();
    this.say("redirect", { path: window.location.pathname });
  }

  tellChoices() {
    this.say("localeChanged", { locale: this.dashboard.chosen.language });
    this.say("theme", { theme: this.dashboard.chosen.theme });
  }

  hear(action) {
    if (!action?.type || !action.payload?.actionId) return;
    const ok = this.carryOut(action.type, action.payload);
    if (ok !== undefined) this.say("response", { actionId: action.payload.actionId, ok });
  }

  carryOut(type, payload) {
    switch (type) {
      case "notifyReady":
        this.handshake();
        return true;
      case "notification":
        this.dashboard.toast(payload);
        return true;
      case "updateRouting":
        window.history.pushState(null, "", `${this.dashboard.mount}/extensions/app/${encodeURIComponent(this.app.id)}${payload.newRoute === "/" ? "" : payload.newRoute}`);
        return true;
      case "redirect":
        return this.redirect(payload);
      case "widgetResize":
        if (this.target === "WIDGET" && payload.height > 0) this.inner.style.height = `${Math.min(Math.ceil(payload.height), WIDGET_MAX_HEIGHT)}px`;
        return true;
      case "popupClose":
        this.dashboard.closePopup();
        return true;
      default:
        console.warn(`${type} action is invalid.`);
        return undefined;
    }
  }

  redirect({ to, newContext }) {
    if (!to.startsWith("/")) {
      if (newContext) window.open(to);
      else if (this.dashboard.confirmLeaving()) window.location.href = to;
      return true;
    }
    if (newContext) window.open(this.dashboard.mount + to);
    else this.dashboard.navigate(to);
    return true;
  }
}
