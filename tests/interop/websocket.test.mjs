// The same two generations of clients over WebSocket, in Node: plain frames and permessage-deflate.
//
//   node --test-reporter=tap websocket.test.mjs [reactors]
import * as core from "@nats-io/nats-core";
import * as natsws from "nats.ws";
import { WebSocket } from "ws";
import { converse, unlock } from "./node_conversations.mjs";

// Node has its own from 22 on; `ws` is stricter than it about the protocol.
globalThis.WebSocket = WebSocket;

const urlOf = (broker) => broker.websocketUrl;

for (const client of [
  { name: "nats-core", connect: core.wsconnect, headers: core.headers, urlOf },
  { name: "nats.ws", connect: natsws.connect, headers: natsws.headers, urlOf },
]) {
  converse(client);
  converse({ ...client, name: `${client.name}, compressed` }, { compression: true });
  unlock(client);
}
