// Speaks to Saleor's GraphQL API as any storefront does.

import { language } from "./context.js";

const MONEY = "gross { amount currency }";

/** Run an operation; throws when Saleor does not answer it. */
async function ask(query, variables = {}) {
  const response = await fetch("/graphql/", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  if (!response.ok) throw new Error(`Saleor answered ${response.status}`);
  const { data, errors } = await response.json();
  if (errors?.length) throw new Error(errors[0].message);
  return data;
}

/** Return what the shop sells, by slug, named in the buyer's language. */
export async function products() {
  const data = await ask(
    `query Products($language: LanguageCodeEnum!) {
      products(first: 20, channel: "default-channel") { edges { node {
        slug name translation(languageCode: $language) { name } thumbnail { url }
        defaultVariant { id pricing { price { ${MONEY} } } }
      } } }
    }`,
    { language: language.toUpperCase() },
  );
  return data.products.edges.map(({ node }) => ({
    slug: node.slug,
    name: node.translation?.name ?? node.name,
    picture: new URL(node.thumbnail.url, location.href).pathname,
    variantId: node.defaultVariant.id,
    price: node.defaultVariant.pricing.price.gross.amount,
  }));
}

/** Make a checkout of [{variantId, quantity}]. */
export async function createCheckout(lines, email) {
  const data = await ask(
    `mutation CheckoutCreate($input: CheckoutCreateInput!) {
      checkoutCreate(input: $input) { checkout { id totalPrice { ${MONEY} } } errors { code message } }
    }`,
    { input: { channel: "default-channel", lines, email, languageCode: language.toUpperCase() } },
  );
  const { checkout, errors } = data.checkoutCreate;
  if (!checkout) throw new Error(errors[0].message);
  return checkout;
}

/** Ask the payment app what it needs; null where there is none. */
export async function initializeGateway(checkoutId, gatewayId) {
  const data = await ask(
    `mutation PaymentGatewayInitialize($id: ID!, $gateways: [PaymentGatewayToInitialize!]) {
      paymentGatewayInitialize(id: $id, paymentGateways: $gateways) {
        gatewayConfigs { id data errors { code message } } errors { code message }
      }
    }`,
    { id: checkoutId, gateways: [{ id: gatewayId, data: { language } }] },
  );
  return data.paymentGatewayInitialize.gatewayConfigs?.[0]?.data ?? null;
}

const SESSION = `
  transaction {
    id
    chargedAmount { amount }
    checkout { id chargeStatus totalPrice { ${MONEY} } }
    order { ...paidOrder }
  }
  transactionEvent { id type }
  data
  errors { code message }`;

const PAID_ORDER = `fragment paidOrder on Order {
  id number userEmail total { ${MONEY} } lines { translatedProductName quantity totalPrice { ${MONEY} } }
}`;

/** Open a payment, or with the same key come back to the one that is open. */
export async function initializeTransaction(checkoutId, gatewayId, data, idempotencyKey) {
  const answer = await ask(
    `mutation TransactionInitialize($id: ID!, $gateway: PaymentGatewayToInitialize!, $key: String!) {
      transactionInitialize(id: $id, paymentGateway: $gateway, idempotencyKey: $key) { ${SESSION} }
    } ${PAID_ORDER}`,
    { id: checkoutId, gateway: { id: gatewayId, data }, key: idempotencyKey },
  );
  return answer.transactionInitialize;
}

/** Ask how a payment stands. */
export async function processTransaction(id) {
  const answer = await ask(
    `mutation TransactionProcess($id: ID!) { transactionProcess(id: $id) { ${SESSION} } } ${PAID_ORDER}`,
    { id },
  );
  return answer.transactionProcess;
}

/** Turn the paid checkout into an order; again and again the same one. */
export async function completeCheckout(id) {
  const answer = await ask(
    `mutation CheckoutComplete($id: ID!) {
      checkoutComplete(id: $id) { order { ...paidOrder } errors { code message } }
    } ${PAID_ORDER}`,
    { id },
  );
  return answer.checkoutComplete.order;
}
