// Starts Chromium, and a plain server of files.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const EXECUTABLE = "/usr/bin/chromium";

// Nothing but the page may be asked for: no updates, no reports.
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

export const DESKTOP = { width: 1100, height: 900 };
export const PHONE = { width: 375, height: 740 };

// Runs `use` with a browser that has a new, empty profile.
export async function withBrowser(use) {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
  try {
    return await use(browser);
  } finally {
    await browser.close();
  }
}

// Serves a directory as any server of static files does. Returns its URL, and what ends it.
export async function serveFiles(directory) {
  const child = spawn("python3", ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", directory],
    { stdio: ["ignore", "pipe", "ignore"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /port (\d+)/.exec(line)?.[1];
    if (port) return { url: `http://127.0.0.1:${port}/`, stop: () => stopped(child) };
  }
  throw new Error("python3 -m http.server did not start");
}

function stopped(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => { child.once("exit", done); child.kill(); });
}
