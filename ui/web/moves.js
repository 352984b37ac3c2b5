// Moves and what they do by the position-effect table. The arithmetic of
// reorder_core.orders and of the table, again, because no server is asked while dragging.

export function slotsOf(order) {
  const slots = new Int32Array(order.length);
  for (let slot = 0; slot < order.length; slot += 1) slots[order[slot]] = slot;
  return slots;
}

export function move(order, id, slot, kind) {
  const moved = Array.from(order);
  const from = moved.indexOf(id);
  if (kind === 'swap') {
    moved[from] = moved[slot];
    moved[slot] = id;
  } else {
    moved.splice(from, 1);
    moved.splice(slot, 0, id);
  }
  return moved;
}

/**
 * Table difference of a move: the dragged sample's own loss, and held-out loss
 * summed over every sample that changes step (those that shift over a boundary, too).
 * `variance` sums the squared residual sd of the same samples.
 */
export function effect(run, slots, id, slot, kind) {
  const { steps, batch, position } = run;
  const from = slots[id];
  let heldOut = 0;
  let variance = 0;
  let changed = 0;
  const count = (sample, a, b) => {
    if (a === b) return;
    heldOut += position.heldOut[sample * steps + b] - position.heldOut[sample * steps + a];
    variance += position.heldOutSd[sample] ** 2;
    changed += 1;
  };
  const stepOf = (at) => Math.floor(at / batch);
  for (let sample = 0; sample < slots.length; sample += 1) {
    const now = slots[sample];
    let then = now;
    if (sample === id) then = slot;
    else if (kind === 'swap') then = now === slot ? from : now;
    else if (from < slot && now > from && now <= slot) then = now - 1;
    else if (slot < from && now >= slot && now < from) then = now + 1;
    if (then !== now) count(sample, stepOf(now), stepOf(then));
  }
  const own = position.own[id * steps + stepOf(slot)] - position.own[id * steps + stepOf(from)];
  const stays = stepOf(slot) === stepOf(from);
  return {
    own, heldOut, changed,
    ownSd: stays ? 0 : position.ownSd[id],
    heldOutSd: Math.sqrt(variance),
  };
}

/** The effect of moving a sample to each step, in the row of `slot`. */
export function response(run, slots, id, row, kind) {
  const { steps, batch } = run;
  return Array.from({ length: steps }, (_, step) => {
    const home = Math.floor(slots[id] / batch) === step;
    return effect(run, slots, id, home ? slots[id] : step * batch + row, kind);
  });
}
