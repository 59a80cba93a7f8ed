// The cart, kept in this browser: how many of each product.

const KEY = "cart";

export function quantities() {
  return JSON.parse(localStorage.getItem(KEY) ?? "{}");
}

export function setQuantity(slug, quantity) {
  const cart = quantities();
  if (quantity > 0) cart[slug] = quantity;
  else delete cart[slug];
  localStorage.setItem(KEY, JSON.stringify(cart));
  showCount();
}

export function emptyCart() {
  localStorage.removeItem(KEY);
  showCount();
}

export function count() {
  return Object.values(quantities()).reduce((sum, quantity) => sum + quantity, 0);
}

export function showCount() {
  const badge = document.getElementById("cart-count");
  badge.textContent = count();
  badge.hidden = count() === 0;
}
