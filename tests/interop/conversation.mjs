// What every client in JavaScript has to be able to say to a broker and to hear from it. The same
// functions run in Node and in a page, so they use nothing but the language and the client.
//
// `world` is where a conversation takes place:
//   connect(options)  a new connection by the client under test
//   headers()         an empty set of headers of that client
//   restart()         ends the broker and starts it again on the same ports; both wait for it

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytes = (text) => encoder.encode(text);
const text = (message) => decoder.decode(message.data);

function equal(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a}, expected ${b}`);
}

async function collect(subscription, count) {
  const messages = [];
  for await (const message of subscription) {
    messages.push(message);
    if (messages.length === count) break;
  }
  return messages;
}

// Two different connections, so that most messages of a test pass from one to another.
async function pair(world) {
  return [await world.connect(), await world.connect()];
}

// Answers on `subject` until the connection closes.
async function answer(connection, subject, reply) {
  connection.subscribe(subject, {
    callback: (error, message) => { if (!error) reply(message); },
  });
  await connection.flush();
}

function patterned(size) {
  const data = new Uint8Array(size);
  for (let i = 0; i < size; ++i) data[i] = (i * 31 + (i >> 8)) & 255;
  return data;
}

function isPatterned(data, size) {
  if (data.length !== size) return false;
  return data.every((byte, i) => byte === ((i * 31 + (i >> 8)) & 255));
}

const noResponders = (error) => error.code === "503" || error.isNoResponders?.() === true ||
  error.cause?.isNoResponders?.() === true;

export const conversation = {
  async "a message arrives with subject, reply, headers and bytes"(world) {
    const [a, b] = await pair(world);
    const subscription = a.subscribe("greet.*", { max: 1 });
    await a.flush();
    const headers = world.headers();
    headers.append("Colour", "blue");
    headers.append("Colour", "green");
    b.publish("greet.you", bytes("hello"), { headers, reply: "answers" });
    const [message] = await collect(subscription, 1);
    equal([message.subject, message.reply, text(message)], ["greet.you", "answers", "hello"], "message");
    equal(message.headers.values("Colour"), ["blue", "green"], "headers");
  },

  async "payloads of every size up to the limit arrive whole and in order"(world) {
    const [a, b] = await pair(world);
    // nats-server holds what a compressed frame inflates to, with the line, to max_payload as well:
    // hence room for a line, and each in a frame of its own.
    const limit = b.info.max_payload - 64;
    const sizes = [0, 1, 124, 125, 126, 127, 4080, 4095, 4096, 4097, 32768, 65534, 65535, 65536,
                   65537, 300_000, limit];
    const subscription = a.subscribe("sizes");
    await a.flush();
    for (const size of sizes) {
      b.publish("sizes", patterned(size));
      await b.flush();
    }
    const messages = await collect(subscription, sizes.length);
    messages.forEach((message, i) => {
      if (!isPatterned(message.data, sizes[i])) throw new Error(`payload of ${sizes[i]} differs`);
    });
  },

  async "wildcards select"(world) {
    const [a, b] = await pair(world);
    const seen = { star: [], tail: [], literal: [] };
    const listen = (key, subject) => a.subscribe(subject, {
      callback: (_, message) => seen[key].push(message.subject),
    });
    listen("star", "w.*.z");
    listen("tail", "w.>");
    listen("literal", "w.a.z");
    await a.flush();
    for (const subject of ["w.a.z", "w.b.z", "w.a.b.z", "w", "x.a.z"]) b.publish(subject);
    await b.flush();
    await a.flush();
    equal(seen, { star: ["w.a.z", "w.b.z"], tail: ["w.a.z", "w.b.z", "w.a.b.z"], literal: ["w.a.z"] },
          "subjects");
  },

  async "requests are answered, a hundred at once"(world) {
    const [a, b] = await pair(world);
    await answer(a, "double", (message) => message.respond(bytes(String(2 * text(message)))));
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    const answers = await Promise.all(numbers.map((i) =>
      b.request("double", bytes(String(i)), { timeout: 20_000 })));
    equal(answers.map((message) => Number(text(message))), numbers.map((i) => 2 * i), "answers");
  },

  async "one request gathers the answers of many"(world) {
    const [a, b] = await pair(world);
    for (const name of ["one", "two", "three"]) {
      await answer(a, "roll", (message) => message.respond(bytes(name)));
    }
    const answers = await b.requestMany("roll", new Uint8Array(),
      { strategy: "count", maxMessages: 3, maxWait: 20_000 });
    const names = [];
    for await (const message of answers) names.push(text(message));
    equal(names.sort(), ["one", "three", "two"], "answers");
  },

  async "a request that nobody listens to fails at once"(world) {
    const connection = await world.connect();
    let failure;
    await connection.request("nobody.there", new Uint8Array(), { timeout: 20_000 })
      .catch((error) => { failure = error; });
    if (!failure || !noResponders(failure)) throw new Error(`not "no responders": ${failure}`);
  },

  async "a queue group shares every message out once"(world) {
    const count = 600;
    const members = await Promise.all(Array.from({ length: 4 }, () => world.connect()));
    const shares = members.map(() => []);
    members.forEach((member, i) => member.subscribe("work", {
      queue: "workers",
      callback: (_, message) => shares[i].push(Number(text(message))),
    }));
    for (const member of members) await member.flush();
    const publisher = await world.connect();
    for (let i = 0; i < count; ++i) publisher.publish("work", bytes(String(i)));
    await publisher.flush();
    for (const member of members) await member.flush();
    // A flush does not fence what crosses from another connection: wait for the last to arrive.
    await settled(() => shares.flat().length >= count);
    equal(shares.flat().sort((a, b) => a - b), Array.from({ length: count }, (_, i) => i), "work");
    shares.forEach((share) => {
      if (share.length === 0) throw new Error("a member got nothing");
      equal(share, [...share].sort((a, b) => a - b), "order of one member");
    });
  },

  async "a subscription ends after the messages it asked for"(world) {
    const [a, b] = await pair(world);
    const subscription = a.subscribe("few", { max: 3 });
    const after = a.subscribe("few.end");
    await a.flush();
    for (let i = 0; i < 10; ++i) b.publish("few", bytes(String(i)));
    b.publish("few.end");
    const got = [];
    for await (const message of subscription) got.push(text(message));
    await collect(after, 1);
    equal(got, ["0", "1", "2"], "messages");
  },

  async "what was unsubscribed stays silent"(world) {
    const [a, b] = await pair(world);
    const got = [];
    const listen = () => a.subscribe("quiet", { callback: (_, message) => got.push(text(message)) });
    const subscription = listen();
    const end = a.subscribe("quiet.end");
    await a.flush();
    b.publish("quiet", bytes("heard"));
    await b.flush();
    await settled(() => got.length === 1);
    subscription.unsubscribe();
    await a.flush();
    b.publish("quiet", bytes("not heard"));
    b.publish("quiet.end");
    await collect(end, 1);
    equal(got, ["heard"], "messages");
  },

  async "draining delivers what was under way"(world) {
    const [a, b] = await pair(world);
    const count = 2000;
    let got = 0;
    a.subscribe("drain", { callback: () => { ++got; } });
    await a.flush();
    for (let i = 0; i < count; ++i) b.publish("drain", bytes(String(i)));
    await b.flush();
    await a.drain();
    // All of them were in the broker before the drain began.
    equal(got, count, "messages");
  },

  async "a client that wants no echo hears only others"(world) {
    const a = await world.connect({ noEcho: true });
    const b = await world.connect();
    const subscription = a.subscribe("echo");
    await a.flush();
    a.publish("echo", bytes("mine"));
    await a.flush();
    b.publish("echo", bytes("yours"));
    const [message] = await collect(subscription, 1);
    equal(text(message), "yours", "first message");
  },

  async "after a restart of the broker clients are back with their subscriptions"(world) {
    const [a, b] = await pair(world);
    await answer(a, "still.there", (message) => message.respond(message.data));
    const back = Promise.all([a, b].map(async (connection) => {
      for await (const status of connection.status()) if (status.type === "reconnect") return;
      throw new Error("the connection gave up");
    }));
    await world.restart();
    await back;
    await Promise.all([a.flush(), b.flush()]);
    const reply = await b.request("still.there", bytes("yes"), { timeout: 20_000 });
    equal(text(reply), "yes", "answer");
  },
};

// Returns when `condition` holds; the caller's time limit ends it otherwise.
async function settled(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
