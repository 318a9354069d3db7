// Holds every conversation as a test of node:test, with a broker of its own for all of one client.
import { rejects } from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { after, before, test } from "node:test";
import { Broker } from "./broker.mjs";
import { conversation } from "./conversation.mjs";
import { within } from "./deadline.mjs";

// Node 18 has it, but not where the clients look for it.
globalThis.crypto ??= webcrypto;

export const reactors = Number(process.argv[2] ?? 1);

// `client`: its name, connect, headers, and `urlOf` a broker.
export function converse(client, options = {}) {
  let broker;
  before(async () => { broker = await Broker.start({ reactors, ...options }); });
  after(() => broker?.close());

  for (const [name, talk] of Object.entries(conversation)) {
    test(`${client.name}: ${name}`, async () => {
      const connections = [];
      const world = {
        headers: client.headers,
        restart: () => broker.restart(),
        connect: async (more = {}) => {
          connections.push(await client.connect({
            servers: client.urlOf(broker), maxReconnectAttempts: -1, reconnectTimeWait: 20, ...more,
          }));
          return connections.at(-1);
        },
      };
      try {
        await within(talk(world), name);
      } finally {
        await Promise.allSettled(connections.map((connection) => connection.close()));
      }
    });
  }
}

// Of "s3cret", at the lowest cost.
const kBcrypt = "$2a$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG";
const kLocks = {
  "a password": ['user: ada, password: "s3cret"', { user: "ada", pass: "s3cret" }, { user: "ada", pass: "no" }],
  "a bcrypt password": [`user: ada, password: "${kBcrypt}"`, { user: "ada", pass: "s3cret" }, { user: "ada" }],
  "a token": ['token: "s3cret"', { token: "s3cret" }, { token: "no" }],
};

export function unlock(client) {
  for (const [lock, [authorization, right, wrong]] of Object.entries(kLocks)) {
    test(`${client.name}: ${lock} opens, a wrong one does not`, async () => {
      const broker = await Broker.start({ reactors, authorization });
      try {
        const dial = (credentials) => client.connect({ servers: client.urlOf(broker), ...credentials });
        const connection = await within(dial(right), "connecting");
        await within(connection.flush(), "flush");
        await connection.close();
        const refused = /authorization/i;
        await within(rejects(dial(wrong), (error) => refused.test(`${error.name} ${error.code} ${error}`)),
                     "being refused");
      } finally {
        await broker.close();
      }
    });
  }
}
