// TLS with what others have: the Node clients over TCP and wss, libnats, Chromium, curl and OpenSSL's
// s_client; with and without client certificates, a wrong authority, session resumption.
//
//   LIBNATS_CLIENT=path/to/libnats_client node --test-reporter=tap tls.test.mjs [reactors]
import * as core from "@nats-io/nats-core";
import * as transport from "@nats-io/transport-node";
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { webcrypto } from "node:crypto";
import { after, test } from "node:test";
import { connect as dialTcp } from "node:net";
import { connect as dialTls } from "node:tls";
import { promisify } from "node:util";
import { WebSocket } from "ws";
import { Broker } from "./broker.mjs";
import { Certificates } from "./certificates.mjs";
import { Chromium } from "./chromium.mjs";
import { within } from "./deadline.mjs";
import { converse, reactors } from "./node_conversations.mjs";
import { PageServer } from "./page_server.mjs";

globalThis.crypto ??= webcrypto;
const run = promisify(execFile);
const certificates = new Certificates();
after(() => certificates.remove());

const ca = certificates.text("ca.pem");
const own = { cert: certificates.text("client.pem"), key: certificates.text("client.key") };
const verify = `verify: true, ca_file: "${certificates.path("ca.pem")}"`;

// `wss` has no place for an authority: it goes in where the client makes its socket.
globalThis.WebSocket = class extends WebSocket {
  static options = { ca };
  constructor(url, protocols) { super(url, protocols, globalThis.WebSocket.options); }
};

async function withBroker(options, use) {
  const broker = await Broker.start({ reactors, ...options });
  try {
    await within(use(broker), "the test");
  } finally {
    await broker.close();
  }
}

async function talks(connection) {
  const subscription = connection.subscribe("tls.test", { max: 1 });
  connection.publish("tls.test", "over TLS");
  for await (const message of subscription) equal(message.string(), "over TLS");
  await connection.close();
}

const urlOf = (broker) => broker.url;
converse({ name: "transport-node, tls", headers: transport.headers, urlOf,
           connect: (options) => transport.connect({ ...options, tls: { ca } }) },
         { tls: certificates.block() });
converse({ name: "nats-core, wss", headers: core.headers, urlOf: (broker) => broker.websocketUrl,
           connect: core.wsconnect },
         { websocketTls: certificates.block(), compression: true });

test("transport-node: TLS first, by the server's will or by its patience", async () => {
  for (const first of ["true", "auto"]) {
    await withBroker({ tls: certificates.block(`handshake_first: ${first}`) }, async (broker) => {
      const servers = broker.url;
      await talks(await transport.connect({ servers, tls: { ca, handshakeFirst: true } }));
      if (first === "auto") await talks(await transport.connect({ servers, tls: { ca } }));
    });
  }
});

test("transport-node: with and without TLS on one port", async () => {
  const tls = `allow_non_tls: true\n${certificates.block()}`;
  await withBroker({ tls }, async (broker) => {
    const servers = broker.url;
    await talks(await transport.connect({ servers, tls: { ca } }));
    await talks(await transport.connect({ servers, tls: null }));
  });
});

test("transport-node: a client certificate is asked for and judged", async () => {
  await withBroker({ tls: certificates.block(verify) }, async (broker) => {
    const servers = broker.url;
    const dial = (tls) => transport.connect({ servers, tls, reconnect: false });
    const stranger = { cert: certificates.text("stranger.pem"), key: certificates.text("stranger.key") };
    await talks(await dial({ ca, ...own }));
    await rejects(dial({ ca }));
    await rejects(dial({ ca, ...stranger }));
    await rejects(dial({ ca: certificates.text("stranger.pem"), ...own }));  // it refuses us
  });
});

test("nats-core, wss: a client certificate is asked for and judged", async () => {
  await withBroker({ websocketTls: certificates.block(verify) }, async (broker) => {
    const dial = (options) => {
      globalThis.WebSocket.options = options;
      return core.wsconnect({ servers: broker.websocketUrl, reconnect: false });
    };
    try {
      await talks(await dial({ ca, ...own }));
      await rejects(dial({ ca }));
      await rejects(dial({ ca: certificates.text("stranger.pem"), ...own }));
    } finally {
      globalThis.WebSocket.options = { ca };
    }
  });
});

test("libnats: its conversations over TLS, with a certificate of its own", async () => {
  if (!process.env.LIBNATS_CLIENT) return;
  const env = { ...process.env, NATS_CA: certificates.path("ca.pem"),
                NATS_CERT: certificates.path("client.pem"), NATS_KEY: certificates.path("client.key") };
  for (const more of ["", verify]) {
    await withBroker({ tls: certificates.block(more) }, async (broker) => {
      for (const name of ["sizes", "requests", "queues"]) {
        const child = spawn(process.env.LIBNATS_CLIENT, [broker.url, name], { env });
        let complaint = "";
        child.stderr.on("data", (chunk) => { complaint += chunk; });
        const status = await new Promise((resolve) => child.once("close", resolve));
        deepEqual([status, complaint], [0, ""]);
      }
    });
  }
});

