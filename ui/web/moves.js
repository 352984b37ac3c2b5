// Moves and what they do by the position-effect table. The arithmetic of
// reorder_core.moves and of the table, again, because no server is asked while dragging.

export function slotsOf(order) {
  const slots = new Int32Array(order.length);
  for (let slot = 0; slot < order.length; slot += 1) slots[order[slot]] = slot;
  return slots;
}

/** The order after a move { kind, samples, slot }; see reorder_core.moves.apply. */
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

/** The slot of the first of `samples` when they are let go at `slot`: all of them must fit. */
export function landing(order, samples, slot) {
  return Math.max(0, Math.min(slot, order.length - samples.length));
}

/**
 * Table difference of a move: the moved samples' own loss (their mean), and held-out loss
 * summed over every sample that changes step (those that shift over a boundary, too).
 * The errors of samples in one group may go together, so own sd is their mean; held-out
 * variances add up.
 */
export function effect(run, order, slots, move) {
  const { steps, batch, position } = run;
  const after = slotsOf(apply(order, move));
  let heldOut = 0;
  let variance = 0;
  for (let sample = 0; sample < after.length; sample += 1) {
    const a = Math.floor(slots[sample] / batch);
    const b = Math.floor(after[sample] / batch);
    if (a === b) continue;
    heldOut += position.heldOut[sample * steps + b] - position.heldOut[sample * steps + a];
    variance += position.heldOutSd[sample] ** 2;
  }
  let own = 0;
  let ownSd = 0;
  for (const id of move.samples) {
    const a = Math.floor(slots[id] / batch);
    const b = Math.floor(after[id] / batch);
    own += position.own[id * steps + b] - position.own[id * steps + a];
    if (a !== b) ownSd += position.ownSd[id];
  }
  const count = move.samples.length;
  return { own: own / count, ownSd: ownSd / count, heldOut, heldOutSd: Math.sqrt(variance) };
}

/** The effect of moving samples to each step, the first of them in the row of `slot`. */
export function response(run, order, slots, samples, row, kind) {
  const { steps, batch } = run;
  return Array.from({ length: steps }, (_, step) => {
    const home = samples.length === 1 && Math.floor(slots[samples[0]] / batch) === step;
    const slot = home ? slots[samples[0]] : landing(order, samples, step * batch + row);
    return effect(run, order, slots, { kind, samples, slot });
  });
}
