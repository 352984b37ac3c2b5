// Files to take away.

const BURST = 10; // Chromium drops, without a word, what a page saves beyond so many files ...
const REST = 1200; // ... within a second; milliseconds until there is room again
const started = []; // when each of the last files was, or will be, handed over

function saveBlob(name, blob) {
  const now = performance.now();
  const at = Math.max(now, (started.at(-BURST) ?? -REST) + REST);
  started.splice(0, started.length - BURST + 1);
  started.push(at);
  if (at > now) setTimeout(handOver, at - now, name, blob);
  else handOver(name, blob); // at once: the click that asked for it allows it
}

function handOver(name, blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** What a data address holds, as a file to keep. */
export async function saveUrl(url, name) { saveBlob(name, await (await fetch(url)).blob()); }

/** Bytes that Python sent as base64, as a file to keep. */
export function saveBytes(name, mime, text) {
  saveBlob(name, new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], { type: mime }));
}