test("Chromium talks over wss", async () => {
  const chromium = await Chromium.start([`--ignore-certificate-errors-spki-list=${certificates.serverSpki}`]);
  try {
    await withBroker({ websocketTls: certificates.block(), compression: true }, async (broker) => {
      const page = await PageServer.start(() => broker.restart());
      try {
        await chromium.open(page.url);
        for (const name of ["payloads of every size up to the limit arrive whole and in order",
                            "after a restart of the broker clients are back with their subscriptions"]) {
          const call = ["nats-core", broker.websocketUrl, name].map((part) => JSON.stringify(part));
          await chromium.evaluate(`converse(${call.join(", ")})`);
        }
      } finally {
        await page.close();
      }
    });
  } finally {
    await chromium.close();
  }
});

test("curl: monitoring by https, and an upgrade by wss", async () => {
  await withBroker({ tls: certificates.block(verify), websocketTls: certificates.block(), https: true },
                   async (broker) => {
    const trusted = ["-sS", "--max-time", "20", "--cacert", certificates.path("ca.pem")];
    const { stdout } = await run("curl", [...trusted, `${broker.monitorUrl}/varz`]);
    equal(JSON.parse(stdout).tls_verify, true);
    await rejects(run("curl", ["-sS", "--cacert", certificates.path("stranger.pem"), broker.monitorUrl]));
    const plain = await run("curl", ["-sS", "--max-time", "20", "--http0.9",
                                     broker.monitorUrl.replace("https:", "http:")]);
    match(plain.stdout, /HTTP request to an HTTPS server/);
    // It waits for more frames until its time is over.
    const upgrade = run("curl", ["-sS", "--include", "--no-buffer", "--http1.1", "--max-time", "2",
      "--cacert", certificates.path("ca.pem"),
      "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13",
      "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      broker.websocketUrl.replace("wss:", "https:")]);
    const said = await upgrade.catch((error) => error);
    match(said.stdout, /^HTTP\/1.1 101 /);
    match(said.stdout, /INFO \{.*"tls_required":true/);
  });
});

// What s_client prints of a session with `port`.
async function sClient(port, ...more) {
  const child = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${port}`,
                                  "-CAfile", certificates.path("ca.pem"), ...more]);
  let text = "";
  child.stdout.on("data", (chunk) => { text += chunk; });
  child.stderr.on("data", (chunk) => { text += chunk; });
  child.stdin.end("Q\n");
  await within(new Promise((resolve) => child.once("close", resolve)), "s_client");
  return text;
}

test("OpenSSL: a certificate that verifies, tickets, and no TLS 1.1", async () => {
  await withBroker({ tls: certificates.block("handshake_first: true") }, async (broker) => {
    const port = new URL(broker.url).port;
    const text = await sClient(port, "-tls1_2", "-reconnect");
    match(text, /Verify return code: 0 \(ok\)/);
    equal(text.match(/^New, TLSv1.2/gm).length, 1);
    equal(text.match(/^Reused, TLSv1.2/gm).length, 5);
    match(await sClient(port, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"), /alert protocol version/);
  });
});

test("a ticket of one listener opens no other", async () => {
  await withBroker({ tls: certificates.block("handshake_first: true"),
                     websocketTls: certificates.block() }, async (broker) => {
    const dial = (url, session) => new Promise((resolve, reject) => {
      const socket = dialTls({ host: "127.0.0.1", port: new URL(url).port, ca, session,
                               maxVersion: "TLSv1.2" });
      socket.once("secureConnect", () => {
        resolve({ ticket: socket.getSession(), resumed: socket.isSessionReused() });
        socket.destroy();
      });
      socket.once("error", reject);
    });
    const { ticket, resumed } = await dial(broker.url);
    equal(resumed, false);
    equal((await dial(broker.url, ticket)).resumed, true);
    equal((await dial(broker.websocketUrl, ticket)).resumed, false);
  });
});

test("clients that stop in the middle of a handshake are cut, and cost nobody else", async () => {
  await withBroker({ tls: certificates.block("timeout: 1") }, async (broker) => {
    const port = new URL(broker.url).port;
    const stopped = Array.from({ length: 50 }, () => new Promise((resolve) => {
      const socket = dialTcp(port, "127.0.0.1");
      socket.once("data", () => socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1])));
      socket.once("close", resolve);
    }));
    await talks(await transport.connect({ servers: broker.url, tls: { ca } }));
    await Promise.all(stopped);
  });
});
