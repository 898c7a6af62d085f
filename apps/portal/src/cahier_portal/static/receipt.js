// 'Check a receipt' in the browser: a chosen or dropped file never leaves it. Without this script,
// or where the browser has no Ed25519, the form sends the file to the site.
import { checkReceipt, readLogs, Refusal } from "./tlog.js";

const part = (name) => document.querySelector(`[data-check="${name}"]`);
const form = part("form");
const drop = part("drop");
const told = part("told");
const input = document.getElementById("receipt");

const number = (value) => new Intl.NumberFormat(document.documentElement.lang).format(value);
const SHOWN_BEFORE_S = Date.UTC(9999) / 1000;
// A witness may write any number.
const moment = (seconds) => seconds < SHOWN_BEFORE_S
  ? new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" })
    .format(new Date(seconds * 1000))
  : form.dataset.noTime;

const canCheck = async () => {
  if (!crypto.subtle) return false;
  try {
    const name = { name: "Ed25519" };
    await crypto.subtle.importKey("raw", new Uint8Array(32), name, false, ["verify"]);
    return true;
  } catch (error) {
    return error.name !== "NotSupportedError";
  }
};

const show = (kind, facts = {}) => {
  const shown = document.querySelector(`[data-verdict="${kind}"]`).content.cloneNode(true);
  for (const place of shown.querySelectorAll("[data-fill]")) {
    const value = facts[place.dataset.fill];
    if (value === undefined) continue;
    if (place.dataset.fill === "event") {
      place.href = `/receipt/${encodeURIComponent(value)}`;
      place.querySelector("code").textContent = value;
    } else {
      place.textContent = value;
    }
  }
  told.replaceChildren(shown);
  told.dataset.kind = kind;
};

const check = async (text) => {
  delete told.dataset.kind;
  try {
    const found = await checkReceipt(text, await readLogs(document));
    const facts = {
      index: number(found.index), size: number(found.size), origin: found.origin,
      event: found.leaf.id,
    };
    if (found.cosigned.length)
      facts.witnesses = found.cosigned.map((each) => `${each.name} (${moment(each.time)})`).join(", ");
    show(found.isWitnessed ? "good" : "unwitnessed", facts);
  } catch (error) {
    if (!(error instanceof Refusal)) console.info(error);
    const origin = /\n\n([^\n]+)\n/.exec(text)?.[1] ?? "";
    show(error instanceof Refusal ? error.kind : "away", { origin });
  }
};

const checkFile = async (file) => {
  if (file) await check(file.size > 262144 ? "" : await file.text());
};

const checkNamed = async (eventId) => {
  const path = `/receipts/${encodeURIComponent(eventId)}`;
  const answer = await fetch(path, { credentials: "omit" });
  if (answer.status === 200) await check(await answer.text());
  else show("away");
};

const start = () => {
  part("can").hidden = false;
  part("cannot").hidden = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    checkFile(input.files[0]);
  });
  input.addEventListener("change", () => checkFile(input.files[0]));
  for (const name of ["dragover", "dragleave", "drop"])
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop") checkFile(event.dataTransfer.files[0]);
    });
  if (form.dataset.receipt) checkNamed(form.dataset.receipt);
};

if (form && await canCheck()) start();
