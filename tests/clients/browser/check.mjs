// Uses the page in Chromium as a person does. Arguments: the URL of a server, and a directory with `site`, which is published
// from the same files, and `evidence.html`, a bundle of a log for L1. Standard input: what `prove` and the contracts say, as tests/suite/serve/browser.rs writes it.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { DESKTOP, PHONE, serveFiles, withBrowser } from "./browser.mjs";

const [server, folder] = process.argv.slice(2);
const site = join(folder, "site");
const expected = JSON.parse(readFileSync(0, "utf8"));
// For each target, every log with its record and the call that verifies it, both word for word.
const proven = Object.fromEntries(["l1", "interop"].map((target) => [target, expected[target].records.map((line, at) => {
  const [, chain, batch] = /"chainId":(\d+),"batchNumber":(\d+)/.exec(line);
  return { ...JSON.parse(line), line, chain, batch, place: `${chain}/${batch}/${JSON.parse(line).id}`, call: JSON.parse(expected[target].calls[at]).data };
})]));
const interopOf = (log) => proven.interop.find(({ place }) => place === log.place);
const count = (name, value) => proven.l1.filter((log) => log[name] === value).length;

// A batch with several logs; a transaction with two; a message that was sent once; a log without a message; a log of a
// batch with more than 256; numbers beyond 2^53.
const BATCH = proven.l1.filter(({ chain, batch }) => chain === "8453" && batch === "4000000038");
const PAIR = proven.l1.filter(({ txHash }) => txHash === proven.l1.find((log) => count("txHash", log.txHash) === 2).txHash);
const MESSAGE = proven.l1.find((log) => log.message?.startsWith("0x6c0960f9") && count("messageHash", log.messageHash) === 1);
const PLAIN = proven.l1.find((log) => log.message === undefined);
const LATE = proven.l1.find(({ id }) => id > 256);
const HUGE = proven.l1.find(({ chain, batch }) => BigInt(chain) > 2n ** 63n && BigInt(batch) > 2n ** 53n);
const RECEIVER = "0x" + MESSAGE.message.slice(10, 50);
const UNKNOWN = "0x" + "f".repeat(64);

// A page that looked up what `asked` names after #. Requests to other origins and errors of the script fail the check.
async function opened(browser, url, asked = "", options = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, permissions: ["clipboard-read", "clipboard-write"], ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.strangers = [];
  page.on("request", (request) => { if (new URL(request.url()).origin !== new URL(url).origin) page.strangers.push(request.url()); });
  page.on("pageerror", (error) => page.strangers.push(String(error)));
  await page.goto(url + (asked && "#" + asked));
  await page.waitForFunction(() => document.getElementById("about").textContent !== "Loading…");
  return page;
}
async function close(page) {
  assert.deepEqual(page.strangers, []);
  await page.context().close();
}
const says = (page, id, text) => page.locator("#" + id).filter({ hasText: text }).waitFor();
const record = async (page) => (await page.inputValue("#record")).replace(/\s/g, "");
const fill = async (page, fields) => { for (const [id, text] of Object.entries(fields)) await page.fill("#" + id, text); };
const rows = (page) => page.locator("#found tbody tr");

async function find(page, hash) {
  await page.fill("#hash", hash);
  await page.press("#hash", "Enter");
}
async function isShown(page, wanted) {
  await says(page, "verdict", wanted.target.root);
  assert.match(await page.textContent("#verdict"), /^✓/);
  assert.equal(await record(page), wanted.line);
}

