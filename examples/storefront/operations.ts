// The operations of docs/storefront.md.
export const PaymentGatewayInitialize = `mutation PaymentGatewayInitialize($checkout: ID!, $gateway: PaymentGatewayToInitialize!) {
  paymentGatewayInitialize(id: $checkout, paymentGateways: [$gateway]) {
    gatewayConfigs { id data errors { code message } }
    errors { code message }
  }
}`;

export const TransactionInitialize = `mutation TransactionInitialize($checkout: ID!, $gateway: PaymentGatewayToInitialize!, $key: String!) {
  transactionInitialize(id: $checkout, paymentGateway: $gateway, idempotencyKey: $key) {
    transaction { id chargedAmount { amount } }
    transactionEvent { id type }
    data
    errors { code message }
  }
}`;

export const TransactionProcess = `mutation TransactionProcess($transaction: ID!) {
  transactionProcess(id: $transaction) {
    transaction {
      id
      chargedAmount { amount }
      checkout { id chargeStatus }
      order { id number chargeStatus }
    }
    transactionEvent { id type }
    data
    errors { code message }
  }
}`;

export const CheckoutComplete = `mutation CheckoutComplete($checkout: ID!) {
  checkoutComplete(id: $checkout) {
    order { id number }
    errors { code message }
  }
}`;
