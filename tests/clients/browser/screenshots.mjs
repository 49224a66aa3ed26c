// Takes the pictures of the manual. Arguments: the URL of a server, and the directory for the pictures.
import { join } from "node:path";
import { PHONE, withBrowser } from "./browser.mjs";

const [server, directory] = process.argv.slice(2);
const PLACE = "8453/4000000038/2";
const BOOK = { width: 760, height: 900 };
const WIDE = { width: 900, height: 900 };

await withBrowser(async (browser) => {
  // The part of the page from the top of one element to the end of another, or what a window shows.
  const take = async (name, viewport, colorScheme, parts, prepare = async () => {}) => {
    const context = await browser.newContext({ viewport, colorScheme });
    const page = await context.newPage();
    await page.goto(server + "#" + PLACE);
    await page.locator("#verdict.good").waitFor();
    await page.selectOption("#target", "messageRoot");
    await page.locator("#life", { hasText: "interopRoots" }).waitFor();
    await prepare(page);
    await page.evaluate(() => document.activeElement.blur());
    const clip = parts && await page.evaluate(([first, last]) => {
      const [top, end] = [document.querySelector(first), document.querySelector(last)].map((element) => element.getBoundingClientRect());
      return { x: 0, y: window.scrollY + top.top - 12, width: window.innerWidth, height: end.bottom - top.top + 24 };
    }, parts);
    await page.screenshot({ path: join(directory, name), clip, fullPage: Boolean(parts) });
    await context.close();
  };
  await take("page-proof.png", BOOK, "light", ["#verdict", "#facts"]);
  await take("page-refused.png", BOOK, "light", ["#verdict", "#life"], async (page) => {
    const record = await page.inputValue("#record");
    await page.fill("#record", record.replace(/(\w)("\s*\],\s*"target")/, (_, digit, rest) => (digit === "7" ? "8" : "7") + rest));
    await page.locator("#verdict.bad").waitFor();
  });
  await take("page-overview.png", WIDE, "dark", ["#over-title", "#plots"]);
  await take("page-phone.png", PHONE, "dark");
});
