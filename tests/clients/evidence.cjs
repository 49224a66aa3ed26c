// Runs the scripts of a bundle with proofs of L1's slots, without a browser. Argument: the bundle, which may have a list
// of states of L1. With two more arguments, dumps of anvil in lines and the address of Bridgehub, the dumps are the states, and
// the lines on standard input are the records. Prints a line for each state and record: where L1 stored the root and by what
// it accepts the settlement layer, or why it is refused.
const { readFileSync } = require("node:fs");

const [file, dumps, bridgehub] = process.argv.slice(2), bundle = readFileSync(file, "utf8");
const scripts = bundle.split("<script>").slice(1).map((rest) => rest.split("</script>")[0]);
const names = "JSON_EXACT, refuses, provenState, Contracts, checkAccepted";
const { JSON_EXACT, refuses, provenState, Contracts, checkAccepted } = new Function(`${scripts.join("\n")}; return { ${names} };`)();

const data = (id) => [].concat(JSON_EXACT(bundle.split(`id="${id}">`)[1].split("</script>")[0]));
const lines = (text) => text.split("\n").filter((line) => line).map((line) => JSON_EXACT(line));
// Every slot that a dump does not have is zero, except the one that it names as not shown.
const state = ({ accounts, unshown }) => {
  const slots = Object.entries(accounts).flatMap(([address, { storage }]) => Object.entries(storage).map(([slot, value]) => [address + slot, BigInt(value)]));
  const shown = new Map(slots);
  return { number: 0n, slots: { get: (at) => at === unshown ? undefined : shown.get(at) || 0n }, empty: { has: () => false } };
};
const states = dumps
  ? lines(readFileSync(dumps, "utf8")).map((dump) => { const whole = state(dump); return [{ bridgehub }, () => whole]; })
  : data("l1").map((l1) => [l1, () => provenState(l1)]);
const records = dumps ? lines(readFileSync(0, "utf8")) : data("bundle");
for (const [l1, read] of states) {
  for (const record of records) {
    try {
      const proven = read(), contracts = new Contracts(l1.bridgehub, proven);
      const { chain, batch, root, contract, through } = checkAccepted(contracts, record);
      console.log(JSON.stringify({ block: String(proven.number), chain: String(chain), batch: String(batch), root, contract, through }));
    } catch (error) {
      console.log(JSON.stringify({ error: error.message, isRefused: refuses(error) }));
    }
  }
}
