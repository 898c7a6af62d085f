// Checks a receipt (c2sp.org/tlog-proof@v1) where it is read: no server is asked to believe it.
// The formats are C2SP's: signed notes, checkpoints, cosignatures; the tree is RFC 6962's.

const MAGIC = "c2sp.org/tlog-proof@v1";
const TEXT_CHARS_MAX = 256 * 1024;
const HASH_BYTES = 32;
const LEVELS_MAX = 64;
const ED25519 = 0x01;
const COSIGNATURE = 0x04;
const TILE = 256;

// Why a receipt does not hold; `kind` is unreadable, foreign or altered.
export class Refusal extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

const refuse = (kind, message) => { throw new Refusal(kind, message); };
const utf8 = new TextEncoder();
const bytesOf = (text) => utf8.encode(text);

// Strict standard base64: one spelling for each value.
const decode64 = (text) => {
  let binary = "";
  try { binary = atob(text); } catch { refuse("unreadable", "not base64"); }
  if (btoa(binary) !== text) refuse("unreadable", "not base64 as it is written");
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
};

const number = (text) =>
  /^(0|[1-9][0-9]{0,15})$/.test(text) && Number.isSafeInteger(Number(text))
    ? Number(text)
    : refuse("unreadable", "not a number");

const join = (...parts) => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { all.set(part, at); at += part.length; }
  return all;
};

const same = (one, other) =>
  one.length === other.length && one.every((byte, place) => byte === other[place]);

const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const leafHash = (leaf) => sha256(join(Uint8Array.of(0), leaf));
const nodeHash = (left, right) => sha256(join(Uint8Array.of(1), left, right));

// `name+hex id+base64(algorithm || key)`; the id must be that of name and key.
export const readKey = async (text) => {
  const [name, id, ...rest] = text.trim().split("+");
  const material = decode64(rest.join("+"));
  const hashed = await sha256(join(bytesOf(`${name}\n`), material));
  const keyId = hashed.slice(0, 4);
  const hex = [...keyId].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (!name || hex !== id || material.length !== 33) refuse("unreadable", "not a key");
  return { name, keyId, algorithm: material[0], public: material.slice(1) };
};

const verify = async (key, signature, message) => {
  const imported = await crypto.subtle.importKey(
    "raw", key.public, { name: "Ed25519" }, false, ["verify"],
  );
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, message);
};

const readSignature = (line) => {
  const found = /^— (\S+) (\S+)$/u.exec(line) || refuse("unreadable", "not a signature line");
  const raw = decode64(found[2]);
  if (raw.length <= 4) refuse("unreadable", "a signature is too short");
  return { name: found[1], keyId: raw.slice(0, 4), signature: raw.slice(4) };
};

// Splits a tlog-proof into its parts. Nothing is checked but the form.
export const readReceipt = (text) => {
  // eslint-disable-next-line no-control-regex
  if (text.length > TEXT_CHARS_MAX || /[\u0000-\u0009\u000b-\u001f]/.test(text))
    refuse("unreadable", "too long, or it holds control characters");
  const [head, body, ...more] = text.split("\n\n");
  const lines = head.split("\n");
  if (lines.shift() !== MAGIC || body === undefined || more.length !== 1)
    refuse("unreadable", `it does not begin with ${MAGIC}`);
  if (lines[0]?.startsWith("extra ")) decode64(lines.shift().slice(6));
  if (!lines[0]?.startsWith("index ")) refuse("unreadable", "it names no entry");
  const index = number(lines.shift().slice(6));
  const proof = lines.map(decode64);
  const [origin, size, root] = body.split("\n");
  const rootHash = decode64(root ?? "");
  if (!origin || proof.length > LEVELS_MAX) refuse("unreadable", "not a receipt");
  if ([...proof, rootHash].some((hash) => hash.length !== HASH_BYTES))
    refuse("unreadable", "a hash has the wrong length");
  const [signed, end] = [more[0].split("\n"), more[0].endsWith("\n")];
  if (!end) refuse("unreadable", "the last line is cut");
  return {
    index, proof, origin, size: number(size), root: rootHash,
    body: bytesOf(`${body}\n`), signatures: signed.slice(0, -1).map(readSignature),
  };
};

const isBy = (signature, key) => signature.name === key.name && same(signature.keyId, key.keyId);

// Refuses unless one of the log's keys signed and all that claim to be by them did.
const checkLogSignature = async (receipt, keys) => {
  const known = keys.filter((key) => key.algorithm === ED25519 && key.name === receipt.origin);
  let count = 0;
  for (const key of known)
    for (const each of receipt.signatures.filter((one) => isBy(one, key))) {
      if (!await verify(key, each.signature, receipt.body)) refuse("altered", "signature");
      count += 1;
    }
  if (!count) refuse("foreign", receipt.origin);
};

