// What the server says about this page: the language, the texts, the payment app.

const context = JSON.parse(document.getElementById("context").textContent);

export const language = context.language;
export const gatewayId = context.gatewayId;

/** Return a text, its {places} filled. */
export function text(name, values = {}) {
  return context.texts[name].replace(/\{(\w+)\}/g, (_, place) => values[place]);
}

const numbers = new Intl.NumberFormat(language === "fr" ? "fr-FR" : "en-GB", { maximumFractionDigits: 0 });

/** Write an amount as people do: 12 500 F CFA in French, 12,500 F CFA in English. */
export function money(amount) {
  return `${numbers.format(amount).replace(/\s/g, "\u00a0")}\u00a0F\u00a0CFA`;
}
