/* Where data come from: a server, or a published directory. */
/* Numbers beyond 2^53 stay exact as texts, and are written as numbers again. */
const JSON_EXACT = (body) => JSON.parse(body, (key, value, context) => {
  if (typeof value !== "number" || !Number.isInteger(value) || Number.isSafeInteger(value)) return value;
  if (!context) throw unjudged("this browser rounds large numbers; use a newer one");
  return /^\d+$/.test(context.source) ? context.source : value;
});
const NUMBERS = ["chainId", "batchNumber", "slChainId", "number", "l1Timestamp", "timestamp"];
const exact = (record, indent) => JSON.stringify(record, (key, value) =>
  typeof value === "string" && NUMBERS.includes(key) && /^\d+$/.test(value) && JSON.rawJSON ? JSON.rawJSON(value) : value, indent);
async function ask(name, options) {
  try { return await fetch(name, options); } catch {
    if (location.protocol === "file:") throw new Error("browsers do not let a page read files beside it: serve this directory, for example with python3 -m http.server");
    throw new Error("no answer from " + location.host + ": the server does not run, or there is no network. Try again");
  }
}
/* A record or a file has to be of what was asked for. */
function requireSame(what, given, asked, names) {
  const other = names.find((name) => String(given[name]) !== String(BigInt(asked[name])));
  if (other) throw new Error(what + " is of another log or batch: " + other + " " + given[other] + ", not " + asked[other]);
}
/* Each source gives for a log its record, a note, and what it says of L1: a verdict, or nothing. The page cannot check that. */
class ServerSource {
  async call(method, params) {
    const response = await ask("./", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }) });
    if (!response.ok) throw new Error("the server answered with status " + response.status);
    const answer = JSON_EXACT(await response.text());
    if (answer.error) throw new Error(answer.error.message);
    return answer.result;
  }
  async overview() {
    const all = await this.call("slproof_overview", []);
    const layers = await Promise.all(all.layers.map(async (layer, at) => {
      const every = Math.max(1, Math.ceil(layer.roots / 1000)); // an answer has at most 1,000
      const roots = layer.roots ? (await this.call("slproof_roots", [at, (layer.roots - 1) % every, every])).roots : [];
      return { ...layer, count: layer.roots, roots: roots.map((r) => [r.block, r.root, r.chains]) };
    }));
    return { layers, chains: all.chains, leftOut: all.leftOut };
  }
  find(hash) { return this.call(hash.length === 42 ? "slproof_findAddress" : "slproof_find", [hash]); }
  async logs(chain, batch) { return (await this.call("slproof_logs", [chain, batch])) || []; }
  async record(at, target) {
    const prove = async (name) => {
      const record = await this.call("slproof_proof", [{ chainId: at.chainId, batchNumber: at.batchNumber, id: at.id, target: name }]);
      if (record) requireSame("the answer", record, at, ["chainId", "batchNumber", "id"]);
      return record;
    };
    if (target === "messageRoot") return [await prove("first")];
    // The root of a chain's own batch is what L1 stores if the chain settles there.
    const [record, note] = await prove("sl-batch:first").then((record) => [record], (error) => prove("batch-root").then((record) => [record, error.message], () => { throw error; }));
    return [record, note, await this.call("slproof_verify", [record]).catch(({ message }) => ({ valid: null, error: { message } }))];
  }
}
class PublishedSource {
  constructor(manifest) {
    if (manifest.format !== "slproof-published" || manifest.version !== 1) throw new Error("manifest.json is of another version than this page");
    this.manifest = manifest;
  }
  async json(name, hash) {
    const response = await ask(name);
    if (!response.ok) throw new Error(response.status === 404 ? name + " is not here" : name + ": status " + response.status);
    const body = await response.text();
    if (hash !== undefined && hex(keccak(text(body))) !== hash) throw new Error(name + " has another hash than the file that names it says");
    try { return JSON_EXACT(body); } catch { throw new Error(name + " is damaged: it is not JSON"); }
  }
  async overview() {
    const file = await this.json(this.manifest.roots, this.manifest.rootsHash);
    return { layers: [file], chains: this.manifest.chains };
  }
  async find(hash) {
    const isAddress = hash.length === 42, key = isAddress ? hash.slice(-16) : hash.slice(2, 18), found = {};
    for (const kind of isAddress ? ["senders", "receivers"] : ["messages", "transactions"]) {
      const { digits } = this.manifest.indexes.find((index) => index.kind === kind);
      const response = await ask(`${this.manifest.index}/${kind}/${digits ? key.slice(0, digits) : "all"}.txt`);
      found[kind] = [];
      if (response.status === 404) continue; // no line begins with these digits
      if (!response.ok) throw new Error("the index: status " + response.status);
      for (const line of (await response.text()).split("\n")) {
        const [of, chainId, batchNumber, first, count] = line.split(" ");
        if (of !== key) continue;
        if (!(Number(count) <= 16384)) throw new Error("the index is damaged: a batch has at most 16,384 logs, not " + count);
        for (let i = 0; i < Number(count); i++) found[kind].push({ chainId, batchNumber, id: Number(first) + i, of: hash });
      }
    }
    return found;
  }
  async batch(chainId, batchNumber) {
    const name = `batches/${chainId}/${batchNumber}.json`, file = await this.json(name);
    requireSame(name, file, { chainId, batchNumber }, ["chainId", "batchNumber"]);
    return file;
  }
  async entries(file, part) { return file.nodes ? (await this.json(`batches/${file.chainId}/${file.batchNumber}.${part}.json`, file.parts[part])).entries : file.entries; }
  async logs(chain, batch) {
    const file = await this.batch(chain, batch), parts = file.nodes || [file.root];
    const entries = await Promise.all(parts.map((_, part) => this.entries(file, part)));
    return entries.flat().map((entry, id) => ({ id, value: "0x" + entry.log.slice(114), sender: sender(entry.log), isMessage: isMessage(entry.log) }));
  }
  async record(at, target) {
    const file = await this.batch(at.chainId, at.batchNumber), shared = file.targets[target], part = Math.floor(at.id / 256);
    if (!shared.tail) throw new Error(shared.message);
    const entries = await this.entries(file, part), entry = entries[file.nodes ? at.id % 256 : at.id];
    if (!entry) throw new Error("the batch has no log " + at.id);
    // Lines of an index have only some digits of a hash or an address. That of a receiver is in the message.
    const values = [entry.txHash, "0x" + entry.log.slice(114), sender(entry.log)];
    if (at.of && !values.includes(at.of) && !(at.of.length === 42 && entry.message && entry.message.includes(at.of.slice(2))))
      throw new Error("the log is of another hash or address with the same digits");
    const leaves = entries.map((e) => keccak(bytes(e.log)));
    let path = siblings(leaves, file.nodes ? at.id % 256 : at.id, file.nodes ? 8 : file.height, EMPTY_LOG);
    if (file.nodes) {
      let empty = EMPTY_LOG; for (let i = 0; i < 8; i++) empty = node(empty, empty);
      path = path.concat(siblings(file.nodes.map(bytes), part, file.height - 8, empty));
    }
    const proof = [shared.metadata, ...path.map(hex), ...file.above, ...shared.tail].filter((w) => w !== null);
    return [{ chainId: file.chainId, batchNumber: file.batchNumber, id: at.id, root: file.root, proof, target: shared.target, log: entry.log, message: entry.message,
      ...inLog(entry.log), txHash: entry.txHash, l1Timestamp: shared.l1Timestamp, checkedBy: shared.checkedBy }, undefined, shared.l1];
  }
}
/* Records in the page itself: evidence in one file. */
class BundleSource {
  constructor(records) {
    this.records = records.filter((record) => record.proof);
    this.places = this.records.map((record) => ({ chainId: record.chainId, batchNumber: record.batchNumber, id: record.id, record }));
  }
  async overview() {
    const chains = [...new Set(this.records.map((record) => record.chainId))].map((chainId) => {
      const of = this.records.filter((record) => record.chainId === chainId);
      return { chainId, logs: of.length, messages: of.filter((record) => record.messageHash).length, batches: new Set(of.map((record) => record.batchNumber)).size };
    });
    return { layers: [], chains };
  }
  async find(hash) {
    const is = (name) => this.places.filter(({ record }) => String(record[name]).toLowerCase() === hash);
    const mentions = hash.length === 42 ? this.places.filter(({ record }) => String(record.message).toLowerCase().includes(hash.slice(2))) : [];
    return { messages: is("messageHash"), transactions: is("txHash"), senders: is("sender"), mentions };
  }
  async logs(chain, batch) {
    return this.places.filter((at) => String(at.chainId) === chain && String(at.batchNumber) === batch)
      .map(({ id, record }) => ({ id, record, sender: record.sender, value: "0x" + record.log.slice(114), isMessage: isMessage(record.log) }));
  }
  /* A log may have proofs to several roots. What names only the log gets the first. */
  async record(at) {
    const same = (r) => String(r.chainId) === String(at.chainId) && String(r.batchNumber) === String(at.batchNumber) && r.id === at.id;
    const found = at.record || this.records.find(same);
    if (!found) throw new Error("this file has no proof of this log");
    return [found];
  }
}
const isMessage = (log) => log.startsWith("0x0001") && log.slice(10, 74) === "8008".padStart(40, "0") + "0".repeat(24);
/* The sender of a message; of another log, the contract that emitted it. */
const sender = (log) => "0x" + (isMessage(log) ? log.slice(74, 114) : log.slice(10, 50));
/* What a record repeats of its log. */
const inLog = (log) => ({ sender: sender(log), txNumberInBatch: parseInt(log.slice(6, 10), 16), messageHash: isMessage(log) ? "0x" + log.slice(114) : undefined });
function siblings(level, index, height, empty) {
  const path = [];
  for (let i = 0; i < height; i++) {
    path.push(level[index ^ 1] || empty);
    const above = [];
    for (let at = 0; at < level.length; at += 2) above.push(node(level[at], level[at + 1] || empty));
    [level, index, empty] = [above, index >> 1, node(empty, empty)];
  }
  return path;
}

/* The call that verifies, ABI-encoded: of the message, or of the log if the message is not known. */
function calldata(record) {
  const log = bytes(record.log), dynamic = (data) => join(word(data.length), data, new Uint8Array((32 - (data.length % 32)) % 32));
  const number = (from, to) => word(BigInt(hex(log.slice(from, to)))), proof = join(word(record.proof.length), ...record.proof.map(bytes));
  const place = [record.chainId, record.batchNumber, record.id].map(word), selector = (signature) => keccak(text(signature)).slice(0, 4);
  if (record.message === undefined) {
    const fields = [number(0, 1), number(1, 2), number(2, 4), number(4, 24), log.slice(24, 56), log.slice(56)];
    return hex(join(selector("proveL2LogInclusionShared(uint256,uint256,uint256,(uint8,bool,uint16,address,bytes32,bytes32),bytes32[])"),
      ...place, ...fields, word(320), proof));
  }
  const message = join(number(2, 4), log.slice(24, 56), word(96), dynamic(bytes(record.message)));
  return hex(join(selector("proveL2MessageInclusionShared(uint256,uint256,uint256,(uint16,address,bytes),bytes32[])"),
    ...place, word(160), word(160 + message.length), message, proof));
}

