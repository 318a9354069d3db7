// A program that embeds Pipit and serves a web page on the same port: the page's script in a real
// browser, and the official client for WebSocket, talk to the program.
//
//   WEB_PORT=build/debug/docs/examples/web_port node --test-reporter=tap web_port.test.mjs
import { wsconnect } from "@nats-io/nats-core";
import { equal } from "node:assert/strict";
import { spawn } from "node:child_process";
import { webcrypto } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { Chromium } from "./chromium.mjs";
import { within } from "./deadline.mjs";

globalThis.crypto ??= webcrypto;
globalThis.WebSocket = WebSocket;
const page = fileURLToPath(new URL("../../docs/examples/hello.html", import.meta.url));
const program = spawn(process.env.WEB_PORT, ["0", page], { stdio: ["pipe", "pipe", "inherit"] });
const exit = once(program, "close");
const [url] = await within(once(createInterface({ input: program.stdout }), "line"), "start of web_port");
const servers = url.replace("http:", "ws:").replace(/\/$/, "");
after(async () => {
  program.stdin.end();
  equal((await within(exit, "end of web_port"))[0], 0);
});

test("a page served by the program talks NATS to it over the page's port", async () => {
  const chromium = await Chromium.start();
  try {
    await chromium.open(url);
    await chromium.shown("status", `connected to ${servers}`);
    await chromium.evaluate(`document.querySelector("#publish button").click()`);
    await chromium.shown("messages", "hello.program the program heard Hello from a browser");
  } finally {
    await chromium.close();
  }
});

test("the official client talks to the program over the page's port", async () => {
  const connection = await wsconnect({ servers });
  const subscription = connection.subscribe("hello.program", { max: 1 });
  connection.publish("hello.node", "Grüße");
  for await (const message of subscription) equal(message.string(), "the program heard Grüße");
  await connection.close();
});
