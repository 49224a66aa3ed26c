/* RLP (Ethereum's yellow paper, appendix B). An item is { raw } and either { bytes } or { list }. */
function rlpItem(data, at, limit) {
  const first = data[at];
  if (at >= limit) throw new Error("RLP is cut");
  if (first < 0x80) return { bytes: data.slice(at, at + 1), raw: data.slice(at, at + 1) };
  const isList = first >= 0xc0, size = first - (isList ? 0xc0 : 0x80), long = Math.max(0, size - 55);
  const start = at + 1 + long;
  if (start > limit) throw new Error("RLP is cut");
  const length = long ? data.slice(at + 1, start).reduce((number, byte) => 256 * number + byte, 0) : size;
  const end = start + length;
  if (end > limit) throw new Error("RLP is cut");
  const item = { raw: data.slice(at, end) };
  if (!isList) return { ...item, bytes: data.slice(start, end) };
  const list = [];
  for (let next = start; next < end; next += list[list.length - 1].raw.length) list.push(rlpItem(data, next, end));
  return { ...item, list };
}
function rlp(data) {
  const item = rlpItem(data, 0, data.length);
  if (item.raw.length !== data.length) throw new Error("data follow the end of RLP");
  return item;
}
const listOf = (data) => { const { list } = rlp(data); if (!list) throw new Error("RLP is no list"); return list; };
const textOf = (item) => { if (!item || !item.bytes) throw new Error("an item of RLP is missing"); return item.bytes; };
const quantity = (data) => data.length ? BigInt(hex(data)) : 0n;

/* Merkle-Patricia tries (appendix D): the value under keccak256(key), or null if the nodes prove that there is none. */
const EMPTY_ROOT = hex(keccak(Uint8Array.of(0x80)));
const hashes = new Map(); // paths share their first nodes
const hashOf = (node) => { if (!hashes.has(node)) hashes.set(node, hex(keccak(bytes(node)))); return hashes.get(node); };
const digitsOf = (data) => Array.from(data).flatMap((byte) => [byte >> 4, byte & 15]);
function trieValue(root, key, nodes) {
  if (root === EMPTY_ROOT && nodes.every((node) => node === "0x80")) return null;
  const digits = digitsOf(keccak(key)), malformed = () => new Error("a node is no node of a trie");
  let at = 0, used = 0;
  const node = (hash) => {
    if (used === nodes.length) throw new Error("a path ends before its value");
    if (hashOf(nodes[used]) !== hash) throw new Error("a node of a path does not have the hash " + hash);
    return rlp(bytes(nodes[used++]));
  };
  const descend = (child) => {
    if (child.bytes && child.bytes.length === 32) return node(hex(child.bytes));
    if (!child.list || child.raw.length >= 32) throw malformed();
    // Some clients repeat a node that is within its parent as one of its own.
    if (nodes[used] === hex(child.raw)) used++;
    return child;
  };
  const value = (items) => {
    if (!items) throw malformed();
    if (items.length === 17) {
      if (at === 64 || textOf(items[16]).length) throw malformed();
      const child = items[digits[at++]];
      return child.bytes && !child.bytes.length ? null : value(descend(child).list);
    }
    if (items.length !== 2) throw malformed();
    const path = digitsOf(textOf(items[0])), flag = path[0];
    if (!path.length || flag > 3 || (flag % 2 === 0 && path[1])) throw malformed();
    const part = path.slice(flag % 2 ? 1 : 2), left = 64 - at, fits = part.every((digit, i) => digits[at + i] === digit);
    // All keys have the same length.
    if (flag > 1 ? part.length !== left : !part.length || part.length >= left) throw malformed();
    if (!fits) return null;
    at += part.length;
    return flag > 1 ? textOf(items[1]) : value(descend(items[1]).list);
  };
  const found = value(node(root).list);
  if (used !== nodes.length) throw new Error("nodes follow the end of a path");
  return found;
}

/* The slots of L1 that a header and answers of eth_getProof (EIP-1186) prove, by contract and slot, and the accounts
without storage, whose slots are all zero. By damaged answers no proof is judged. */
function provenState(l1) {
  try { return readState(l1); } catch (error) { throw unjudged("the slots are not proven: " + error.message); }
}
function readState({ hash, header, answers }) {
  const data = bytes(header);
  if (hex(keccak(data)) !== hash) throw new Error("the header is not that of the block " + hash);
  const fields = listOf(data), root = hex(textOf(fields[3])), slots = new Map(), empty = new Set();
  for (const { address, accountProof, storageProof } of answers) {
    const account = trieValue(root, bytes(address), accountProof);
    const storage = account ? hex(textOf(listOf(account)[2])) : EMPTY_ROOT;
    if (storage === EMPTY_ROOT) empty.add(address);
    for (const { key, proof } of storageProof) {
      const value = trieValue(storage, bytes(key), proof);
      slots.set(address + key, value ? quantity(textOf(rlp(value))) : 0n);
    }
  }
  return { number: quantity(textOf(fields[8])), slots, empty };
}

