// What moving a group does by the position-effect table, for any slot at a glance. An insert
// leaves the other samples in their order: those before its slot keep their index, those after
// it make room. So the sums over them are running sums, made once, and a slot costs only the
// group's own size: 256 steps of 2,048 samples fit into one frame.

export class Pricing {
  /**
   * samples: as they will stand, side by side; kind: insert or swap.
   * @param {number[]} samples
   * @param {'insert' | 'swap'} kind
   */
  constructor(run, order, slots, samples, kind) {
    this.run = run;
    this.order = order;
    this.slots = slots;
    this.samples = samples;
    this.kind = kind;
    this.group = new Set(samples);
    if (kind === 'insert') this.sumUp();
  }

  /**
   * Table differences of putting the group at `slot`: the moved samples' own loss (their mean),
   * and held-out loss summed over every sample that changes step (those that make room, too).
   * Own errors of a group may go together, so own sd is their mean; held-out variances add up.
   */
  at(slot) {
    const after = this.kind === 'swap' ? this.exchanged(slot) : this.inserted(slot);
    const rest = this.kind === 'swap' ? [0, 0] : [this.before[slot] + this.behind[slot],
      this.spreadBefore[slot] + this.spreadBehind[slot]];
    const [heldOut, variance] = [...after].reduce(([sum, spread], [id, to]) => {
      const [change, more] = this.heldOut(id, to);
      return [sum + change, spread + more];
    }, rest);
    return { ...this.own(after), heldOut, heldOutSd: Math.sqrt(variance) };
  }

  /**
   * Held-out change of one sample that comes to stand at a slot, and its variance.
   * @returns {[number, number]}
   */
  heldOut(id, slot) {
    const { places, batch, position } = this.run;
    const from = Math.floor(this.slots[id] / batch);
    const to = Math.floor(slot / batch);
    if (from === to) return [0, 0];
    return [position.heldOut[id * places + to] - position.heldOut[id * places + from], position.heldOutSd[id] ** 2];
  }

  /** Own loss of the group's samples, their mean. Copies of a text are one text, and each of them teaches it. */
  own(after) {
    const { run, samples, group } = this;
    const change = new Map(samples.map((id) => [id, this.ownOf(id, after.get(id))]));
    let own = 0;
    let ownSd = 0;
    for (const id of samples) {
      for (const copy of run.samples[id].copies) {
        if (!group.has(copy)) continue;
        own += change.get(copy)[0];
        ownSd += change.get(copy)[1];
      }
    }
    return { own: own / samples.length, ownSd: ownSd / samples.length };
  }

  ownOf(id, slot) {
    const { places, batch, position } = this.run;
    const from = Math.floor(this.slots[id] / batch);
    const to = Math.floor(slot / batch);
    if (from === to) return [0, 0];
    return [position.own[id * places + to] - position.own[id * places + from], position.ownSd[id]];
  }

  // --- who stands where afterwards ------------------------------------------------

  /** Running sums over the samples that stay, to the left as they are and to the right of the gap. */
  sumUp() {
    const rest = this.order.filter((id) => !this.group.has(id));
    const count = rest.length;
    const wide = this.samples.length;
    this.before = new Float64Array(count + 1);
    this.spreadBefore = new Float64Array(count + 1);
    this.behind = new Float64Array(count + 1);
    this.spreadBehind = new Float64Array(count + 1);
    for (let i = 0; i < count; i += 1) {
      const [change, variance] = this.heldOut(rest[i], i);
      this.before[i + 1] = this.before[i] + change;
      this.spreadBefore[i + 1] = this.spreadBefore[i] + variance;
    }
    for (let i = count - 1; i >= 0; i -= 1) {
      const [change, variance] = this.heldOut(rest[i], i + wide);
      this.behind[i] = this.behind[i + 1] + change;
      this.spreadBehind[i] = this.spreadBehind[i + 1] + variance;
    }
  }

  /** The group's slots after an insert. */
  inserted(slot) {
    return new Map(this.samples.map((id, i) => [id, slot + i]));
  }

  /** The slots of all that a swap touches: one after the other changes places with what then stands there. */
  exchanged(slot) {
    const there = new Map(); // slot -> who stands there by now
    const after = new Map();
    for (const [offset, id] of this.samples.entries()) {
      const to = slot + offset;
      const from = after.get(id) ?? this.slots[id];
      const other = there.get(to) ?? this.order[to];
      there.set(from, other);
      there.set(to, id);
      after.set(other, from);
      after.set(id, to);
    }
    return after;
  }
}