// What depends on where the data come from.
const checks = {
  async "overview and plot"(browser, url) {
    const page = await opened(browser, url), sum = (of) => new Set(proven.l1.map(of)).size;
    const messages = proven.l1.filter(({ messageHash }) => messageHash).length;
    assert.equal(await page.textContent("#totals"), `${sum(({ chain }) => chain)} chains, ${sum(({ chain, batch }) => chain + "/" + batch)} batches, ${messages} messages, ${proven.l1.length} logs`);
    await page.locator("#overview td", { hasText: HUGE.batch }).first().waitFor();
    const titles = await page.locator("#plots svg rect title").allTextContents();
    assert.equal(titles.length, expected.roots.length);
    for (const [at, [block, root]] of expected.roots.entries()) assert.ok(titles[at].startsWith(`block ${block}: ${root},`), titles[at]);
    await page.click("#plots summary");
    await page.locator("#plots td", { hasText: expected.roots.at(-1)[1] }).waitFor();
    const bars = await page.evaluate(() => {
      const roots = Array.from({ length: 2500 }, (_, block) => [block, "0x00", 3]);
      return Array.from(plot({ slChainId: 1, checkedBy: "state", count: 2500, roots }).querySelectorAll("rect title"), (title) => title.textContent);
    });
    assert.deepEqual([bars.length, bars.at(-1)], [834, "block 2499: 0x00, 3 chains"]);
    await close(page);
  },

  async "search by transaction, message, chain and batch"(browser, url) {
    const page = await opened(browser, url);
    await find(page, PAIR[1].txHash.toUpperCase().replace("0X", "0x"));
    await says(page, "status", "2 logs");
    await rows(page).nth(1).getByRole("button").click();
    await isShown(page, PAIR[1]);
    await find(page, MESSAGE.messageHash);
    await isShown(page, MESSAGE);
    for (const [index, logs] of [["", BATCH], [String(BATCH[3].id), [BATCH[3]]]]) {
      await fill(page, { chain: "8453", batch: "4000000038", index });
      await page.click("#by-place button");
      if (logs.length > 1) await says(page, "status", logs.length + " logs");
      else await isShown(page, ...logs);
      assert.equal(await rows(page).count(), BATCH.length);
    }
    await page.selectOption("#target", "messageRoot");
    await isShown(page, interopOf(BATCH[3]));
    for (const log of [PLAIN, LATE, HUGE]) {
      await page.evaluate((to) => { location.hash = to; }, log.place);
      await isShown(page, interopOf(log));
    }
    await close(page);
  },

  async "search by sender and receiver"(browser, url) {
    const page = await opened(browser, url);
    for (const [kind, address, logs] of [["sender", MESSAGE.sender, count("sender", MESSAGE.sender)], ["receiver", RECEIVER, 1]]) {
      await find(page, address);
      await says(page, "status", logs === 1 ? "1 log" : `${logs} logs`);
      assert.equal(await page.locator("#found td", { hasText: kind }).count(), logs);
      await rows(page).first().getByRole("button").click();
      await says(page, "verdict", "The log leads to the root");
      assert.ok((await record(page)).includes(address.slice(2)));
    }
    await isShown(page, MESSAGE);
    await close(page);
  },

  async "what is not found, and what is no hash"(browser, url) {
    const page = await opened(browser, url);
    await find(page, UNKNOWN);
    await says(page, "status", "nothing here has this hash or address");
    await find(page, "0x12");
    await says(page, "status", "give the 64 hexadecimal digits");
    await fill(page, { chain: "8453", batch: "1" });
    await page.click("#by-place button");
    await page.locator("#status.bad", { hasNotText: "hexadecimal" }).waitFor();
    assert.ok(await page.isHidden("#proof"));
    await close(page);
  },

  async "a message's life as a picture"(browser, url) {
    const wanted = interopOf(MESSAGE), page = await opened(browser, url, wanted.place);
    await isShown(page, MESSAGE);
    await says(page, "l1-says", "says that L1 accepts the proof");
    await says(page, "l1-says", "The root is in chainBatchRoots of MessageRoot 0x");
    await page.selectOption("#target", "messageRoot");
    await isShown(page, wanted);
    await says(page, "l1-says", "Not checked: whether a chain has imported the root.");
    const { slChainId, number, root } = wanted.target;
    assert.deepEqual(await page.locator("#life > li > h3").allTextContents(),
      ["Log " + wanted.id, "Batch " + wanted.batch, "Chain " + wanted.chain, "Settlement layer " + slChainId, `Block ${number} of chain ${slChainId}`]);
    const life = await page.textContent("#life");
    for (const hash of [wanted.root, root]) assert.ok(life.includes(hash));
    assert.ok(life.includes(`interopRoots(${slChainId}, ${number})`));
    // Every word that is a hash is a sibling; the others are metadata, masks and the settlement layer.
    const siblings = wanted.proof.filter((word) => !/^0x(.{8}0{56}|0{24}.*)$/.test(word));
    const drawn = await page.locator("#life rect title").allTextContents();
    assert.equal(siblings.length, wanted.proof.length - 5);
    assert.deepEqual(drawn.map((title) => title.split(" ")[1]), siblings);
    await page.locator("#life summary").first().click();
    assert.ok(await page.locator("#life li li").first().isVisible());
    await close(page);
  },

  async "what is copied"(browser, url) {
    const page = await opened(browser, url, MESSAGE.place);
    await isShown(page, MESSAGE);
    const copied = async (name) => {
      await page.getByRole("button", { name: "Copy " + name }).click();
      await page.getByRole("button", { name: "Copied " + name }).waitFor();
      return page.evaluate(() => navigator.clipboard.readText());
    };
    assert.equal(await copied("JSON"), MESSAGE.line);
    assert.equal(await copied("calldata"), MESSAGE.call);
    assert.equal(await copied("cast line"), "cast call VERIFIER " + MESSAGE.call);
    assert.equal(await copied("link"), `${url}#${MESSAGE.place}`);
    await page.selectOption("#target", "messageRoot");
    for (const log of [PLAIN, HUGE].map(interopOf)) {
      await page.evaluate((to) => { location.hash = to; }, log.place);
      await isShown(page, log);
      assert.equal(await copied("JSON"), log.line);
      assert.equal(await copied("cast line"), "cast call 0x0000000000000000000000000000000000010009 " + log.call);
    }
    // Pages of other origins than secure ones have no clipboard.
    await page.evaluate(() => {
      Object.defineProperty(navigator, "clipboard", { value: undefined });
      document.addEventListener("copy", () => { window.copied = document.activeElement.value; });
    });
    await page.getByRole("button", { name: "Copy calldata" }).click();
    assert.equal(await page.evaluate(() => window.copied), interopOf(HUGE).call);
    await close(page);
  },


  async "without network"(browser, url) {
    const page = await opened(browser, url);
    await page.context().setOffline(true);
    await find(page, PAIR[0].txHash);
    await says(page, "status", "no answer from " + new URL(url).host);
    await page.context().setOffline(false);
    await page.click("#by-hash button");
    await says(page, "status", "2 logs");
    await close(page);
  },
};

