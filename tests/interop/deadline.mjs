// Nothing in these tests waits for ever: what is not there in time is an error that says what.

export const kTimeLimitMs = 60_000;

export async function within(promise, what, limitMs = kTimeLimitMs) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
