// The shop page: products, and a cart that counts.

import { count, quantities, setQuantity, showCount } from "./cart.js";
import { money, text } from "./context.js";
import { products } from "./saleor.js";

const status = document.getElementById("status");

function show(product) {
  const item = document.getElementById("product").content.cloneNode(true);
  item.querySelector("img").src = product.picture;
  item.querySelector("h3").textContent = product.name;
  item.querySelector(".about").textContent = text(product.slug);
  item.querySelector(".price").textContent = money(product.price);
  const button = item.querySelector("button");
  button.textContent = text("add");
  button.setAttribute("aria-label", text("add_named", { product: product.name }));
  button.addEventListener("click", () => {
    setQuantity(product.slug, (quantities()[product.slug] ?? 0) + 1);
    status.textContent = text("added", { product: product.name });
    showWay();
  });
  document.getElementById("products").append(item);
}

function showWay() {
  document.getElementById("to-checkout").hidden = count() === 0;
}

showCount();
showWay();
try {
  (await products()).forEach(show);
} catch {
  status.textContent = text("unreachable");
}
