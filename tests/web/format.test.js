// Numbers on the page: a real minus, no minus zero, a dash for what is not known.
import assert from 'node:assert/strict';
import test from 'node:test';
import { clip, digitsFor, interval, number, seconds, signed } from '../../ui/web/shared/format.js';

test('a change carries its sign, and zero carries none', () => {
  assert.equal(signed(-0.41), '\u22120.410');
  assert.equal(signed(0.41), '+0.410');
  assert.equal(signed(-0.0001), '0.000');
  assert.equal(signed(0.0001), '0.000');
});

test('what is not known is a dash, never zero', () => {
  for (const missing of [NaN, undefined, null, Infinity]) assert.equal(number(missing), '\u2013');
});

test('an interval shows both ends with the digits asked for', () => {
  assert.equal(interval(-0.5, 0.25, 2), '[\u22120.50, +0.25]');
});

test('small spreads get more digits, none more than five', () => {
  assert.ok(digitsFor(0.004) > digitsFor(0.4));
  assert.equal(digitsFor(1e-12), 5);
});

test('a clipped text fits, and a waiting time reads as one', () => {
  assert.equal(clip('a  b\nc', 10), 'a b c');
  assert.equal(clip('abcdefgh', 5).length, 5);
  assert.equal(seconds(150), '2 min 30 s');
});
