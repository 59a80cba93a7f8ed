// What small things on a page do: moments in the browser's time zone, copy buttons, questions before something happens, and
// a row of sections that is wider than a phone.

const EXACT = {
  date: { dateStyle: "medium" },
  minute: { dateStyle: "medium", timeStyle: "short" },
  second: { dateStyle: "medium", timeStyle: "medium" },
};

/** Bring a part of the page to life. */
export function enliven(part, language) {
  showCurrent(part.querySelector(".sections [aria-current]"));
  for (const time of part.querySelectorAll("time[datetime]")) {
    const format = new Intl.DateTimeFormat(language === "fr" ? "fr-FR" : "en-GB", EXACT[time.dataset.exact] ?? EXACT.minute);
    time.title = time.textContent;
    time.textContent = format.format(new Date(time.dateTime));
  }
  for (const button of part.querySelectorAll("[data-copy]")) button.addEventListener("click", () => copy(button));
  for (const button of part.querySelectorAll("[data-opens]")) {
    const dialog = document.getElementById(button.dataset.opens);
    button.addEventListener("click", () => dialog.showModal());
    dialog.querySelector("[data-closes]")?.addEventListener("click", () => dialog.close());
  }
  for (const form of part.querySelectorAll("form")) form.noValidate = true; // our own words stand beside the fields
}

/** Move a row that is wider than the window, so that the entry where one is stands in its middle. */
function showCurrent(entry) {
  const row = entry?.closest("ul");
  if (row) row.scrollLeft = entry.offsetLeft - (row.clientWidth - entry.offsetWidth) / 2;
}

async function copy(button) {
  const said = button.textContent;
  if (!copyByHand(button.dataset.copy)) await navigator.clipboard.writeText(button.dataset.copy);
  button.focus();
  button.dispatchEvent(new CustomEvent("desk:copied", { bubbles: true }));
  button.textContent = "✓";
  window.setTimeout(() => (button.textContent = said), 1500);
}

/** Copy as a person would: the clipboard's own interface is closed to a frame of another origin. */
function copyByHand(text) {
  const field = Object.assign(document.createElement("textarea"), { value: text, className: "unseen" });
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}
