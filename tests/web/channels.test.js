// What Python sends in parts, and tables at 16 bits a number.
import assert from 'node:assert/strict';
import test from 'node:test';
import { collect, listen, unpackTable } from '../../ui/web/shared/channels.js';

const base64 = (array) => Buffer.from(array.buffer).toString('base64');

/** @param {string} stamp @param {unknown} value @param {number} size */
function partsOf(stamp, value, size) {
  const text = JSON.stringify(value);
  const of = Math.ceil(text.length / size);
  return Array.from({ length: of }, (_, at) => ({ stamp, at, of, text: text.slice(at * size, (at + 1) * size) }));
}

test('parts are published together, in whatever order they come, and once', () => {
  const seen = [];
  const life = new AbortController();
  listen('whole', (value) => seen.push(value), life.signal);
  const first = partsOf('a', { texts: ['one', 'two “θ”'] }, 7);
  assert.ok(first.length > 3);
  for (const part of [...first].reverse()) collect('whole', part);
  assert.deepEqual(seen, [{ texts: ['one', 'two “θ”'] }]);
  for (const part of first) collect('whole', part); // the page is opened again
  assert.equal(seen.length, 1);
  life.abort();
  for (const part of partsOf('b', [], 1)) collect('whole', part);
  assert.equal(seen.length, 1, 'whoever has left is told nothing');
});

test('parts of another run are not mixed with those that came before', () => {
  const seen = [];
  const life = new AbortController();
  listen('mixed', (value) => seen.push(value), life.signal);
  const [one, two] = [partsOf('a', ['first run'], 4), partsOf('b', ['other run'], 4)];
  collect('mixed', one[0]);
  for (const part of two) collect('mixed', part);
  for (const part of one) collect('mixed', part);
  assert.deepEqual(seen, [['other run'], ['first run']]);
  life.abort();
});

test('a table at 16 bits is its rows, each in units of its scale', () => {
  const found = unpackTable({ codes: base64(Int16Array.of(32767, -32767, 0, 100)), scale: base64(Float32Array.of(0.5, 2)) });
  assert.deepEqual(Array.from(found), [16383.5, -16383.5, 0, 200]);
  assert.deepEqual(Array.from(unpackTable(base64(Float32Array.of(1.5, -2)))), [1.5, -2]);
});
