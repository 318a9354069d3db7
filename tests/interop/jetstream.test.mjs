// JetStream's official clients: @nats-io/jetstream from Node over TCP and from Chromium over WebSocket,
// and libnats from C. Each manages streams, and publishes 100,000 messages without waiting for each
// while the broker is killed; afterwards every message that was acknowledged is there, once.
//
//   LIBNATS_JETSTREAM=path node --test-reporter=tap jetstream.test.mjs [reactors]
import * as jetstream from "@nats-io/jetstream";
import * as transport from "@nats-io/transport-node";
import { deepEqual, equal } from "node:assert/strict";
import { spawn } from "node:child_process";
import { webcrypto } from "node:crypto";
import { after, test } from "node:test";
import { Broker } from "./broker.mjs";
import { Chromium } from "./chromium.mjs";
import { within } from "./deadline.mjs";
import { PageServer } from "./page_server.mjs";
import { bodyOf, manage, publishAll } from "./streams.mjs";

globalThis.crypto ??= webcrypto;
const reactors = Number(process.argv[2] ?? 1);
const kMessages = 100_000;
const kLimitMs = 200_000;
const kReadAtOnce = 500;

const broker = await Broker.start({ reactors, jetstream: true });
const connection = await connect();
const manager = await jetstream.jetstreamManager(connection);
after(async () => {
  await connection.close();
  await broker.close();
});

function connect() {
  return transport.connect({ servers: broker.url, maxReconnectAttempts: -1, reconnectTimeWait: 20 });
}

async function addStream(name) {
  await manager.streams.add({ name, subjects: [name], allow_direct: true });
}

// A SIGKILL and a new start; `connection` is back then.
async function crash() {
  await broker.crash();
  const back = async () => {
    while (!(await connection.rtt().catch(() => undefined))) {
      await new Promise((resolve) => { setTimeout(resolve, 5); });
    }
  };
  await within(back(), "connection to the new broker");
}

// Once the stream holds so many messages.
async function holds(name, count) {
  while ((await manager.streams.info(name)).state.messages < count) {
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
}

// While `publishing`, a SIGKILL with much on its way; the value of `publishing`.
async function overACrash(name, publishing) {
  const crashMeanwhile = async () => {
    await within(holds(name, kMessages / 3), `a third of ${name}`, kLimitMs);
    await crash();
  };
  const [value] = await within(Promise.all([publishing, crashMeanwhile()]), name, kLimitMs);
  return value;
}

// All messages are there, once, each with its bytes; at `sequences[number]`, where they are known.
async function check(name, sequences) {
  // Once more: what is read is on disk.
  await crash();
  const { state } = await manager.streams.info(name);
  equal(state.messages, kMessages);
  const bodies = new Map();
  const last = state.last_seq;
  let next = state.first_seq;
  const reader = async () => {
    for (let seq; (seq = next++) <= last;) {
      const message = await connection.request(`$JS.API.DIRECT.GET.${name}`, JSON.stringify({ seq }),
                                               { timeout: 20_000 });
      if (message.headers?.code !== 404) bodies.set(seq, message.string());
    }
  };
  await Promise.all(Array.from({ length: kReadAtOnce }, reader));
  equal(bodies.size, kMessages);
  const text = (number) => new TextDecoder().decode(bodyOf(number));
  if (sequences) {
    for (let number = 0; number < kMessages; ++number) equal(bodies.get(sequences[number]), text(number));
  } else {
    const wanted = new Set(Array.from({ length: kMessages }, (_, number) => text(number)));
    for (const body of bodies.values()) equal(wanted.delete(body), true, body);
    equal(wanted.size, 0);
  }
  await manager.streams.delete(name);
}

test("@nats-io/jetstream in Node: streams", () => manage(jetstream, connection));

test(`@nats-io/jetstream in Node: ${kMessages} messages over a crash`, async () => {
  await addStream("node");
  const publisher = await connect();
  const sequences = await overACrash("node",
    publishAll(jetstream.jetstream(publisher), "node", kMessages));
  await publisher.close();
  await check("node", sequences);
});

test("@nats-io/jetstream in Chromium: streams, and messages over a crash", async () => {
  const chromium = await Chromium.start();
  const page = await PageServer.start(() => broker.restart());
  try {
    await chromium.open(page.url);
    const url = JSON.stringify(broker.websocketUrl);
    await chromium.evaluate(`manageStreams(${url})`);
    await addStream("page");
    const sequences = await overACrash("page",
      chromium.evaluate(`publishAll(${url}, "page", ${kMessages})`, kLimitMs));
    await check("page", sequences);
  } finally {
    await chromium.close();
    await page.close();
  }
});

test(`libnats: streams, and ${kMessages} messages over a crash`, async () => {
  const child = spawn(process.env.LIBNATS_JETSTREAM, [broker.url, "libnats", String(kMessages)]);
  let complaint = "";
  child.stderr.on("data", (chunk) => { complaint += chunk; });
  const ended = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  try {
    // It begins with the stream, which ends the wait for it.
    const made = async () => {
      while (!(await manager.streams.info("libnats").catch(() => undefined))) {
        await new Promise((resolve) => { setTimeout(resolve, 5); });
      }
    };
    await within(made(), "stream of libnats");
    deepEqual([await overACrash("libnats", ended), complaint], [0, ""]);
    await check("libnats");
  } finally {
    child.kill("SIGKILL");
  }
});
