// One direction of a long exchange: messages numbered from 0, of sizes and bytes that follow from
// the number, so that the receiver knows each one before it comes.

const kNumberBytes = 4;
// A filler longer than any message; message n takes it from position n % 251.
const kLongest = 200_000;
const filler = new Uint8Array(kLongest + 251);
for (let i = 0; i < filler.length; ++i) filler[i] = (i * 7 + (i >> 7)) & 255;

// Mostly small, some of a few KiB, a few that need many frames and a long WebSocket length.
function fillerSize(number) {
  const dice = Math.imul(number + 1, 2654435761) >>> 0;
  if (number % 1000 === 999) return 20_000 + dice % 180_000;
  if (number % 50 === 49) return 500 + dice % 8_000;
  return dice % 256;
}

function encode(number) {
  const size = fillerSize(number);
  const data = new Uint8Array(kNumberBytes + size);
  new DataView(data.buffer).setUint32(0, number);
  const start = number % 251;
  data.set(filler.subarray(start, start + size), kNumberBytes);
  return data;
}

// What is wrong with the message that should be `number`; nothing if it is right.
function faultOf(data, number) {
  if (data.length < kNumberBytes) return `${data.length} bytes`;
  const got = new DataView(data.buffer, data.byteOffset).getUint32(0);
  if (got !== number) return `message ${got} came`;
  if (data.length !== kNumberBytes + fillerSize(number)) return `${data.length} bytes`;
  const start = number % 251;
  for (let i = kNumberBytes; i < data.length; ++i) {
    if (data[i] !== filler[start + i - kNumberBytes]) return `byte ${i} differs`;
  }
  return "";
}

// Sends `count` messages, as fast as the broker takes them.
export async function sendAll(connection, subject, count) {
  for (let number = 0; number < count; ++number) {
    connection.publish(subject, encode(number));
    if (number % 200 === 199) await connection.flush();
  }
  await connection.flush();
}

// Resolves with the number of messages when all have come, rejects at the first that is lost, comes
// twice, late or damaged.
export function receiveAll(connection, subject, count) {
  return new Promise((resolve, reject) => {
    let next = 0;
    connection.subscribe(subject, {
      callback: (error, message) => {
        const fault = error ? String(error) : faultOf(message.data, next);
        if (fault) reject(new Error(`${subject}: at message ${next}: ${fault}`));
        else if (++next === count) resolve(count);
      },
    });
    connection.closed().then(() => reject(new Error(`${subject}: closed at message ${next}`)));
  });
}
