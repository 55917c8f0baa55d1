// Waits for a condition, and says which one when it does not come.

/** For what has a pace of its own; never instead of a condition. */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export async function until(what, condition, limitMs = 30_000, everyMs = 20) {
  const deadline = Date.now() + limitMs;
  let last;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error.message;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms (${last})`);
    await pause(everyMs);
  }
}

export function equal(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`);
}

export function ok(value, what) {
  if (!value) throw new Error(what);
}

export function quantile(numbers, q) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}
