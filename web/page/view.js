/* The page */
const $ = (id) => document.getElementById(id);
const make = (tag, content, attributes = {}) => {
  const element = document.createElement(tag);
  element.append(...[].concat(content === undefined ? [] : content));
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};
const svg = (tag, attributes, content) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (content !== undefined) element.textContent = content;
  return element;
};
const short = (h) => h.slice(0, 10) + "…" + h.slice(-6);
const count = (number, name) => `${Number(number).toLocaleString("en")} ${name}${Number(number) === 1 ? "" : name === "batch" ? "es" : "s"}`;
const MOST_ROWS = 1000, MOST_BARS = 1000;
let source, current, asks = 0, isLoading = false;
const roots = new Map();
function say(message, bad) { $("status").textContent = message; $("status").className = bad ? "bad" : ""; }
/* Runs what a user asked for, unless something else is asked for meanwhile. */
async function attempt(work) {
  const mine = ++asks, last = (...what) => { if (mine === asks) say(...what); };
  say("Working…");
  try { last((await work()) || ""); } catch (error) { last(error.message, true); }
}

/* Lists logs, with what `columns` say of each: names, texts, and classes of cells. */
function results(places, columns) {
  const row = (at) => {
    const button = make("button", "Show", { type: "button", class: "small", "aria-label": `Show the proof of log ${at.id} of batch ${at.batchNumber} of chain ${at.chainId}` });
    button.onclick = () => attempt(() => show(at, true));
    return make("tr", [...columns.map(([, of, kind]) => make("td", String(of(at)), { class: kind || "" })), make("td", button, { class: "n" })]);
  };
  const head = [...columns.map(([name, , kind]) => make("th", name, { class: kind === "n" ? kind : "" })), make("th")];
  $("found").replaceChildren(places.length ? make("table", [make("thead", make("tr", head)), make("tbody", places.slice(0, MOST_ROWS).map(row))]) : "");
  return count(places.length, "log") + (places.length > MOST_ROWS ? `; the first ${MOST_ROWS} are listed` : "");
}
const PLACE = [["chain", (at) => at.chainId, "n"], ["batch", (at) => at.batchNumber, "n"], ["log", (at) => at.id, "n"]];
async function find(given) {
  const digits = given.trim().toLowerCase().replace(/^0x/, "");
  if (!/^([0-9a-f]{64}|[0-9a-f]{40})$/.test(digits)) throw new Error("give the 64 hexadecimal digits of a hash, or the 40 of an address");
  const found = await source.find("0x" + digits);
  const names = { messages: "message", transactions: "transaction", senders: "sender", receivers: "receiver", mentions: "named in the message" };
  const places = Object.entries(names).flatMap(([kind, name]) => (found[kind] || []).map((at) => ({ ...at, kind: name })));
  const listed = results(places, [["found as", (at) => at.kind], ...PLACE]);
  if (!places.length) throw new Error("nothing here has this hash or address");
  if (places.length === 1) await show(places[0], true);
  return listed + (places.length >= MOST_ROWS || found.isComplete === false ? "; there may be more" : "");
}
async function place(chain, batch, id) {
  if (!/^\d+$/.test(chain) || !/^\d+$/.test(batch)) throw new Error("give the numbers of a chain and a batch");
  if (id) {
    if (!/^\d+$/.test(id)) throw new Error("the log is given by its number in the batch");
    return show({ chainId: chain, batchNumber: batch, id: Number(id) }, true);
  }
  const logs = await source.logs(chain, batch);
  if (!logs.length) throw new Error("there are no logs of this batch");
  return results(logs.map((log) => ({ ...log, chainId: chain, batchNumber: batch })), [PLACE[2], ["kind", (log) => log.isMessage ? "message" : "other log"],
    ["sender", (log) => short(log.sender), "mono"], ["value", (log) => short(log.value), "mono"]]);
}
async function show(at, moves) {
  const mine = asks, [record, note, l1] = await source.record(at, $("target").value);
  if (mine !== asks) return "";
  if (record === null) throw new Error("there is no proof of this log");
  current = at;
  $("proof").hidden = false;
  $("record").value = exact(record, 1);
  check();
  saysOfL1(l1);
  if (moves) { $("proof").scrollIntoView(); $("proof-title").focus({ preventScroll: true }); }
  return note;
}
/* Whether the verifying chain accepts the root: what the source says of L1, or that it was not checked. */
function saysOfL1(l1) {
  const who = source.manifest ? "Who published this" : "This server", at = !l1 ? "" : l1.block !== undefined ? ` at block ${l1.block} of L1` : l1.valid === null ? "" : " at an unknown block of L1";
  const why = l1 && l1.error ? ": " + l1.error.message : ".";
  const said = source.places ? ($("l1") ? "Whether L1 accepts the proof: see below." : "Not checked: whether the verifying contract knows the root.")
    : $("target").value === "messageRoot" ? "Not checked: whether a chain has imported the root."
    : !l1 || l1.valid === null ? `Not checked: whether L1 accepts the proof${at}${why}`
    : l1.valid ? `${who} says that L1 accepts the proof${at}. The root is in ${l1.anchor}. This browser cannot check that.`
    : `✗ ${who} says that L1 refuses the proof${at}${why}`;
  $("l1-says").textContent = said;
  $("l1-says").className = l1 && l1.valid === false ? "bad" : "dim";
}
/* What the root at the end of a proof is. */
function anchor(record, end, root) {
  const kind = record.target && record.target.kind;
  if (end.kind === "batch-root") return [`Root of batch ${record.batchNumber}`, "It is stored where the chain settles."];
  if (kind === "sl-batch") return [`Batch ${end.number} of chain ${end.chain}`, "Compare it with the root that L1 stores for this batch of the settlement layer."];
  if (kind !== "block") return [`Number ${end.number} of chain ${end.chain}`, "A block, whose root chains import, or a batch, whose root L1 stores: the record does not say which."];
  const listed = roots.get(`${end.chain} ${end.number}`);
  if (listed && listed !== root) throw new Error(`the list of roots here has another root of block ${end.number}: ${listed}`);
  return [`Block ${end.number} of chain ${end.chain}`, `Chains that imported the root have it as interopRoots(${end.chain}, ${end.number}) of 0x…10008.`];
}
function check() {
  for (const id of ["life", "facts", "copies"]) $(id).replaceChildren();
  $("hint").hidden = true;
  const steps = [];
  try {
    let given;
    try { given = JSON_EXACT($("record").value); } catch (error) { throw error.isUnjudged ? error : unjudged("the record is not JSON: " + error.message); }
    const { end, root, record } = fold(given, steps), [name, about] = anchor(record, end, root), log = bytes(record.log);
    $("verdict").textContent = "✓ The log leads to the root " + root;
    $("verdict").className = "good";
    life(steps, [make("h3", name), make("div", about, { class: "dim" })], "end");
    const time = record.l1Timestamp && new Date(Number(record.l1Timestamp) * 1000);
    const facts = [["sender", sender(record.log)], [isMessage(record.log) ? "message hash" : "value", hex(log.slice(56))], ["message", record.message && count(record.message.length / 2 - 1, "byte")],
      ["transaction", record.txHash && record.txHash + " (no part of the proof)"], ["executed", time && !isNaN(time) && time.toISOString()], ["trees checked by", record.checkedBy]];
    for (const [name, value] of facts) if (value) $("facts").append(make("dt", name), make("dd", value, { class: "mono" }));
    const call = calldata(record), isOfBlock = record.target && record.target.kind === "block";
    copy("JSON", exact(given)); copy("calldata", call);
    copy("cast line", `cast call ${isOfBlock ? "0x0000000000000000000000000000000000010009" : "VERIFIER"} ${call}`);
    if (location.protocol !== "file:") copy("link", location.href.split("#")[0] + `#${record.chainId}/${record.batchNumber}/${record.id}`);
    $("hint").hidden = isOfBlock;
  } catch (error) {
    $("verdict").textContent = verdictOf(error);
    $("verdict").className = refuses(error) ? "bad" : "";
    if (refuses(error)) life(steps, [make("h3", "Refused"), make("div", error.message)], "end bad");
  }
}
function copy(name, value) {
  const button = make("button", "Copy " + name, { type: "button", class: "small" });
  button.onclick = async () => {
    try { await navigator.clipboard.writeText(value); } catch { // only pages of secure origins may use the clipboard
      const area = make("textarea", value); button.after(area); area.select(); document.execCommand("copy"); area.remove(); button.focus();
    }
    button.textContent = "Copied " + name;
    setTimeout(() => { button.textContent = "Copy " + name; }, 2000);
  };
  $("copies").append(button, " ");
}
/* A message's life: the nodes from the log to the root, and the siblings between them. */
function life(steps, end, kind) {
  const stops = steps.map((step, at) => make("li", [make("h3", step.name), make("div", hex(step.hash), { class: "mono" }), make("div", step.about, { class: "dim" }),
    ...(steps[at + 1] ? [climb(steps[at + 1])] : [])]));
  $("life").replaceChildren(...stops, make("li", end, { class: kind }));
}
/* A path as a picture: siblings on the left above the line, those on the right below it; empty subtrees hollow. */
function climb({ path, index, empty }) {
  if (!path.length) return make("div", "no siblings: it is the only one", { class: "climb dim" });
  const wide = 16, end = 7 + path.length * wide, drawing = svg("svg", { width: end + 6, height: 40, role: "img" }), list = [];
  let hollow = 0;
  path.forEach((sibling, at) => {
    const isLeft = (BigInt(index) >> BigInt(at)) & 1n, isEmpty = hex(sibling) === hex(empty), x = 7 + at * wide, y = isLeft ? 8 : 32;
    const title = `${isLeft ? "left" : "right"} ${hex(sibling)}${isEmpty ? " (empty subtree)" : ""}`;
    const square = svg("rect", { x: x - 4, y: y - 4, width: 8, height: 8, class: isEmpty ? "side empty" : "side" });
    square.append(svg("title", {}, title));
    drawing.append(svg("line", { x1: x + 4, y1: isLeft ? y + 4 : y - 4, x2: x + wide, y2: 20, class: "side" }), square, svg("circle", { cx: x, cy: 20, r: 3, class: "path" }));
    list.push(make("li", title));
    hollow += isEmpty;
    empty = node(empty, empty);
  });
  drawing.prepend(svg("line", { x1: 7, y1: 20, x2: end, y2: 20, class: "path" }));
  drawing.append(svg("circle", { cx: end, cy: 20, r: 4, class: "path" }));
  const said = count(path.length, "sibling") + (hollow ? `, ${hollow} of empty subtrees` : "");
  drawing.setAttribute("aria-label", said);
  return make("div", [make("div", drawing, { class: "scroll" }), make("details", [make("summary", said), make("ol", list, { class: "mono" })])], { class: "climb" });
}
/* The roots of a settlement layer by block. */
function plot(layer) {
  const about = layer.slChainId === undefined ? "Batch roots of a state; there are no trees." : `Settlement layer ${layer.slChainId}, checked by ${String(layer.checkedBy).replaceAll("+", " and ")}: ${count(layer.count, "root")}.`;
  const figure = make("figure", make("figcaption", about));
  if (layer.roots.length) {
    const every = Math.ceil(layer.roots.length / MOST_BARS), drawn = layer.roots.filter((_, at) => (layer.roots.length - 1 - at) % every === 0);
    const blocks = drawn.map(([block]) => Number(block)), first = blocks[0], last = blocks[blocks.length - 1], most = Math.max(...drawn.map((root) => root[2]), 1);
    const wide = Math.max(1.5, Math.min(8, 500 / (last - first + 1))), drawing = svg("svg", { viewBox: "0 0 600 100", preserveAspectRatio: "none", role: "img",
      "aria-label": `${count(layer.count, "root")} of blocks ${first} to ${last}, over up to ${count(most, "chain")}` });
    drawn.forEach(([block, root, chains], at) => {
      const height = (96 * chains) / most, x = ((600 - wide) * (blocks[at] - first)) / Math.max(1, last - first);
      const bar = svg("rect", { x, y: 100 - height, width: wide, height });
      bar.append(svg("title", {}, `block ${block}: ${root}, ${count(chains, "chain")}`));
      drawing.append(bar);
    });
    const newest = layer.roots.slice(-100).reverse().map(([block, root, chains]) => make("tr", [make("td", String(block), { class: "n" }), make("td", String(chains), { class: "n" }), make("td", root, { class: "mono" })]));
    const head = make("thead", make("tr", [make("th", "block", { class: "n" }), make("th", "chains", { class: "n" }), make("th", "root")]));
    figure.append(make("div", make("span", "height: chains in the shared tree, up to " + most), { class: "axis" }), drawing,
      make("div", [make("span", "block " + first), make("span", "block " + last)], { class: "axis" }),
      make("details", [make("summary", "Roots, newest first"), make("div", make("table", [head, make("tbody", newest)]), { class: "scroll" })]));
  }
  return figure;
}
/* Shows what the address names after #: a hash, or chain/batch/log. */
function asked() { try { return decodeURIComponent(location.hash.slice(1)); } catch { return location.hash.slice(1); } }
function go() {
  const wanted = asked(), parts = wanted.split("/");
  if (!source && !isLoading) start();
  if (!wanted || isLoading) return;
  if (parts.length === 1) { $("hash").value = wanted; attempt(() => find(wanted)); return; }
  ["chain", "batch", "index"].forEach((id, at) => { $(id).value = parts[at] || ""; });
  attempt(() => place(parts[0], parts[1], parts[2]));
}
function visit(wanted) { if (asked() === wanted) go(); else location.hash = encodeURI(wanted); }
async function open() {
  const bundle = $("bundle").textContent.trim();
  if (bundle) {
    $("target").parentElement.hidden = true;
    return new BundleSource([].concat(JSON_EXACT(bundle)));
  }
  const response = await ask("manifest.json", { cache: "no-cache" });
  if (!response.ok) return new ServerSource();
  let manifest;
  try { manifest = JSON_EXACT(await response.text()); } catch { throw new Error("manifest.json is damaged: it is not JSON"); }
  return new PublishedSource(manifest);
}
async function load() {
  source = await open();
  const { layers, chains, leftOut } = await source.overview();
  for (const layer of layers) for (const [block, root] of layer.roots) roots.set(`${layer.slChainId} ${block}`, root);
  const sum = (name) => chains.reduce((total, chain) => total + Number(chain[name]), 0);
  $("about").textContent = "Proofs of messages from L2 to L1, " + (source.places ? "in this file" : source.manifest ? "published" : "served");
  $("totals").textContent = [count(chains.length, "chain"), count(sum("batches"), "batch"), count(sum("messages"), "message"), count(sum("logs"), "log")].join(", ") + (leftOut ? `; ${count(leftOut, "damaged part")} left out` : "");
  const columns = ["chainId", "batches", "messages", "logs", "firstBatch", "lastBatch"].filter((name) => chains.some((chain) => chain[name] !== undefined));
  const names = { chainId: "chain", firstBatch: "first batch", lastBatch: "last batch" };
  const rows = chains.map((chain) => make("tr", columns.map((name) => make("td", String(chain[name]), { class: "n" }))));
  $("overview").replaceChildren(make("table", [make("thead", make("tr", columns.map((name) => make("th", names[name] || name, { class: "n" })))), make("tbody", rows)]));
  $("plots").replaceChildren(...layers.map(plot));
  if (source.places) {
    if (source.places.length > 1) results(source.places, PLACE);
    if (source.places.length) await attempt(() => show(source.places[0]));
  }
}
function start() {
  isLoading = true;
  $("about").className = "dim";
  load().catch((error) => { $("about").textContent = error.message; $("about").className = "bad"; }).finally(() => { isLoading = false; if (source) go(); });
}
if (typeof document !== "undefined") {
  $("by-hash").onsubmit = (event) => { event.preventDefault(); visit($("hash").value.trim()); };
  $("by-place").onsubmit = (event) => { event.preventDefault(); visit(["chain", "batch", "index"].map((id) => $(id).value.trim()).filter((part, at) => part || at < 2).join("/")); };
  $("target").onchange = () => current && attempt(() => show(current));
  $("record").oninput = () => { check(); $("l1-says").textContent = $("l1") ? "The record was changed. What L1 accepts, below, is about the records of the file." : ""; $("l1-says").className = "dim"; };
  window.onhashchange = go;
  document.addEventListener("DOMContentLoaded", start); // a bundle may have a further script
}