// What does not.
const checksOfPage = {
  async "a changed record is refused"(browser, url) {
    const page = await opened(browser, url, MESSAGE.place);
    await isShown(page, MESSAGE);
    const good = await page.inputValue("#record");
    const parts = [...MESSAGE.proof, MESSAGE.root, MESSAGE.target.root, MESSAGE.log, MESSAGE.message, MESSAGE.sender, MESSAGE.messageHash, `"txNumberInBatch": 1`];
    const verdicts = await page.evaluate(judged, parts.map((part) => changed(good, part)));
    for (const [at, { verdict, copies, refusals }] of verdicts.entries()) {
      assert.match(verdict, /^✗ Refused: /, parts[at]);
      assert.deepEqual([copies, refusals], [0, 1]);
    }
    // Neither valid nor refused.
    const unknown = await page.evaluate(judged, [good.slice(0, -1), "{}", MESSAGE.line.replace('"log"', '"other"')]);
    for (const { verdict, copies, refusals } of unknown) {
      assert.match(verdict, /^\? Not judged: /);
      assert.deepEqual([copies, refusals], [0, 0]);
    }
    await page.fill("#record", good);
    await isShown(page, MESSAGE);
    // A root that is not the one in the list of roots.
    const wanted = interopOf(MESSAGE), { slChainId, number } = wanted.target;
    await page.evaluate((block) => roots.set(block, "0x00"), `${slChainId} ${number}`);
    await page.fill("#record", wanted.line);
    await says(page, "verdict", "the list of roots here has another root");
    await close(page);
  },

  async "keyboard only"(browser, url) {
    const page = await opened(browser, url);
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
    const tabTo = async (name) => {
      for (let steps = 0; steps < 40 && (await focused()) !== name; steps++) await page.keyboard.press("Tab");
      assert.equal(await focused(), name);
    };
    await tabTo("hash");
    await page.keyboard.type(PAIR[0].txHash);
    await page.keyboard.press("Enter");
    await says(page, "status", "2 logs");
    await tabTo("index");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "solid");
    await page.keyboard.press("Enter");
    await isShown(page, PAIR[0]);
    assert.equal(await focused(), "proof-title");
    await tabTo("target");
    await page.keyboard.press("ArrowDown");
    await isShown(page, interopOf(PAIR[0]));
    await tabTo("Copy calldata");
    await page.keyboard.press("Space");
    await page.getByRole("button", { name: "Copied calldata" }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), interopOf(PAIR[0]).call);
    await tabTo("record");
    await page.keyboard.press("Control+End");
    await page.keyboard.type("x");
    await says(page, "verdict", "Not judged");
    await close(page);
  },

  async "phone, dark and light"(browser, url) {
    const backgrounds = new Set();
    for (const colorScheme of ["light", "dark"]) {
      for (const viewport of [PHONE, DESKTOP]) {
        const page = await opened(browser, url, "", { viewport, colorScheme });
        await page.evaluate((to) => { location.hash = to; }, "8453/4000000038");
        await says(page, "status", "20 logs");
        await page.evaluate((to) => { location.hash = to; }, HUGE.place);
        await isShown(page, HUGE);
        backgrounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
        for (const text of [HUGE.line, "{}"]) {
          await page.fill("#record", text);
          const { over, low } = await page.evaluate(layout);
          assert.ok(over <= 0, `${colorScheme}, ${viewport.width}: the page is ${over} pixels too wide`);
          assert.deepEqual(low, [], `${colorScheme}: contrast below 4.5`);
        }
        await close(page);
      }
    }
    assert.equal(backgrounds.size, 2);
  },
};

