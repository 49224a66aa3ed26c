// Runs the sources of the page without a browser. Arguments: the page, and a published directory. Each line on standard input is
// `{chainId, batchNumber, id, answer?}`: with an answer, that of a server to every call; without one, the directory is read, with
// the file `serves` for that of the batch if it is given. Or it is `{find}`, a hash to look up in the directory. Prints the record,
// the number of logs that were found, or the error.
const { existsSync, readFileSync } = require("node:fs");
const { join } = require("node:path");

const [page, directory] = process.argv.slice(2);
const script = readFileSync(page, "utf8").split("<script>")[1].split("</script>")[0];
const { ServerSource, PublishedSource } = new Function(`${script}; return { ServerSource, PublishedSource };`)();

const body = (text) => ({ ok: text !== undefined, status: text === undefined ? 404 : 200, text: async () => text });
const read = (name) => existsSync(join(directory, name)) ? readFileSync(join(directory, name), "utf8") : undefined;
(async () => {
  for (const line of readFileSync(0, "utf8").split("\n").filter((line) => line)) {
    const { answer, serves, find, ...at } = JSON.parse(line);
    globalThis.fetch = async (name) => answer === undefined
      ? body(read(serves && name.startsWith("batches/") ? serves : name))
      : body(JSON.stringify({ result: answer }));
    const source = answer === undefined ? new PublishedSource(JSON.parse(read("manifest.json"))) : new ServerSource();
    try {
      if (find) {
        console.log(JSON.stringify({ found: Object.values(await source.find(find)).flat().length }));
        continue;
      }
      const [record] = await source.record(at, "messageRoot");
      console.log(JSON.stringify({ record: record === null ? null : { ...record, log: undefined } }));
    } catch (error) {
      console.log(JSON.stringify({ error: error.message }));
    }
  }
})();
