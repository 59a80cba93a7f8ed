// A page of a shop, as small as can be, around the two components of examples/nextjs.
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { CinetPayReturn } from "./CinetPayReturn";
import { PayWithCinetPay } from "./PayWithCinetPay";
import { shop } from "./cinetpay";
import { checkoutId, settings } from "./given";

Object.assign(shop, settings);

function Page() {
  const transaction = new URLSearchParams(location.search).get("transaction");
  const [order, setOrder] = useState("");
  if (transaction === null) return <PayWithCinetPay checkoutId={checkoutId} language="fr" returnUrl={location.href} />;
  return (
    <>
      <CinetPayReturn
        transactionId={transaction}
        checkoutId={checkoutId}
        language="fr"
        onPaid={setOrder}
        onAgain={() => location.assign("/")}
      />
      {order && <p data-order={order}>Commande {order}</p>}
    </>
  );
}

createRoot(document.getElementById("root")!).render(<Page />);
