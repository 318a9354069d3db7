// The broker under test: a process on ports of the kernel's choice that keeps them over a restart.
//
// Which one: $INTEROP_SERVER (say, the genuine nats-server, to try the tests themselves), else
// $PIPIT_SERVER (meson sets it to the binary it built), else the release build.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { within } from "./deadline.mjs";

const binary = process.env.INTEROP_SERVER || process.env.PIPIT_SERVER ||
  fileURLToPath(new URL("../../build/release/pipit", import.meta.url));

const isGenuine = /^nats-server/.test(String(spawnSync(binary, ["-v"]).stdout));

export class Broker {
  #directory = mkdtempSync(join(tmpdir(), "pipit-interop-"));
  #options;
  #ports = { tcp: -1, websocket: -1, monitor: -1 };
  #child;
  #exit;
  #log = "";

  // reactors: threads of a Pipit; compression: permessage-deflate; authorization: text of that block;
  // tls, websocketTls: texts of such blocks; https: monitoring by it; jetstream: with a store that
  // stays over restarts.
  static async start({ reactors = 1, compression = false, authorization = "", tls = "",
                       websocketTls = "", https = false, jetstream = false } = {}) {
    const broker = new Broker();
    broker.#options = { reactors, compression, authorization, tls, websocketTls, https, jetstream };
    try {
      await broker.#launch();
    } catch (error) {
      await broker.close();
      throw error;
    }
    return broker;
  }

  get url() { return `nats://127.0.0.1:${this.#ports.tcp}`; }
  get websocketUrl() {
    const scheme = this.#options.websocketTls ? "wss" : "ws";
    return `${scheme}://127.0.0.1:${this.#ports.websocket}`;
  }
  get monitorUrl() { return `https://127.0.0.1:${this.#ports.monitor}`; }

  // Every connection is cut; clients find the new process where the old one was.
  async restart() {
    await this.#terminate();
    await this.#launch();
  }

  // The same by SIGKILL, which lets it finish nothing.
  async crash() {
    const [child, exit] = [this.#child, this.#exit];
    this.#child = undefined;
    child.kill("SIGKILL");
    await within(exit, "end of the broker by SIGKILL");
    await this.#launch();
  }

  async close() {
    try {
      await this.#terminate();
    } finally {
      rmSync(this.#directory, { recursive: true, force: true });
    }
  }

  #config() {
    const { reactors, compression, authorization, tls, websocketTls, https, jetstream } =
      this.#options;
    return [
      `listen: "127.0.0.1:${this.#ports.tcp}"`,
      `ports_file_dir: "${this.#directory}"`,
      `websocket { listen: "127.0.0.1:${this.#ports.websocket}", ${websocketTls || "no_tls: true"},`,
      `  compression: ${compression} }`,
      authorization && `authorization { ${authorization} }`,
      tls,
      jetstream ? `jetstream { store_dir: "${join(this.#directory, "store")}" }` : "",
      https ? `https: "127.0.0.1:${this.#ports.monitor}"` : "",
      isGenuine ? "" : `reactors: ${reactors}`,
      "",
    ].join("\n");
  }

  async #launch() {
    const file = join(this.#directory, "broker.conf");
    writeFileSync(file, this.#config());
    const watcher = watch(this.#directory);
    try {
      this.#child = spawn(binary, ["-c", file], { stdio: ["ignore", "pipe", "pipe"] });
      const keep = (chunk) => { this.#log = (this.#log + chunk).slice(-10_000); };
      this.#child.stdout.on("data", keep);
      this.#child.stderr.on("data", keep);
      this.#exit = new Promise((resolve) => {
        this.#child.once("error", (error) => resolve(String(error)));
        this.#child.once("close", (code, signal) => resolve(signal ?? code));
      });
      const early = this.#exit.then((how) => { throw new Error(`ended with ${how}`); });
      await within(Promise.race([early, this.#portsFile(watcher)]), "start of the broker");
    } catch (error) {
      this.#child?.kill("SIGKILL");
      this.#child = undefined;
      throw new Error(`${binary}: ${error.message}\n${this.#log}`);
    } finally {
      watcher.close();
    }
  }

  #portsFile(watcher) {
    return new Promise((resolve) => {
      const look = () => {
        const name = readdirSync(this.#directory).find((entry) =>
          entry.endsWith(`_${this.#child.pid}.ports`));
        const text = name && readFileSync(join(this.#directory, name), "utf8");
        if (!text) return;
        let ports;
        try {
          ports = JSON.parse(text);
        } catch {
          return;  // the genuine server does not write it at once; there will be another event
        }
        const port = ([url]) => Number(new URL(url).port);
        this.#ports = { tcp: port(ports.nats), websocket: port(ports.websocket),
                        monitor: ports.monitoring?.length ? port(ports.monitoring) : -1 };
        resolve();
      };
      watcher.on("change", look);
      look();
    });
  }

  // A broker that was asked to end and does not, or not well, has failed the test that used it.
  async #terminate() {
    if (!this.#child) return;
    const [child, exit] = [this.#child, this.#exit];
    this.#child = undefined;
    child.kill("SIGTERM");
    let how;
    try {
      how = await within(exit, "end of the broker");
    } finally {
      child.kill("SIGKILL");
    }
    // The genuine server reports SIGTERM as 1, Pipit as 0.
    if (how !== 0 && !(isGenuine && how === 1)) {
      throw new Error(`${binary} ended with ${how}\n${this.#log}`);
    }
  }
}
