// Moves and their prices in the browser are core's: golden cases that tests/web_cases.py wrote.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { apply, effect, landing, response, slotsOf } from '../../ui/web/preview/moves.js';
import { likeness } from '../../ui/web/preview/alike.js';

const golden = JSON.parse(readFileSync(new URL('cases.json', import.meta.url), 'utf8'));
const { steps, batch, texts, order, own, heldOut, ownSd, heldOutSd } = golden;
const copiesOf = (text) => texts.flatMap((other, id) => (other === text ? [id] : []));
const run = { steps, places: steps, trained: steps * batch, batch, count: texts.length, position: { own, heldOut, ownSd, heldOutSd },
  samples: texts.map((text, id) => ({ id, text, copies: copiesOf(text) })) };
const slots = slotsOf(order);

function close(found, wanted, where) {
  assert.ok(Math.abs(found - wanted) < 1e-8, `${where}: ${found}, core says ${wanted}`);
}

test('a move gives the order that core gives', () => {
  assert.ok(golden.moves.length > 50);
  for (const { move, after } of golden.moves) assert.deepEqual(apply(order, move), after, JSON.stringify(move));
});

test('a move is priced as core prices it, copies of a text included', () => {
  const seen = new Set();
  for (const { move, price } of golden.moves) {
    const found = effect(run, order, slots, move);
    ['own', 'ownSd', 'heldOut', 'heldOutSd'].forEach((key, i) => close(found[key], price[i], `${key} of ${JSON.stringify(move)}`));
    seen.add(price[0]);
  }
  assert.ok(seen.size > 30, 'the moves must differ in what they do');
});

test('the response curve is the price of every step', () => {
  for (const { move: { kind, samples } } of golden.moves) {
    const curve = response(run, order, slots, samples, 1, kind);
    assert.equal(curve.length, steps);
    for (const [step, at] of curve.entries()) {
      const home = samples.length === 1 && Math.floor(slots[samples[0]] / batch) === step;
      const slot = home ? slots[samples[0]] : landing(order, samples, step * batch + 1);
      close(at.heldOut, effect(run, order, slots, { kind, samples, slot }).heldOut, `step ${step}`);
    }
  }
});

test('a group lands where all of it fits', () => {
  assert.equal(landing(order, [1, 2, 3], order.length - 1), order.length - 3);
  assert.equal(landing(order, [1], -4), 0);
});

test('slots are the inverse of the order', () => {
  assert.deepEqual(order.map((id) => slots[id]), order.map((_, slot) => slot));
});

test('copies of a text are counted as copies', () => {
  assert.equal(likeness(run, copiesOf('one text')).copies, 3);
  assert.equal(likeness(run, [0, 1]).copies, 0);
});
