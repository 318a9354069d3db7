// The clients for browsers in a real one, with compression off and on; a long exchange between the
// browser and a TCP client; and the example page that the README shows.
//
//   node --test-reporter=tap browser.test.mjs [reactors]
import * as transport from "@nats-io/transport-node";
import { equal } from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { after, test } from "node:test";
import { Broker } from "./broker.mjs";
import { Chromium } from "./chromium.mjs";
import { conversation } from "./conversation.mjs";
import { within } from "./deadline.mjs";
import { receiveAll, sendAll } from "./exchange.mjs";
import { PageServer } from "./page_server.mjs";

globalThis.crypto ??= webcrypto;
const reactors = Number(process.argv[2] ?? 1);
const kExchanged = 100_000;
const kExchangeLimitMs = 240_000;

const chromium = await Chromium.start();
let broker;
const page = await PageServer.start(() => broker.restart());
after(async () => {
  await chromium.close();
  await page.close();
  await broker?.close();
});
const literal = (...values) => values.map((value) => JSON.stringify(value)).join(", ");

for (const compression of [false, true]) {
  for (const client of ["nats-core", "nats.ws"]) {
    const label = `${client} in Chromium${compression ? ", compressed" : ""}`;
    test(`${label}: starts`, async () => {
      await broker?.close();
      broker = await Broker.start({ reactors, compression });
      await chromium.open(page.url);
    });
    for (const name of Object.keys(conversation)) {
      test(`${label}: ${name}`, () =>
        chromium.evaluate(`converse(${literal(client, broker.websocketUrl, name)})`));
    }
  }
}

test("100,000 messages each way between a TCP client and Chromium", async () => {
  await broker.close();
  broker = await Broker.start({ reactors });
  await chromium.open(page.url);
  await chromium.evaluate(`exchange(${literal("nats-core", broker.websocketUrl, kExchanged)})`);
  const connection = await transport.connect({ servers: broker.url });
  const received = receiveAll(connection, "to.tcp", kExchanged);
  await connection.flush();
  const counts = await within(Promise.all([
    received,
    chromium.evaluate("exchanged()", kExchangeLimitMs),
    sendAll(connection, "to.browser", kExchanged),
  ]), "the exchange", kExchangeLimitMs);
  equal(counts[0], kExchanged);
  equal(counts[1], kExchanged);
  await connection.close();
});

test("the example page hears a TCP client and is heard by it", async () => {
  const example = new URL("../../docs/examples/hello.html", import.meta.url);
  example.searchParams.set("server", broker.websocketUrl);
  const connection = await transport.connect({ servers: broker.url });
  await chromium.open(example.href);
  await chromium.shown("status", "listening to hello.>");

  connection.publish("hello.browser", "Grüße über TCP");
  await chromium.shown("messages", "Grüße über TCP");

  const subscription = connection.subscribe("hello.world", { max: 1 });
  await connection.flush();
  await chromium.evaluate(`document.querySelector("#publish button").click()`);
  for await (const message of subscription) equal(message.string(), "Hello from a browser");
  await chromium.shown("messages", "Hello from a browser");
  await connection.close();
});
