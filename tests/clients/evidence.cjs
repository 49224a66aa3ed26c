// Runs the scripts of a bundle with proofs of L1's slots, without a browser. Argument: the bundle, which may have a list
// of states of L1. Prints a line for each state and record: where L1 stored the root, or why it is refused.
const { readFileSync } = require("node:fs");

const bundle = readFileSync(process.argv[2], "utf8");
const scripts = bundle.split("<script>").slice(1).map((rest) => rest.split("</script>")[0]);
const names = "JSON_EXACT, refuses, provenState, checkStored";
const { JSON_EXACT, refuses, provenState, checkStored } = new Function(`${scripts.join("\n")}; return { ${names} };`)();

const data = (id) => [].concat(JSON_EXACT(bundle.split(`id="${id}">`)[1].split("</script>")[0]));
for (const l1 of data("l1")) {
  for (const record of data("bundle")) {
    try {
      const state = provenState(l1), { chain, batch, root, contract } = checkStored(l1, state, record);
      console.log(JSON.stringify({ block: String(state.number), chain: String(chain), batch: String(batch), root, contract }));
    } catch (error) {
      console.log(JSON.stringify({ error: error.message, isRefused: refuses(error) }));
    }
  }
}
