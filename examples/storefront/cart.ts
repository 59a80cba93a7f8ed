// What a shop has already: a cart that became a checkout. Here it is one piece of the first product.
import { shop } from "./cinetpay.ts";
import { apiUrl, channel, gateway } from "./config.ts";

shop.apiUrl = apiUrl;
shop.gateway = gateway;

const BUYER = { firstName: "Awa", lastName: "Koné", streetAddress1: "Rue des Jardins 12", city: "Abidjan", country: "CI" };

const PRODUCTS = `query Products($channel: String!) {
  products(first: 1, channel: $channel) { edges { node { name defaultVariant { id } } } }
}`;
const CREATE = `mutation CreateCheckout($input: CheckoutCreateInput!) {
  checkoutCreate(input: $input) { checkout { id totalPrice { gross { amount } } } errors { message } }
}`;

async function ask<Answer>(query: string, variables: object): Promise<Answer> {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(shop.apiUrl, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  if (errors?.length) throw new Error(errors[0].message);
  return Object.values(data)[0] as Answer;
}

export type Cart = { checkoutId: string; name: string; francs: number };

/** Return the buyer's checkout; the browser keeps it until it is paid. */
export async function cart(): Promise<Cart> {
  const kept = localStorage.getItem("cart");
  if (kept) return JSON.parse(kept) as Cart;
  type Products = { edges: { node: { name: string; defaultVariant: { id: string } } }[] };
  const [{ node }] = (await ask<Products>(PRODUCTS, { channel })).edges;
  const lines = [{ variantId: node.defaultVariant.id, quantity: 1 }];
  const input = { channel, lines, email: "awa@example.com", billingAddress: BUYER, languageCode: "FR" };
  type Created = { checkout: { id: string; totalPrice: { gross: { amount: number } } } | null; errors: { message: string }[] };
  const { checkout, errors } = await ask<Created>(CREATE, { input });
  if (!checkout) throw new Error(errors[0].message);
  const made = { checkoutId: checkout.id, name: node.name, francs: checkout.totalPrice.gross.amount };
  localStorage.setItem("cart", JSON.stringify(made));
  return made;
}

/** Begin a new cart the next time. */
export function forgetCart(): void {
  localStorage.removeItem("cart");
  localStorage.removeItem("transaction");
}
