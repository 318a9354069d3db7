// The page's side of browser.test.mjs: the clients, the conversations, and one end of the exchange.
// Bundled and served by page_server.mjs.
import * as jetstream from "@nats-io/jetstream";
import * as core from "@nats-io/nats-core";
import * as natsws from "nats.ws";
import { conversation } from "./conversation.mjs";
import { receiveAll, sendAll } from "./exchange.mjs";
import { manage, publishAll } from "./streams.mjs";

const clients = {
  "nats-core": { connect: core.wsconnect, headers: core.headers },
  "nats.ws": { connect: natsws.connect, headers: natsws.headers },
};

function dial(client, url, more = {}) {
  return clients[client].connect({
    servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 20, ...more,
  });
}

async function restart() {
  const answer = await fetch("/restart", { method: "POST" });
  if (!answer.ok) throw new Error(await answer.text());
}

globalThis.converse = async (client, url, name) => {
  const connections = [];
  const connect = async (more) => {
    connections.push(await dial(client, url, more));
    return connections.at(-1);
  };
  try {
    await conversation[name]({ connect, headers: clients[client].headers, restart });
  } finally {
    await Promise.allSettled(connections.map((connection) => connection.close()));
  }
};

// Resolves once it is subscribed; `exchanged` then waits for the end.
globalThis.exchange = async (client, url, count) => {
  const connection = await dial(client, url);
  const received = receiveAll(connection, "to.browser", count);
  await connection.flush();
  globalThis.exchanged = async () => {
    const [, tally] = await Promise.all([sendAll(connection, "to.tcp", count), received]);
    await connection.close();
    return tally;
  };
};

globalThis.manageStreams = async (url) => {
  const connection = await dial("nats-core", url);
  await manage(jetstream, connection);
  await connection.close();
};

// The sequences of all messages, by their numbers.
globalThis.publishAll = async (url, subject, count) => {
  const connection = await dial("nats-core", url);
  const sequences = await publishAll(jetstream.jetstream(connection), subject, count);
  await connection.close();
  return sequences;
};
