/* What the contracts on L1 accept: era-contracts Mailbox.sol (v26 to v30), L1MessageRoot.sol and L1ChainAssetHandler.sol
(since v31), MessageHashing.sol (since v33). A slot that the file does not show is unknown, and never taken for zero. */
const slot = (number) => hex(word(number)), mapped = (of, key) => hex(keccak(join(word(key), bytes(of))));
const addressIn = (value) => value ? "0x" + slot(value).slice(26) : undefined;
const NOT_UPGRADED = quantity(keccak(text("V31_UPGRADE_CHAIN_BATCH_NUMBER_PLACEHOLDER_VALUE")));
const MOST_MIGRATIONS = 2n, MOST_CHAINS = 1n << 17n; // Bridgehub admits 100 chains
class Contracts {
  /* Only Bridgehub names the other contracts: a file may name any. */
  constructor(bridgehub, { slots, empty }) {
    Object.assign(this, { bridgehub, slots, empty });
    this.messageRoot = addressIn(this.read(bridgehub, slot(211)));
    if (!this.messageRoot) throw unjudged("Bridgehub " + bridgehub + " names no MessageRoot");
    this.isV31 = this.findV31();
  }
  read(contract, at) {
    const value = this.slots.get(contract + at);
    if (value === undefined && !this.empty.has(contract)) throw unjudged(`this file does not show the slot ${at} of ${contract}`);
    return value || 0n;
  }
  isAnySet(contract, ...numbers) { return numbers.some((number) => this.read(contract, slot(number))); }
  diamond(chain) { return addressIn(this.read(this.bridgehub, mapped(slot(210), chain))); } // zkChainMap
  handler() { return addressIn(this.read(this.bridgehub, slot(219)) >> 8n); } // chainAssetHandler, after a flag
  /* The storage shows the release: interopRootLogId, lastEmitBlock, v31UpgradeChainBatchNumber, currentChainBatchNumber. */
  findV31() {
    const at = this.messageRoot;
    if (this.isAnySet(at, 13, 14)) return true;
    const count = this.read(at, slot(1));
    if (count > MOST_CHAINS) throw unjudged("MessageRoot " + at + " counts " + count + " chains");
    for (let index = 0n; index < count; index++) {
      const chain = this.read(at, mapped(slot(3), index));
      if (this.read(at, mapped(slot(50), chain)) || this.read(at, mapped(slot(11), chain))) return true;
    }
    const isHandlerOfV31 = () => { const handler = this.handler(); return handler && this.isAnySet(handler, 253, 254); };
    if (this.isAnySet(this.bridgehub, 220) || isHandlerOfV31()) throw unjudged("Bridgehub is of v31, but MessageRoot " + at + " is not");
    return false;
  }
  /* Whether the newest root has a timestamp, as since v33. */
  hasTimestamps() {
    if (!this.isV31) return false;
    const newest = this.read(this.messageRoot, slot(14));
    return newest !== 0n && this.read(this.messageRoot, slot(BigInt(mapped(slot(9), newest)) + 1n)) !== 0n;
  }
  root(name, contract, at) {
    const root = contract && this.read(contract, at);
    return root ? { name, contract, slot: at, root: slot(root) } : undefined;
  }
  /* The root with which L1 compares a proof that ends in a batch. */
  executed(chain, batch) {
    const diamond = this.diamond(chain), of = `batch ${batch} of chain ${chain}`;
    const inDiamond = () => this.root("l2LogsRootHashes of the diamond", diamond, mapped(slot(15), batch));
    const missing = () => unjudged("L1 stores no root of " + of);
    if (!this.isV31) {
      const root = inDiamond();
      if (!root) throw missing();
      if (batch > this.read(diamond, slot(11))) throw new Error(of + " is not executed");
      return root;
    }
    if (batch === 0n) throw new Error("L1 refuses batch 0");
    const root = this.root("chainBatchRoots of MessageRoot", this.messageRoot, mapped(mapped(slot(12), chain), batch));
    if (root) return root;
    const upgrade = this.read(this.messageRoot, mapped(slot(50), chain)), old = inDiamond();
    if (!old) throw missing();
    if (upgrade !== NOT_UPGRADED && batch >= upgrade) throw new Error("MessageRoot stores no root of " + of + ", and L1 does not read that of the diamond");
    return old;
  }
  /* Checks that L1 accepts a batch through a batch of a settlement layer, and says by what. */
  settlement(chain, batch, layer, number) {
    const of = `batch ${batch} of chain ${chain}`;
    if (!this.isV31) {
      const diamond = this.diamond(chain);
      if (!diamond || !this.isAnySet(diamond, 40)) throw unjudged("L1 has no diamond of chain " + chain);
      if (this.read(diamond, mapped(slot(15), batch))) throw new Error(of + " was executed on L1 itself, so L1 refuses it through a settlement layer");
      if (!this.read(this.bridgehub, mapped(slot(217), layer))) throw new Error("chain " + layer + " is not a settlement layer: Bridgehub does not list it");
      return `chain ${layer}: whitelistedSettlementLayers of Bridgehub ${this.bridgehub}`;
    }
    const handler = this.handler();
    if (!handler || !this.isAnySet(handler, 253, 254)) throw unjudged("the state has no L1ChainAssetHandler");
    const migrations = this.read(handler, mapped(slot(207), chain)), refused = (why) => new Error(`L1 refuses ${of} through batch ${number} of chain ${layer}: ${why}`);
    if (migrations > MOST_MIGRATIONS) throw refused("the chain has migrated too often");
    for (let index = 0n; index <= migrations; index++) {
      const start = BigInt(mapped(mapped(slot(252), chain), index)), field = (at) => this.read(handler, slot(start + at));
      const on = field(4n);
      if (!on) continue;
      if (batch <= field(0n)) break;
      const isActive = field(5n) !== 0n;
      if (!isActive && batch > field(1n)) continue;
      const first = field(2n), last = isActive ? undefined : field(3n);
      const allowed = `batches ${first} ${last === undefined ? "and later" : "to " + last} of chain ${on}`;
      if (on !== layer || number < first || (last !== undefined && number > last)) throw refused("it accepts " + allowed);
      return `${allowed}, for batches of chain ${chain}: _migrationInterval of L1ChainAssetHandler ${handler}`;
    }
    throw refused("it was settled on L1 itself");
  }
  /* L1 stores no roots of blocks before v33, and then of its own, against which it verifies nothing. */
  ofBlock(chain) {
    const isOwn = this.hasTimestamps() && this.read(this.messageRoot, mapped(slot(3), 0n)) === chain;
    return isOwn ? new Error("L1 verifies no proof against its own blocks") : unjudged("L1 stores no root of this block");
  }
  /* Since v33 a proof through a settlement layer has a timestamp. */
  checkRelease(isTimed) {
    const hasTimestamps = this.hasTimestamps();
    if (isTimed && this.isV31 && !hasTimestamps) throw unjudged("the slots do not show whether L1 is of v33, as the proof is");
    if (hasTimestamps !== isTimed)
      throw new Error(`the contracts are of ${hasTimestamps ? "v33 or later" : "a release before v33"}, but the proof is not`);
  }
}

/* Checks that the contracts accept a record. Returns the root that they store, and what lets them accept the settlement layer. */
function checkAccepted(contracts, given) {
  const { end, root, record, timestamp } = fold(given), isThrough = end.kind === "sl";
  if (record.target && record.target.kind === "block") throw contracts.ofBlock(end.chain);
  const own = [record.chainId, record.batchNumber];
  const through = isThrough ? contracts.settlement(...own, end.chain, end.number) : undefined;
  const [chain, batch] = isThrough ? [end.chain, end.number] : own, stored = contracts.executed(chain, batch);
  if (stored.root !== root) throw new Error(`L1 stored the root ${stored.root} for batch ${batch} of chain ${chain}, not ${root}`);
  if (isThrough) contracts.checkRelease(timestamp !== undefined);
  return { chain, batch, through, ...stored };
}

