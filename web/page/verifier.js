/* The verifier: MessageHashing.sol and Merkle.sol of era-contracts, line by line. Since v33 the leaf of a batch has a
timestamp, and the proof a word for it; the place of the second metadata shows which form a proof has. */
const isMetadata = (data) => data !== undefined && !data.slice(4).some((byte) => byte);
function foldPath(leaf, index, path) {
  if (path.length > 255) throw new Error("a path has " + path.length + " siblings; contracts allow 255");
  if (BigInt(index) >> BigInt(path.length)) throw new Error("an index does not fit its path");
  let at = BigInt(index);
  for (const sibling of path) { leaf = at & 1n ? node(sibling, leaf) : node(leaf, sibling); at >>= 1n; }
  return leaf;
}
/* What is no proof, or lacks something, is neither valid nor refused. Nor is what an error shows that no check threw. */
const unjudged = (message) => Object.assign(new Error(message), { isUnjudged: true });
const refuses = (error) => error.constructor === Error && !error.isUnjudged;
const verdictOf = (error) => (refuses(error) ? "✗ Refused: " : "? Not judged: ") + error.message;
/* Names of other programs, which verify reads and compares with those of slproof. */
const snake = (name) => name.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase());
const OTHER_NAMES = [...["l2BatchNumber", "l1BatchNumber", "l2MessageIndex", "merkleProof", "l2Sender", "l2TxNumberInBatch", "l2TxNumberInBlock"].flatMap((name) => [name, snake(name)]),
  ...["chainId", "batchNumber", "txNumberInBatch", "messageHash", "l1Timestamp"].map(snake), "call", "data", "error", "result", "jsonrpc"];
