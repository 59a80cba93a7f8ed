// Your Saleor, the channel that sells in XOF, and the app's id there.
export const apiUrl = "http://127.0.0.1:8010/graphql/";
export const channel = "default-channel";
export const gateway = "saleor.app.payment.cinetpay";
