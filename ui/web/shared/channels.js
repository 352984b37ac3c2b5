// Data sent apart from the component that uses it: `run` once, `jobs` while they run.
const latest = new Map();
const listeners = new Map();
const parts = new Map(); // channel -> { stamp, texts } while some lack, { done } afterwards

export function publish(channel, value) {
  latest.set(channel, value);
  for (const listener of listeners.get(channel) ?? []) listener(value);
}

/**
 * Calls back now, if there is something, and at each change, until `signal` is aborted.
 * @param {AbortSignal} [signal]
 */
export function listen(channel, callback, signal) {
  const set = listeners.get(channel) ?? new Set();
  listeners.set(channel, set.add(callback));
  if (latest.has(channel)) callback(latest.get(channel));
  signal?.addEventListener('abort', () => set.delete(callback));
}

/** One part of what a channel is sent in parts; with the last of one stamp, all of it is published. */
export function collect(channel, { stamp, at, of, text }) {
  const known = parts.get(channel);
  if (known?.done === stamp) return; // a page that is opened again is sent it again
  const found = known?.stamp === stamp ? known : { stamp, texts: new Map() };
  parts.set(channel, found);
  found.texts.set(at, text);
  if (found.texts.size < of) return;
  parts.set(channel, { done: stamp });
  publish(channel, JSON.parse(Array.from({ length: of }, (_, i) => found.texts.get(i)).join('')));
}

/** `packed` of ui/queries/packed.py: base64 of little-endian float32. */
export function unpack(text) {
  return text === null || text === undefined ? null : new Float32Array(bytesOf(text));
}

/** `packed_table`: as `packed`, or 16-bit codes in units of each row's scale. */
export function unpackTable(found) {
  if (typeof found === 'string') return unpack(found);
  const codes = new Int16Array(bytesOf(found.codes));
  const scale = unpack(found.scale);
  const wide = codes.length / scale.length;
  const table = new Float32Array(codes.length);
  for (let row = 0, at = 0; row < scale.length; row += 1) {
    for (const end = at + wide; at < end; at += 1) table[at] = codes[at] * scale[row];
  }
  return table;
}

function bytesOf(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at += 1) bytes[at] = letters.charCodeAt(at);
  return bytes.buffer;
}