// A text with another last digit of a part of it.
function changed(text, part) {
  const at = text.indexOf(part) + part.length - 1;
  assert.ok(at >= part.length - 1, `there is no ${part}`);
  return text.slice(0, at) + (text[at] === "7" ? "8" : "7") + text.slice(at + 1);
}

// In the page: what it says of texts that are put into the field of the record.
function judged(texts) {
  const $ = (id) => document.getElementById(id);
  return texts.map((text) => {
    $("record").value = text;
    $("record").dispatchEvent(new Event("input"));
    return { verdict: $("verdict").textContent, copies: $("copies").children.length, refusals: document.querySelectorAll("#life > .end.bad").length };
  });
}

// In the page: by how many pixels it is wider than the window, and texts with less contrast than 4.5 (WCAG 2, AA).
function layout() {
  const light = (color) => {
    const [r, g, b] = color.match(/[\d.]+/g).map((part) => Number(part) / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return color === "rgba(0, 0, 0, 0)" && element.parentElement ? behind(element.parentElement) : color;
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const hasText = Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!hasText || element.closest("svg, script") || !element.getClientRects().length) continue;
    const [one, two] = [light(getComputedStyle(element).color), light(behind(element))].sort();
    const contrast = (two + 0.05) / (one + 0.05);
    if (contrast < 4.5) low.push(`${element.tagName} ${element.textContent.slice(0, 20)}: ${contrast.toFixed(2)}`);
  }
  return { over: document.scrollingElement.scrollWidth - window.innerWidth, low };
}

