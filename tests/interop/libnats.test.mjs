// The C client of the NATS authors, as Debian ships it. It speaks in libnats_client.c; this starts
// brokers for it, and restarts one under it.
//
//   LIBNATS_CLIENT=path/to/libnats_client node --test-reporter=tap libnats.test.mjs [reactors]
import { deepEqual, equal } from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { Broker } from "./broker.mjs";
import { within } from "./deadline.mjs";

const reactors = Number(process.argv[2] ?? 1);

// Runs one conversation; `onLine` hears what the client says on the way and may write to it.
async function talk(name, onLine = () => {}) {
  const broker = await Broker.start({ reactors });
  const child = spawn(process.env.LIBNATS_CLIENT, [broker.url, name]);
  try {
    let complaint = "";
    child.stderr.on("data", (chunk) => { complaint += chunk; });
    const lines = createInterface({ input: child.stdout });
    const failed = new Promise((_, reject) => {
      child.once("error", reject);
      lines.on("line", (line) =>
        Promise.resolve(onLine(line, broker, child)).catch(reject));
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    const status = await within(Promise.race([ended, failed]), name);
    deepEqual([status, complaint], [0, ""]);
  } finally {
    child.kill("SIGKILL");
    await broker.close();
  }
}

for (const name of ["sizes", "headers", "requests", "queues", "unsubscribes"]) {
  test(`libnats: ${name}`, () => talk(name));
}

test("libnats: reconnects after a restart of the broker, with its subscription", async () => {
  let back = 0;
  await talk("reconnect", async (line, broker, child) => {
    if (line === "restart") await broker.restart();
    if (line === "back" && ++back === 2) child.stdin.write("go\n");
  });
  equal(back, 2);
});
