// The clients that the NATS authors publish for Node, today's and the one before, over TCP.
//
//   node --test-reporter=tap tcp.test.mjs [reactors]
import * as transport from "@nats-io/transport-node";
import * as nats from "nats";
import { converse, unlock } from "./node_conversations.mjs";

const urlOf = (broker) => broker.url;

for (const client of [
  { name: "transport-node", connect: transport.connect, headers: transport.headers, urlOf },
  { name: "nats", connect: nats.connect, headers: nats.headers, urlOf },
]) {
  converse(client);
  unlock(client);
}
