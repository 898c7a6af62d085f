// Keeps the running total current while boxes are ticked. Without it "Update total" does the same.
(() => {
  "use strict";
  const tally = document.querySelector(".tally");
  if (!tally) return;
  const part = (name) => tally.querySelector(`[data-tally="${name}"]`);
  const most = Number(tally.dataset.most);
  const cap = Number(tally.dataset.cap);
  const cost = part("cost");

  // The same form that the server writes: whole amounts lose their cents.
  const money = (cents) => {
    const digits = cents % 100 ? 2 : 0;
    return new Intl.NumberFormat(document.documentElement.lang, {
      style: "currency",
      currency: cost.dataset.currency,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }).format(cents / 100);
  };

  const update = () => {
    const ticked = [...document.querySelectorAll('input[name="choice"]:checked')];
    const spent = ticked.reduce((sum, box) => sum + Number(box.dataset.cost), 0);
    part("count").textContent = String(ticked.length);
    cost.textContent = money(spent);
    part("warning").hidden = !((most && ticked.length > most) || (cap && spent > cap));
    const bar = part("bar");
    if (bar) bar.value = Math.min(cap ? spent : ticked.length, bar.max);
  };

  part("update").hidden = true;
  document.addEventListener("change", (event) => {
    if (event.target.name === "choice") update();
  });
  // A browser that comes back to this page may have kept the ticks.
  window.addEventListener("pageshow", update);
  update();
})();
