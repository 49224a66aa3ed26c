// Runs the script of the page on records, without a browser. Arguments: a file with the page. The lines on standard
// input are records; without any, those in the page itself are taken. Prints what each folds to, and its calldata.
const { readFileSync } = require("node:fs");

const page = readFileSync(process.argv[2], "utf8");
const script = page.split("<script>")[1].split("</script>")[0];
const names = "fold, refuses, calldata, JSON_EXACT, BundleSource";
const { fold, refuses, calldata, JSON_EXACT, BundleSource } = new Function(`${script}; return { ${names} };`)();

const lines = readFileSync(0, "utf8").split("\n").filter((line) => line);
const own = page.split('id="bundle">')[1].split("</script>")[0].trim();
// As the page shows the records of a bundle: each by its place, and again by its place in the list of its batch.
async function shown() {
  const source = new BundleSource([].concat(JSON_EXACT(own))), records = [];
  for (const at of source.places) {
    const { chainId, batchNumber } = at, logs = await source.logs(String(chainId), String(batchNumber));
    const listed = logs.filter(({ record }) => record === at.record).map((log) => ({ ...log, chainId, batchNumber }));
    for (const place of [at, ...listed]) records.push((await source.record(place))[0]);
  }
  return records;
}
async function main() {
  for (const record of lines.length ? lines.map((line) => JSON_EXACT(line)) : await shown()) {
    try {
      const { root, record: read } = fold(record);
      console.log(JSON.stringify({ root, calldata: calldata(read) }));
    } catch (error) {
      console.log(JSON.stringify({ error: error.message, isRefused: refuses(error) }));
    }
  }
}
main();