const present = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
function whole(value, name) {
  const text = typeof value === "number" && !Number.isSafeInteger(value) ? "" : String(value);
  const number = /^(\d+n?|0[xX][0-9a-fA-F]*)$/.test(text) ? BigInt(text.replace(/^0[xX]$|n$/, (end) => end === "n" ? "" : "0")) : -1n;
  if (number < 0n || number >> 64n) throw unjudged(name + " is not a whole number of at most 64 bits");
  return number;
}
function hexadecimal(value, name, length) {
  if (typeof value !== "string") throw unjudged(name + " is not a text of hexadecimal digits");
  const digits = value.replace(/^HexBytes\('(.*)'\)$/, "$1").replace(/^0[xX]/, "");
  if (digits.length % 2 || !/^[0-9a-fA-F]*$/.test(digits)) throw new Error(name + " is not hexadecimal: " + value.slice(0, 80));
  if (length !== undefined && digits.length !== 2 * length) throw new Error(name + " is not " + length + " bytes");
  return "0x" + digits.toLowerCase();
}
/* The record in the spelling of slproof. What is null is absent. */
function read(given) {
  if (!given || !Array.isArray(given.proof)) throw unjudged("this is not the record of a proof");
  const record = present(given), other = OTHER_NAMES.find((name) => record[name] !== undefined) || ("request" in given && "request");
  if (other) throw unjudged("this page does not read the member " + other + "; slproof verify does");
  const all = (object, of, names, convert, ...size) => {
    for (const name of names) if (object[name] !== undefined) object[name] = convert(object[name], of + name, ...size);
  };
  const need = (object, of, names) => { for (const name of names) if (object[name] === undefined) throw unjudged(of + " has no " + name); };
  need(record, "the record", ["log", "chainId", "batchNumber", "id"]);
  all(record, "", ["chainId", "batchNumber", "id", "txNumberInBatch", "l1Timestamp"], whole);
  all(record, "", ["root", "messageHash"], hexadecimal, 32);
  all(record, "", ["sender"], hexadecimal, 20);
  all(record, "the ", ["log"], hexadecimal, 88);
  all(record, "the ", ["message"], hexadecimal);
  record.proof = record.proof.map((word) => hexadecimal(word, "a word of the proof", 32));
  if (record.target === undefined) return record;
  const target = present(record.target), isBatchRoot = target.kind === "batch-root", places = ["slChainId", "number"];
  if (!isBatchRoot && target.kind !== "block" && target.kind !== "sl-batch") throw unjudged("the target is of no kind that this page knows: " + target.kind);
  need(target, "the target", isBatchRoot ? ["root"] : ["root", ...places]);
  all(target, "target.", [...places, "timestamp"], whole);
  all(target, "target.", ["root"], hexadecimal, 32);
  if (isBatchRoot && places.some((name) => target[name] !== undefined)) throw new Error("the target is a batch root, which has no slChainId and no number");
  if (target.timestamp !== undefined && target.kind !== "block") throw new Error("the target has a timestamp, which only blocks have");
  return { ...record, target };
}
/* Folds a record. The nodes on the way go into `steps`, also those before an error. */
function fold(given, steps = []) {
  const record = read(given), words = record.proof.map(bytes), log = bytes(record.log), leaf = keccak(log);
  if (hex(leaf) === hex(EMPTY_LOG)) throw new Error("the log is padding, which contracts refuse");
  if (record.message !== undefined && !isMessage(record.log)) throw new Error("there is a message, but the log is not of a message");
  if (record.message !== undefined && hex(keccak(bytes(record.message))) !== hex(log.slice(56)))
    throw new Error("the message does not hash to the value of the log");
  for (const [name, value] of Object.entries(inLog(record.log))) {
    if (record[name] !== undefined && String(record[name]) !== String(value)) throw new Error("the record has another " + name + " than the log");
  }
  let next = 0;
  const take = (count) => { if (words.length - next < count) throw new Error("the proof is too short"); next += count; return words.slice(next - count, next); };
  const number = () => BigInt(hex(take(1)[0]));
  const metadata = () => {
    const [first] = take(1);
    if (!isMetadata(first)) { next -= 1; return { log: words.length - next, batch: 0, last: true }; }
    if (first[0] !== 1) throw new Error("an unknown version of metadata");
    if (first[3] && first[2]) throw new Error("the last node has a batch path");
    return { log: first[1], batch: first[2], last: first[3] !== 0 };
  };
  steps.push({ name: "Log " + record.id, about: "keccak256 of the 88 bytes of the log", hash: leaf, path: [] });
  const one = metadata(), logPath = take(one.log);
  const batchRoot = foldPath(leaf, record.id, logPath);
  steps.push({ name: "Batch " + record.batchNumber, about: "the root of all logs of the batch", hash: batchRoot, path: logPath, index: record.id, empty: EMPTY_LOG });
  let end = { kind: "batch-root" }, timestamp;
  if (!one.last) {
    const second = next + one.batch + 3, isSecond = (at) => isMetadata(words[at]) && words[at][0] === 1;
    const isTime = (data) => data !== undefined && data.some((byte) => byte) && !data.slice(0, 24).some((byte) => byte);
    // Without second metadata, the word fits the batch path as a mask if it is one; the word after a timestamp does too.
    const isMask = (at) => words[at] !== undefined && BigInt(hex(words[at])) >> BigInt(one.batch) === 0n;
    const isTimed = isTime(words[next]) && !isSecond(second) && (isSecond(second + 1) || (!isMask(next) && isMask(next + 1)));
    if (record.l1Timestamp !== undefined || isTimed) timestamp = number();
    const batchLeaf = keccak(join(BATCH_LEAF, batchRoot, word(record.batchNumber), ...(timestamp === undefined ? [] : [word(timestamp)])));
    const mask = number(), batchPath = take(one.batch);
    const chainRoot = foldPath(batchLeaf, mask, batchPath);
    steps.push({ name: "Chain " + record.chainId, about: "the root of all batches of the chain", hash: chainRoot, path: batchPath, index: mask, empty: EMPTY_CHAIN });
    const chainLeaf = keccak(join(CHAIN_LEAF, chainRoot, word(record.chainId)));
    const packed = number(), chain = number(), two = metadata(), place = packed & ((1n << 128n) - 1n);
    if (!two.last) throw new Error("the proof leads through two settlement layers");
    const chainPath = take(two.log), root = foldPath(chainLeaf, place, chainPath);
    end = { kind: "sl", chain, number: packed >> 128n };
    steps.push({ name: "Settlement layer " + chain, about: "the shared root of all chains", hash: root, path: chainPath, index: place, empty: EMPTY_CHAIN });
  }
  if (next !== words.length) throw new Error("words follow the end of the proof");
  const root = hex(steps[steps.length - 1].hash);
  if (record.l1Timestamp !== undefined && record.l1Timestamp !== timestamp) throw new Error("the proof has another timestamp than " + record.l1Timestamp);
  if (record.root !== undefined && hex(batchRoot) !== record.root) throw new Error("the log does not lead to the batch root " + record.root);
  const { target } = record, place = target && target.kind !== "batch-root" ? target : null;
  if (target && (end.kind === "sl") !== (place !== null)) throw new Error("the target is of another kind than the end of the proof");
  if (place && (place.slChainId !== end.chain || place.number !== end.number))
    throw new Error("the proof leads to " + end.number + " of chain " + end.chain + ", not to " + place.number + " of chain " + place.slChainId);
  // No block executed a batch after itself.
  if (target && target.timestamp !== undefined && (timestamp === undefined || timestamp > target.timestamp))
    throw new Error("the target has the timestamp " + target.timestamp + ", but that of the batch in the proof is " + (timestamp === undefined ? "missing" : timestamp));
  if (target && target.root !== root) throw new Error("the proof folds to " + root + ", not to " + target.root);
  return { steps, end, root, record, timestamp };
}