// One byte of a published file: no proof is shown, and the page says why.
async function changedFiles(browser, url) {
  const manifest = JSON.parse(readFileSync(join(site, "manifest.json"), "utf8"));
  const refused = async (file, part, target, id, why) => {
    const path = join(site, file), good = readFileSync(path, "utf8");
    writeFileSync(path, changed(good, part));
    try {
      const page = await opened(browser, url);
      await page.evaluate(([target, place]) => { document.getElementById("target").value = target; location.hash = place; }, [target, MESSAGE.place]);
      await says(page, id, why);
      if (file !== manifest.roots) assert.equal(await page.locator("#verdict.good").count(), 0);
      await close(page);
    } finally {
      writeFileSync(path, good);
    }
  };
  const batch = `batches/${MESSAGE.chain}/${MESSAGE.batch}.json`, { number, root } = interopOf(MESSAGE).target;
  await refused(batch, MESSAGE.log, "l1BatchRoot", "verdict", "Refused");
  await refused(batch, MESSAGE.message, "l1BatchRoot", "verdict", "the message does not hash");
  await refused(batch, `"root":"${MESSAGE.root}`, "l1BatchRoot", "verdict", "does not lead to the batch root");
  await refused(batch, MESSAGE.proof.at(-1), "l1BatchRoot", "verdict", "Refused");
  await refused(batch, root, "messageRoot", "verdict", "Refused");
  await refused(batch, "{", "l1BatchRoot", "status", "is damaged");
  await refused(manifest.roots, `[${number},"${root}`, "messageRoot", "about", "has another hash than the file that names it says");
  await refused("manifest.json", "{", "l1BatchRoot", "about", "manifest.json is damaged");
  // A server that fails has not said that there is nothing.
  const page = await opened(browser, url);
  await page.route(`**/${manifest.index}/**`, (route) => route.fulfill({ status: 502 }));
  await find(page, MESSAGE.messageHash);
  await says(page, "status", "the index: status 502");
  await close(page);
}

// A bundle, opened as a file.
async function bundle(browser) {
  const page = await opened(browser, String(pathToFileURL(join(folder, "evidence.html"))));
  await isShown(page, HUGE);
  await says(page, "l1-says", "Not checked: whether the verifying contract knows the root.");
  assert.equal(await page.getByRole("button", { name: "Copy link" }).count(), 0);
  const [{ verdict }] = await page.evaluate(judged, [changed(await page.inputValue("#record"), HUGE.log)]);
  assert.match(verdict, /^✗ Refused: /);
  await find(page, "0x" + HUGE.message.slice(10, 50));
  await says(page, "status", "1 log");
  await page.locator("#found td", { hasText: "named in the message" }).waitFor();
  await close(page);
}

// A server of files that ended.
async function endedServer(browser, files) {
  const page = await opened(browser, files.url);
  await files.stop();
  await find(page, PAIR[0].txHash);
  await says(page, "status", "no answer from " + new URL(files.url).host);
  await close(page);
}

const files = await serveFiles(site);
await withBrowser(async (browser) => {
  const timed = async (name, check) => {
    const start = performance.now();
    await check().catch((error) => { error.message = `${name}: ${error.message}`; throw error; });
    console.log(`${name}: ${Math.round(performance.now() - start)} ms`);
  };
  for (const [kind, url, all] of [["served", server, { ...checks, ...checksOfPage }], ["published", files.url, checks]]) {
    for (const [name, check] of Object.entries(all)) await timed(`${kind}, ${name}`, () => check(browser, url));
  }
  await timed("published, changed files", () => changedFiles(browser, files.url));
  await timed("bundle", () => bundle(browser));
  await timed("published, ended server", () => endedServer(browser, files));
}).finally(() => files.stop());