// Which witnesses cosigned, and when (seconds since 1970).
const checkWitnesses = async (receipt, witnesses) => {
  const found = [];
  for (const { name, key } of witnesses)
    for (const each of receipt.signatures.filter((one) => isBy(one, key))) {
      if (key.algorithm !== COSIGNATURE || each.signature.length !== 72)
        refuse("altered", "cosignature");
      const time = new DataView(each.signature.buffer, each.signature.byteOffset).getBigUint64(0);
      const message = join(bytesOf(`cosignature/v1\ntime ${time}\n`), receipt.body);
      if (!await verify(key, each.signature.slice(8), message)) refuse("altered", "cosignature");
      found.push({ name, time: Number(time) });
    }
  return found;
};

// Whether a policy's quorum has cosigned (tlog-policy): a witness, a group of them, or none.
const isMet = ({ quorum, groups }, cosigned) => {
  const names = new Set(cosigned.map((each) => each.name));
  for (const [name, threshold, members] of groups)
    if (members.filter((member) => names.has(member)).length >= threshold) names.add(name);
  return quorum === "none" || names.has(quorum);
};

// The root that a leaf and its siblings lead to (RFC 9162, section 2.1.3.2).
const checkInclusion = async (receipt, leaf) => {
  let [at, last] = [receipt.index, receipt.size - 1];
  if (at > last) refuse("altered", "inclusion");
  let hash = await leafHash(leaf);
  for (const sibling of receipt.proof) {
    if (last === 0) refuse("altered", "inclusion");
    if (at % 2 === 1 || at === last) {
      hash = await nodeHash(sibling, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      hash = await nodeHash(hash, sibling);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  if (last !== 0 || !same(hash, receipt.root)) refuse("altered", "inclusion");
};

// Where the entry stands: the bundle's address below the log's, as wide as it was, or full.
const bundlePaths = (index, size) => {
  let rest = Math.floor(index / TILE);
  const width = Math.min(TILE, size - rest * TILE);
  const groups = [String(rest % 1000).padStart(3, "0")];
  while ((rest = Math.floor(rest / 1000))) groups.unshift(`x${String(rest % 1000).padStart(3, "0")}`);
  const full = `tile/entries/${groups.join("/")}`;
  return width === TILE ? [full] : [`${full}.p/${width}`, full];
};

const entryOf = (bundle, place) => {
  let at = 0;
  for (let number = 0; at + 2 <= bundle.length; number += 1) {
    const length = bundle[at] * 256 + bundle[at + 1];
    if (number === place) return bundle.slice(at + 2, at + 2 + length);
    at += 2 + length;
  }
  return refuse("altered", "entry");
};

// The entry's bytes. They need no trust: they are checked against the signed root.
const fetchLeaf = async (log, receipt) => {
  for (const path of bundlePaths(receipt.index, receipt.size)) {
    const answer = await fetch(`${log.address}/${path}`, { credentials: "omit" });
    if (answer.ok) {
      const bundle = new Uint8Array(await answer.arrayBuffer());
      return entryOf(bundle, receipt.index % TILE);
    }
    if (answer.status !== 404) break;
  }
  throw new Error("the log did not answer");
};

// logs: by origin, what is known of each: address, keys, witnesses ({name, key}), quorum, groups.
// Raises Refusal where the receipt does not hold, other errors where it could not be checked.
export const checkReceipt = async (text, logs) => {
  const receipt = readReceipt(text);
  const log = logs[receipt.origin] ?? refuse("foreign", receipt.origin);
  await checkLogSignature(receipt, log.keys);
  const cosigned = await checkWitnesses(receipt, log.witnesses);
  if (receipt.index >= receipt.size) refuse("altered", "inclusion");
  const leaf = await fetchLeaf(log, receipt);
  await checkInclusion(receipt, leaf);
  const { index, size, origin } = receipt;
  const isWitnessed = isMet(log, cosigned);
  const read = JSON.parse(new TextDecoder().decode(leaf));
  return { index, size, origin, cosigned, isWitnessed, leaf: read };
};

// The logs that a page publishes, as it shows them to everybody.
export const readLogs = async (page) => {
  const logs = Object.create(null);
  for (const shown of page.querySelectorAll("[data-log]")) {
    const log = { keys: [], witnesses: [], ...JSON.parse(shown.dataset.policy) };
    log.address = shown.dataset.log;
    for (const each of shown.querySelectorAll("[data-key]")) {
      const key = await readKey(each.dataset.key);
      if (each.dataset.witness) log.witnesses.push({ name: each.dataset.witness, key });
      else log.keys.push(key);
    }
    logs[shown.dataset.origin] = log;
  }
  return logs;
};
