// A headless Chromium and one page in it, driven over the DevTools protocol: opens a URL, evaluates
// expressions there and waits for their promises.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import { within } from "./deadline.mjs";

export class Chromium {
  #profile = mkdtempSync(join(tmpdir(), "pipit-chromium-"));
  #child;
  #exit;
  #socket;
  #calls = new Map();
  #lastId = 0;
  #session;

  // With `more` on its command line.
  static async start(more = []) {
    const chromium = new Chromium();
    try {
      await chromium.#launch(more);
    } catch (error) {
      await chromium.close();
      throw error;
    }
    return chromium;
  }

  async open(url) {
    const { targetId } = await this.#call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.#call("Target.attachToTarget", { targetId, flatten: true });
    this.#session = sessionId;
    await this.#call("Page.enable");
    const loaded = new Promise((resolve) => { this.onload = resolve; });
    const { errorText } = await this.#call("Page.navigate", { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await within(loaded, `loading ${url}`);
  }

  // The value of a JavaScript expression in the page; what it promises is waited for.
  async evaluate(expression, limitMs) {
    const { result, exceptionDetails } = await this.#call("Runtime.evaluate",
      { expression, awaitPromise: true, returnByValue: true }, limitMs);
    if (!exceptionDetails) return result.value;
    throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  }

  // Resolves once the element with this id shows `text`.
  shown(id, text) {
    return this.evaluate(`new Promise((resolve) => {
      const element = document.getElementById(${JSON.stringify(id)});
      const look = () => { if (element.textContent.includes(${JSON.stringify(text)})) resolve(); };
      new MutationObserver(look).observe(element, { childList: true, subtree: true });
      look();
    })`);
  }

  async close() {
    this.#child?.kill("SIGTERM");
    try {
      if (this.#child) await within(this.#exit, "end of chromium");
    } finally {
      this.#child?.kill("SIGKILL");
      rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  async #launch(more) {
    this.#child = spawn(process.env.CHROMIUM || "chromium", [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--disable-extensions", "--remote-debugging-port=0", `--user-data-dir=${this.#profile}`,
      ...more,
    ], { stdio: ["ignore", "ignore", "pipe"] });
    this.#exit = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(String(error)));
      this.#child.once("close", resolve);
    });
    const early = this.#exit.then((how) => { throw new Error(`chromium ended with ${how}`); });
    const url = await within(Promise.race([early, this.#debuggerUrl()]), "start of chromium");
    this.#socket = new WebSocket(url, { perMessageDeflate: false });
    this.#socket.on("message", (data) => this.#receive(JSON.parse(data)));
    await within(new Promise((resolve, reject) => {
      this.#socket.once("open", resolve);
      this.#socket.once("error", reject);
    }), "connection to chromium");
  }

  async #debuggerUrl() {
    for await (const line of createInterface({ input: this.#child.stderr })) {
      const match = /^DevTools listening on (ws:.*)$/.exec(line);
      if (!match) continue;
      this.#child.stderr.resume();
      return match[1];
    }
    return new Promise(() => {});  // its end is told by #exit
  }

  #call(method, params = {}, limitMs) {
    const id = ++this.#lastId;
    const answer = new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
    this.#socket.send(JSON.stringify({ id, method, params, sessionId: this.#session }));
    return within(answer, method, limitMs);
  }

  #receive({ id, result, error, method }) {
    if (method === "Page.loadEventFired") this.onload?.();
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    if (error) call.reject(new Error(error.message));
    else call.resolve(result);
  }
}
