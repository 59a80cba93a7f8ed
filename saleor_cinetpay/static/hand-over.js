// Posts the buyer on to the payment page; without scripts the button does it.
// Coming back with the browser's "back" must not throw the buyer forward again.
const form = document.getElementById("hand-over");
const arrivedByBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
if (!arrivedByBack) {
  form.submit();
}
