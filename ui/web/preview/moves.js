// Moves, as reorder_core.orders.moves applies them, because no server is asked while dragging; what
// they do by the position-effect table is in pricing.js.
import { Pricing } from './pricing.js';

export function slotsOf(order) {
  const slots = new Int32Array(order.length);
  for (let slot = 0; slot < order.length; slot += 1) slots[order[slot]] = slot;
  return slots;
}

/** The order after a move { kind, samples, slot }; see reorder_core.orders.moves.apply. */
export function apply(order, { kind, samples, slot }) {
  if (kind === 'swap') return swapped(order, samples, slot);
  const held = new Set(samples);
  const rest = order.filter((id) => !held.has(id));
  rest.splice(slot, 0, ...samples);
  return rest;
}

function swapped(order, samples, slot) {
  const result = Array.from(order);
  const slots = slotsOf(order);
  for (const [offset, id] of samples.entries()) {
    const other = result[slot + offset];
    result[slots[id]] = other;
    slots[other] = slots[id];
    result[slot + offset] = id;
    slots[id] = slot + offset;
  }
  return result;
}

/** The kind of a move: what goes on the bench or comes off it changes places with what is there. */
export function kindOf({ trained }, slots, samples, slot, kind) {
  const crosses = samples.some((id, i) => (slots[id] < trained) !== (slot + i < trained));
  return crosses ? 'swap' : kind;
}

/** The slot of the first of `samples` when they are let go at `slot`: all of them must fit. */
export function landing(order, samples, slot) {
  return Math.max(0, Math.min(slot, order.length - samples.length));
}

/** Table differences of a move { kind, samples, slot }; see `Pricing`. */
export function effect(run, order, slots, { kind, samples, slot }) {
  return new Pricing(run, order, slots, samples, kind).at(slot);
}

/** The effect of moving samples to each step, the first of them in the row of `slot`. */
export function response(run, order, slots, samples, row, kind) {
  const { places, batch } = run; // the bench behind the last step is cut into steps, too
  const pricing = { [kind]: new Pricing(run, order, slots, samples, kind) };
  return Array.from({ length: places }, (_, step) => {
    const home = samples.length === 1 && Math.floor(slots[samples[0]] / batch) === step;
    const slot = home ? slots[samples[0]] : landing(order, samples, step * batch + row);
    const how = kindOf(run, slots, samples, slot, kind);
    pricing[how] ??= new Pricing(run, order, slots, samples, how);
    return pricing[how].at(slot);
  });
}
