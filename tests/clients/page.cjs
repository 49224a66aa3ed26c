// Runs the script of the page on records, without a browser. Arguments: a file with the page. The lines on standard
// input are records; without any, those in the page itself are taken. Prints what each folds to, and its calldata.
const { readFileSync } = require("node:fs");

const page = readFileSync(process.argv[2], "utf8");
const script = page.split("<script>")[1].split("</script>")[0];
const names = "fold, refuses, calldata, JSON_EXACT, BundleSource";
const { fold, refuses, calldata, JSON_EXACT, BundleSource } = new Function(`${script}; return { ${names} };`)();

const lines = readFileSync(0, "utf8").split("\n").filter((line) => line);
const own = page.split('id="bundle">')[1].split("</script>")[0].trim();
const records = lines.length ? lines.map((line) => JSON_EXACT(line)) : new BundleSource(JSON_EXACT(own)).records;
for (const record of records) {
  try {
    const { root, record: read } = fold(record);
    console.log(JSON.stringify({ root, calldata: calldata(read) }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message, isRefused: refuses(error) }));
  }
}
