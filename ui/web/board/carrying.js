// What the hand does to the order: what a tile carries along, previews, drops, selections.
import { setText } from '../shared/dom.js';
import { clip, number, signed } from '../shared/format.js';
import { apply, effect, kindOf, landing, slotsOf } from '../preview/moves.js';
import { howMany, placeOf, sampleChange } from '../shared/run.js';

export class Carrying {
  /** timeline: the instrument; its order, board, response, selection and side panel are used. */
  constructor(timeline) {
    this.timeline = timeline;
  }

  get order() { return this.timeline.order; }

  get slots() { return this.timeline.slots; }

  get batch() { return this.timeline.run.batch; }

  stepOf(slot) { return Math.floor(slot / this.batch) + 1; }

  // --- what is carried ----------------------------------------------------------

  /** Whether there is a selection, or a mode of selecting, that Escape would end. */
  get selecting() { return this.timeline.selection.size > 0 || this.picking; }

  /** Whether a tap chooses a tile and a drag pulls a lasso. */
  get picking() { return this.timeline.picking; }

  /** Whether a press on that tile chooses; one that is chosen already carries them all. */
  toPick(id) { return this.picking && !this.timeline.selection.has(id); }

  /** A tile of the selection carries all of it. */
  carried(id) {
    const { selection } = this.timeline;
    return selection.has(id) ? selection.ordered(this.slots) : [id];
  }

  ofStep(step) {
    return this.order.slice(step * this.batch, (step + 1) * this.batch);
  }

  /** Where the first of what is held would stand; whole steps land on steps. */
  landing({ ids, whole }, slot) {
    if (slot === null) return null;
    return landing(this.order, ids, whole ? slot - (slot % this.batch) : slot);
  }

  move({ ids }, slot) {
    const { run, kind } = this.timeline;
    return { kind: kindOf(run, this.slots, ids, slot, kind), samples: ids, slot };
  }

  changesNothing(held, slot) {
    const after = apply(this.order, this.move(held, slot));
    return after.every((id, at) => id === this.order[at]);
  }

  name({ ids, whole }) {
    if (whole) return `Step ${this.stepOf(this.slots[ids[0]])}`;
    return ids.length > 1 ? `${howMany(this.timeline.run, ids)} samples` : `Sample ${this.timeline.run.samples[ids[0]].title}`;
  }

  // --- carrying -----------------------------------------------------------------

  pick(held) {
    const { timeline } = this;
    timeline.hovered = null;
    timeline.sharing.comparison.link(null);
    timeline.inspector.show(timeline.run, timeline.view, this.slots, held.id);
    timeline.announce(`${this.name(held)} picked up at ${placeOf(timeline.run, this.slots[held.ids[0]])}.`);
  }

  preview(held, slot, outside) {
    const { timeline } = this;
    const { run } = timeline;
    const { kind } = this.move(held, slot);
    timeline.board.showTarget(held.from, outside ? null : slot, kind);
    timeline.response.show(run, this.order, this.slots, held.ids, slot, timeline.kind);
    const step = this.stepOf(slot);
    setText(timeline.response.headline, outside ? 'Let go here to put it back.'
      : `${this.name(held)}: ${placeOf(run, held.from)} \u2192 ${placeOf(run, slot)}`);
    if (held.keyboard) {
      const { own, heldOut } = timeline.response.between(step - 1) ?? effect(run, this.order, this.slots, this.move(held, slot));
      const place = slot < run.trained ? `Step ${step}, place ${(slot % run.batch) + 1}` : `Bench, place ${slot - run.trained + 1}`;
      timeline.announce(`${place}: own loss ${signed(own)}, held-out ${signed(heldOut, 4)}.`);
    }
  }

  drop(held, slot) {
    const { timeline } = this;
    const focused = held.keyboard || document.activeElement === held.tile;
    const move = this.move(held, slot);
    const name = this.name(held);
    timeline.order = apply(this.order, move);
    timeline.slots = slotsOf(timeline.order);
    timeline.board.showTarget(0);
    timeline.board.place(timeline.slots);
    timeline.response.clear();
    timeline.focused = held.id;
    timeline.selected = held.id;
    timeline.board.mark('selected', [held.id]);
    if (focused && held.label) timeline.board.focusStep(this.stepOf(slot) - 1);
    else if (focused) timeline.board.focus(held.id);
    timeline.announce(`${name} dropped at ${placeOf(timeline.run, slot)}.`);
    timeline.send('drop', { run: timeline.run.id, order: timeline.order, move });
  }

  cancel(held) {
    const { timeline } = this;
    timeline.board.showTarget(0);
    timeline.board.place(this.slots);
    timeline.announce(`${this.name(held)} put back.`);
    timeline.accept();
    timeline.response.clear();
    timeline.drawFocus();
  }

  // --- pointing and selecting ---------------------------------------------------

  hover(id) {
    const { timeline } = this;
    if (timeline.hovered === id) return;
    timeline.hovered = id;
    const kin = id === null ? [] : timeline.run.samples[id].visits;
    timeline.board.mark('kin', kin.length > 1 ? kin : []);
    // Beside an open Sample tab a tooltip would only repeat it.
    if (id !== null) timeline.board.tiles[id].dataset.tip = timeline.side.shown === 'sample' ? '' : this.tip(id);
    timeline.drawFocus();
  }

  tip(id) {
    const { run, view } = this.timeline;
    const sample = run.samples[id];
    return `sample ${sample.title} · ${[sample.name, ...sample.flags].join(' · ')}\n${clip(sample.text, 140)}\n`
      + (this.timeline.left ? 'estimating \u2026'
        : `final loss ${number(view.estimate.sampleLoss[id])}, change ${signed(sampleChange(run, view, id).value)}`);
  }

  clicked(id, event) {
    const { timeline } = this;
    const { selection } = timeline;
    if (event.ctrlKey || event.metaKey || (this.picking && !event.shiftKey)) this.toggle(id);
    else if (event.shiftKey) {
      selection.anchor ??= timeline.selected;
      selection.range(this.order, this.slots, id);
    } else {
      selection.anchor = id;
      selection.clear();
      timeline.select(id);
    }
  }

  lassoed(ids, more) {
    const { selection } = this.timeline;
    if (more) selection.add(ids);
    else selection.set(ids);
  }

  toggle(id) {
    const { timeline } = this;
    timeline.selection.toggle(id);
    const { size } = timeline.selection;
    timeline.announce(`Sample ${id} ${timeline.selection.has(id) ? 'selected' : 'let go'}, ${size} in all.`);
  }

  startPicking(id) {
    const { timeline } = this;
    timeline.setPicking(true);
    if (!timeline.selection.has(id)) this.toggle(id);
    navigator.vibrate?.(15);
  }

  /** Escape: first what is selected, then the mode. */
  letGo() {
    const { timeline } = this;
    if (timeline.selection.size) timeline.selection.clear();
    else timeline.setPicking(false);
  }

  /** Arrow keys with empty hands: the focus goes to the tile there; with Shift, all between are selected. */
  walk(id, by, extend) {
    const { timeline } = this;
    const { selection } = timeline;
    const slot = Math.max(0, Math.min(this.order.length - 1, this.slots[id] + by));
    timeline.focused = this.order[slot];
    timeline.board.focus(timeline.focused);
    if (!extend) { selection.anchor = timeline.focused; return; }
    selection.anchor ??= id;
    selection.range(this.order, this.slots, timeline.focused);
    timeline.announce(`${selection.size} samples selected.`);
  }
}
