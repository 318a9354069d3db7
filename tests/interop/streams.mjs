// What a client in JavaScript does with streams, in Node and in a page alike: manages them, and publishes
// very many messages without waiting for each, over a crash of the broker.
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const kOutstanding = 1000;
const kAckTimeoutMs = 3000;  // of a publish whose broker died; it is repeated under its id
const kAttempts = 40;

export const bodyOf = (number) => encoder.encode(`message ${number} `.repeat(1 + (number % 7)));

function equal(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a}, expected ${b}`);
}

async function refused(promise, code, what) {
  const error = await promise.then(() => undefined, (reason) => reason);
  equal(error?.code, code, what);
}

// `jetstream` is the module of that name.
export async function manage({ jetstream, jetstreamManager, RetentionPolicy, DiscardPolicy }, connection) {
  const manager = await jetstreamManager(connection);
  const client = jetstream(connection);
  const created = await manager.streams.add({
    name: "managed", subjects: ["managed.>"], max_msgs_per_subject: 2, allow_direct: true,
    retention: RetentionPolicy.Limits, metadata: { purpose: "test" },
  });
  equal(created.config.max_msgs_per_subject, 2, "setting of the new stream");
  await manager.streams.add({ name: "other", subjects: ["other"] });
  const names = [];
  for await (const name of manager.streams.names()) names.push(name);
  equal(names, ["managed", "other"], "names");
  const infos = [];
  for await (const info of manager.streams.list()) infos.push(info.config.name);
  equal(infos, ["managed", "other"], "list");
  equal(await manager.streams.find("managed.a.b"), "managed", "stream of a subject");

  for (const [number, subject] of ["a", "b", "a", "a"].entries()) {
    const ack = await client.publish(`managed.${subject}`, bodyOf(number), { msgID: `id ${number}` });
    equal([ack.stream, ack.seq, ack.duplicate], ["managed", number + 1, false], "ack");
  }
  const again = await client.publish("managed.a", bodyOf(3), { msgID: "id 3" });
  equal([again.seq, again.duplicate], [4, true], "ack of a duplicate");
  await refused(client.publish("managed.a", "x", { expect: { lastSequence: 9 } }), 10071, "wrong sequence");

  const { state } = await manager.streams.info("managed", { subjects_filter: ">" });
  equal([state.messages, state.first_seq, state.last_seq], [3, 2, 4], "state");
  equal(state.subjects, { "managed.a": 2, "managed.b": 1 }, "subjects");
  const last = await manager.streams.getMessage("managed", { last_by_subj: "managed.b" });
  equal([last.seq, last.string()], [2, decoder.decode(bodyOf(1))], "last message of a subject");
  const direct = await manager.direct.getMessage("managed", { seq: 3 });
  equal([direct.seq, direct.subject, direct.string()], [3, "managed.a", decoder.decode(bodyOf(2))],
        "message by direct get");
  equal(await manager.streams.deleteMessage("managed", 3), true, "delete of a message");
  equal(await manager.streams.getMessage("managed", { seq: 3 }), null, "deleted message");

  const updated = await manager.streams.update("managed", { max_msgs: 10, discard: DiscardPolicy.New });
  equal([updated.config.max_msgs, updated.config.discard], [10, "new"], "settings after an update");
  equal((await manager.streams.purge("managed", { filter: "managed.b" })).purged, 1, "purged");
  await refused(manager.streams.add({ name: "third", subjects: ["managed.x"] }), 10065, "overlap");
  equal(await manager.streams.delete("managed"), true, "delete");
  equal(await manager.streams.delete("other"), true, "delete");
  await refused(manager.streams.info("managed"), 10059, "deleted stream");
  equal((await manager.getAccountInfo()).streams, 0, "streams left");
}

// Publishes `count` messages, up to a thousand without an ack at a time, each until it has one. Returns
// their sequences.
export async function publishAll(client, subject, count) {
  const sequences = new Array(count);
  let next = 0;
  const publish = async (number) => {
    for (let attempt = 1; ; ++attempt) {
      try {
        const options = { msgID: `m${number}`, timeout: kAckTimeoutMs };
        return (await client.publish(subject, bodyOf(number), options)).seq;
      } catch (error) {
        if (attempt === kAttempts) throw error;
        await new Promise((resolve) => { setTimeout(resolve, 50); });
      }
    }
  };
  const worker = async () => {
    for (let number; (number = next++) < count;) sequences[number] = await publish(number);
  };
  await Promise.all(Array.from({ length: kOutstanding }, worker));
  return sequences;
}
