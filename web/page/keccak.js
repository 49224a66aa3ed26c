/* Bytes and hashes */
const bytes = (hex) => {
  if (!/^0x([0-9a-fA-F]{2})*$/.test(hex)) throw new Error("not hexadecimal: " + String(hex).slice(0, 80));
  return Uint8Array.from(hex.slice(2).match(/../g) || [], (byte) => parseInt(byte, 16));
};
const hex = (data) => "0x" + Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
const join = (...parts) => Uint8Array.from(parts.flatMap((part) => Array.from(part)));
const word = (number) => bytes("0x" + BigInt(number).toString(16).padStart(64, "0"));
/* Keccak-256: the sponge of FIPS 202 with the padding of the first submission. A lane is two integers, the lower half
first. */
const ROUNDS = [], TURNS = [];
for (let round = 0, state = 1; round < 24; round++) {
  const halves = [0, 0];
  for (let bit = 0; bit < 7; bit++) {
    const at = (1 << bit) - 1;
    if (state & 1) halves[at >> 5] |= 1 << (at & 31);
    state = (state << 1) ^ (state & 0x80 ? 0x171 : 0);
  }
  ROUNDS.push(...halves);
}
for (let t = 0, x = 1, y = 0; t < 24; t++) {
  [x, y] = [y, (2 * x + 3 * y) % 5];
  TURNS.push([2 * (x + 5 * y), (((t + 1) * (t + 2)) / 2) % 64]);
}
function permute(a) {
  const c = new Int32Array(10);
  for (let round = 0; round < 48; round += 2) {
    for (let x = 0; x < 10; x++) c[x] = a[x] ^ a[x + 10] ^ a[x + 20] ^ a[x + 30] ^ a[x + 40];
    for (let x = 0; x < 10; x += 2) {
      const before = (x + 8) % 10, after = (x + 2) % 10;
      const low = c[before] ^ (c[after] << 1) ^ (c[after + 1] >>> 31), high = c[before + 1] ^ (c[after + 1] << 1) ^ (c[after] >>> 31);
      for (let y = x; y < 50; y += 10) { a[y] ^= low; a[y + 1] ^= high; }
    }
    let low = a[2], high = a[3];
    for (const [at, turn] of TURNS) {
      const next = [a[at], a[at + 1]], by = turn & 31;
      if (turn & 32) [low, high] = [high, low];
      a[at] = by ? (low << by) | (high >>> (32 - by)) : low;
      a[at + 1] = by ? (high << by) | (low >>> (32 - by)) : high;
      [low, high] = next;
    }
    for (let row = 0; row < 50; row += 10) {
      for (let x = 0; x < 10; x++) c[x] = a[row + x];
      for (let x = 0; x < 10; x++) a[row + x] ^= ~c[(x + 2) % 10] & c[(x + 4) % 10];
    }
    a[0] ^= ROUNDS[round];
    a[1] ^= ROUNDS[round + 1];
  }
}
function keccak(data) {
  const rate = 136, padded = new Uint8Array(Math.floor(data.length / rate) * rate + rate);
  padded.set(data); padded[data.length] ^= 1; padded[padded.length - 1] ^= 0x80;
  const lanes = new Int32Array(50), view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += rate) {
    for (let i = 0; i < rate / 4; i++) lanes[i] ^= view.getInt32(at + 4 * i, true);
    permute(lanes);
  }
  const out = new DataView(new ArrayBuffer(32));
  for (let i = 0; i < 8; i++) out.setInt32(4 * i, lanes[i], true);
  return new Uint8Array(out.buffer);
}
const node = (left, right) => keccak(join(left, right));
const text = (string) => new TextEncoder().encode(string);
const BATCH_LEAF = keccak(text("zkSync:BatchLeaf")), CHAIN_LEAF = keccak(text("zkSync:ChainIdLeaf"));
const EMPTY_LOG = keccak(new Uint8Array(88)), EMPTY_CHAIN = keccak(new Uint8Array(96));

