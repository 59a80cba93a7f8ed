// Watches a pending payment, and sends the buyer back to the shop. Every page works without it.

const watched = document.querySelector("[data-watch]");
if (watched) {
  const look = async () => {
    try {
      const reply = await fetch(watched.dataset.watch, { cache: "no-store" });
      if ((await reply.json()).code !== watched.dataset.code) {
        location.reload();
        return;
      }
    } catch {
      // The sandbox is restarting: look again.
    }
    setTimeout(look, 1000);
  };
  setTimeout(look, 1000);
}

const countdown = document.querySelector("[data-return-after]");
if (countdown) {
  const text = countdown.querySelector("span");
  let left = Number(countdown.dataset.returnAfter);
  const tick = () => {
    text.textContent = countdown.dataset.text.replace("{0}", String(left));
    if (left === 0) {
      clearInterval(timer);
      document.getElementById("return-form").requestSubmit();
    }
    left -= 1;
  };
  const timer = setInterval(tick, 1000);
  countdown.hidden = false;
  tick();
  document.getElementById("stay").addEventListener("click", () => {
    clearInterval(timer);
    countdown.hidden = true;
  });
}

document.querySelector("[data-submit-now]")?.requestSubmit();
