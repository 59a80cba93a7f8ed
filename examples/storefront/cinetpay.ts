// The module of docs/storefront.md, whole; copy it into your shop.
import {
  CheckoutComplete, PaymentGatewayInitialize, TransactionInitialize, TransactionProcess,
} from "./operations.ts";

export const shop = {
  apiUrl: "https://shop.example/graphql/",
  gateway: "saleor.app.payment.cinetpay",
};

export type Problem = { code: string; message: string };

async function ask<Answer>(query: string, variables: Record<string, unknown>): Promise<Answer> {
  const response = await fetch(shop.apiUrl, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  if (!response.ok) throw new Error(`Saleor answered ${response.status}`);
  const { data, errors } = await response.json();
  if (errors?.length) throw new Error(errors[0].message);
  return Object.values(data)[0] as Answer; // each operation asks for one thing
}

export type Terms =
  | {
      available: true;
      currency: "XOF";
      minimumAmount: number;
      maximumAmount: number | null;
      amountStep: number;
      phoneRequired: boolean;
      environment: "live" | "test";
    }
  | { available: false; errors: Problem[] };

/** Null where the shop has no such gateway, or the app did not answer: offer other means of payment. */
export async function terms(checkoutId: string, language: string): Promise<Terms | null> {
  const answer = await ask<{ gatewayConfigs: { data: Terms | null }[] | null }>(PaymentGatewayInitialize, {
    checkout: checkoutId,
    gateway: { id: shop.gateway, data: { language } },
  });
  return answer.gatewayConfigs?.[0]?.data ?? null;
}

export type PaymentData = {
  returnUrl?: string;
  cancelUrl?: string;
  phoneNumber?: string;
  phonePrefix?: string;
  language?: string;
  designation?: string;
};
export type Redirect = { url: string; method: "POST"; fields: Record<string, string> };
export type Opened = { transactionId: string; redirect?: Redirect; paymentUrl?: string };
export type Memory = Pick<Storage, "getItem" | "setItem" | "removeItem">;

type Session = {
  transaction: {
    id: string;
    chargedAmount: { amount: number };
    checkout?: { id: string; chargeStatus: string } | null;
    order?: { id: string; number: string; chargeStatus: string } | null;
  } | null;
  transactionEvent: { id: string; type: string } | null;
  data: {
    redirect?: Redirect;
    paymentUrl?: string;
    status?: "accepted" | "pending" | "refused" | "review";
    code?: string | null;
    message?: string;
    canRetry?: boolean;
    errors?: Problem[];
  } | null;
  errors: Problem[];
};

export class PaymentProblem extends Error {
  code: string;
  constructor({ code, message }: Problem) {
    super(message);
    this.code = code;
  }
}

const placeOf = (checkoutId: string) => `payment of ${checkoutId}`;
const transactionPlaceOf = (checkoutId: string) => `transaction of ${checkoutId}`;

/** Make the next `startPayment` open a new payment. */
export function startAgain(checkoutId: string, memory: Memory): void {
  memory.removeItem(placeOf(checkoutId));
  memory.removeItem(transactionPlaceOf(checkoutId));
}

/** The transaction of the checkout's last payment, if there is one. */
export function lastTransaction(checkoutId: string, memory: Memory): string | null {
  return memory.getItem(transactionPlaceOf(checkoutId));
}

async function isPaid(transactionId: string): Promise<boolean> {
  return outcomeOf(await ask<Session>(TransactionProcess, { transaction: transactionId }), null) === "paid";
}

/** Open the checkout's payment, or take up the one that is open. `memory` is the browser's localStorage. */
export async function startPayment(checkoutId: string, data: PaymentData, memory: Memory): Promise<Opened> {
  const known = memory.getItem(placeOf(checkoutId));
  const earlier = lastTransaction(checkoutId, memory);
  const key = known ?? crypto.randomUUID();
  memory.setItem(placeOf(checkoutId), key); // before the call: where the answer is lost, the same key asks again
  const session = await ask<Session>(TransactionInitialize, {
    checkout: checkoutId,
    gateway: { id: shop.gateway, data },
    key,
  });
  const problem = session.errors[0] ?? session.data?.errors?.[0];
  if (problem) {
    if (problem.code === "UNIQUE" && earlier && (await isPaid(earlier))) return { transactionId: earlier };
    startAgain(checkoutId, memory); // this transaction can't be paid any more; the next attempt is another one
    if (known && ["START_AGAIN", "UNIQUE"].includes(problem.code)) return startPayment(checkoutId, data, memory);
    throw new PaymentProblem(problem);
  }
  if (!session.transaction || !session.data) {
    throw new PaymentProblem({ code: "NO_ANSWER", message: "" }); // Saleor did not reach the app: the same key again
  }
  memory.setItem(transactionPlaceOf(checkoutId), session.transaction.id);
  const { redirect, paymentUrl } = session.data;
  return { transactionId: session.transaction.id, redirect, paymentUrl };
}

export function leave(redirect: Redirect, page: Document): void {
  const form = page.createElement("form");
  form.method = redirect.method;
  form.action = redirect.url;
  for (const [name, value] of Object.entries(redirect.fields)) {
    const input = page.createElement("input");
    Object.assign(input, { type: "hidden", name, value });
    form.append(input);
  }
  page.body.append(form);
  form.submit();
}

export type Outcome = "paid" | "partly paid" | "pending" | "review" | "refused";

/** Judge an answer of `transactionProcess`; `before` is the answer before it. */
export function outcomeOf({ transaction, transactionEvent, data }: Session, before: Session | null): Outcome {
  const charged = transaction?.chargedAmount.amount ?? 0;
  const purchase = transaction?.order ?? transaction?.checkout;
  if (charged > 0) return ["FULL", "OVERCHARGED"].includes(purchase?.chargeStatus ?? "") ? "paid" : "partly paid";
  if (data?.status === "review") return "review";
  if (!transactionEvent?.type.endsWith("_FAILURE")) return "pending";
  const said = data?.status === "refused" || Boolean(data?.errors);
  return said || transactionEvent.id === before?.transactionEvent?.id ? "refused" : "pending";
}

const PATIENCE_MS = 15 * 60_000;
const wait = (milliseconds: number) => new Promise<unknown>((resolve) => setTimeout(resolve, milliseconds));

/** Ask until the outcome is certain; `show` hears of each answer. Ends with "pending" after a quarter of an hour. */
export async function follow(
  transactionId: string,
  show: (outcome: Outcome, message: string | null) => void,
  pause: (milliseconds: number) => Promise<unknown> = wait,
): Promise<{ outcome: Outcome; checkoutId: string | null; orderNumber: string | null }> {
  const began = Date.now();
  for (let before: Session | null = null; ; ) {
    let answer: Session | null = null;
    try {
      answer = await ask<Session>(TransactionProcess, { transaction: transactionId });
    } catch {
      // No network, or no Saleor: the payment is as it was. Ask again.
    }
    const elapsed = Date.now() - began;
    if (answer) {
      if (!answer.transaction) throw new PaymentProblem(answer.errors[0]);
      const outcome = outcomeOf(answer, before);
      show(outcome, answer.data?.message ?? null);
      if (["paid", "partly paid", "refused"].includes(outcome) || elapsed > PATIENCE_MS) {
        const { checkout, order } = answer.transaction;
        return { outcome, checkoutId: checkout?.id ?? null, orderNumber: order?.number ?? null };
      }
      before = answer;
    } else if (elapsed > PATIENCE_MS) {
      return { outcome: "pending", checkoutId: null, orderNumber: null };
    }
    await pause(elapsed < 60_000 ? 2_000 : 5_000);
  }
}

/** Make the order; again and again the same one. Call it once `follow` says "paid" and there is no order yet. */
export async function complete(checkoutId: string): Promise<{ id: string; number: string }> {
  const { order, errors } = await ask<{ order: { id: string; number: string } | null; errors: Problem[] }>(
    CheckoutComplete, { checkout: checkoutId },
  );
  if (!order) throw new PaymentProblem(errors[0]);
  return order;
}
