// Data sent apart from the component that uses it: `run` once, `jobs` while they run.
const latest = new Map();
const listeners = new Map();

export function publish(channel, value) {
  latest.set(channel, value);
  for (const listener of listeners.get(channel) ?? []) listener(value);
}

/** Calls back now, if there is something, and at each change; returns the way out. */
export function listen(channel, callback) {
  const set = listeners.get(channel) ?? new Set();
  listeners.set(channel, set.add(callback));
  if (latest.has(channel)) callback(latest.get(channel));
  return () => set.delete(callback);
}

/** `packed` of ui/queries/packed.py: base64 of little-endian float32. */
export function unpack(text) {
  if (text === null || text === undefined) return null;
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}
