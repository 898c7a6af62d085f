// Keeps the running total current while a ballot is filled in, and moves a ranking's projects in
// place. Without it "Update total" and the buttons of the ranking do the same, by the server.
(() => {
  "use strict";
  const tally = document.querySelector(".tally");
  if (!tally) return;
  const part = (name) => tally.querySelector(`[data-tally="${name}"]`);
  const most = Number(tally.dataset.most);
  const cap = Number(tally.dataset.cap);
  const mostPoints = Number(tally.dataset.mostPoints);
  const unit = 10 ** Number(tally.dataset.decimals);
  const language = document.documentElement.lang;
  const cost = part("cost");

  // The same form that the server writes: whole amounts lose their cents.
  const money = (cents) => {
    const digits = cents % 100 ? 2 : 0;
    return new Intl.NumberFormat(language, {
      style: "currency",
      currency: cost.dataset.currency,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }).format(cents / 100);
  };
  const inWords = (points) => new Intl.NumberFormat(language, { maximumFractionDigits: 6 }).format(points / unit);
  // What cannot be read counts nothing until it can.
  const pointsOf = (field) => Math.round((Number(field.value.trim().replace(",", ".")) || 0) * unit);

  const marked = () => {
    const fields = document.querySelectorAll("[data-points], [data-place]");
    if (!fields.length) return [...document.querySelectorAll('input[name="choice"]:checked')];
    return [...fields].filter((field) => field.value.trim() && field.value.trim() !== "0");
  };
  const write = (name, text) => {
    const place = part(name);
    if (place) place.textContent = text;
  };
  const sum = (fields, amount) => fields.reduce((total, field) => total + amount(field), 0);

  const update = () => {
    const fields = marked();
    const spent = sum(fields, (field) => Number(field.dataset.cost || 0));
    const given = sum(fields.filter((field) => "points" in field.dataset), pointsOf);
    write("count", String(fields.length));
    if (cost) cost.textContent = money(spent);
    write("points", inWords(given));
    write("left", inWords(Math.max(mostPoints - given, 0)));
    const tooMuch = (most && fields.length > most) || (cap && spent > cap) || (mostPoints && given > mostPoints);
    part("warning").hidden = !tooMuch;
    const bar = part("bar");
    const filled = mostPoints ? given : cap ? spent : fields.length;
    if (bar) bar.value = Math.max(Math.min(filled, bar.max), 0);
  };

  // A ranking: up and down without a journey to the server; the places are counted anew.
  const move = (event) => {
    const button = event.target.closest('.ranking button[name="move"]');
    if (!button) return;
    const [way] = button.value.split("-");
    const row = button.closest("li");
    const other = way === "up" ? row.previousElementSibling : row.nextElementSibling;
    if (way !== "up" && way !== "down") return;
    event.preventDefault();
    if (other && way === "up") other.before(row);
    if (other && way === "down") other.after(row);
    [...row.parentElement.children].forEach((each, at) => {
      each.querySelector("[data-place]").value = String(at + 1);
    });
    button.focus();
    update();
  };

  const button = part("update");
  if (button) button.hidden = true;
  document.addEventListener("change", update);
  document.addEventListener("input", update);
  document.addEventListener("click", move);
  // A browser that comes back to this page may have kept the ticks.
  window.addEventListener("pageshow", update);
  update();
})();
