// The order on screen against another: every metric's difference, the two orders, the tiles that differ.
import { h, s, setText } from '../shared/dom.js';
import { slotsOf } from '../preview/moves.js';
import { Twin } from '../board/twin.js';

export class Comparison {
  /** owner: the Timeline. */
  constructor(owner) {
    this.owner = owner;
    this.mark = h('input', { type: 'checkbox', checked: true, onchange: () => this.markTiles() });
    this.words = h('span', {});
    this.strips = h('div', {});
    this.body = h('div', { class: 'ro-compare-body' });
    this.element = h('div', { class: 'ro-compare' }, this.body, this.strips, h('label', { class: 'ro-check' }, this.mark, this.words));
    this.twin = new Twin({
      get run() { return owner.run; }, get slots() { return owner.slots; }, get board() { return owner.board; },
      select: (id, go) => owner.select(id, go), hover: (id) => this.hover(id) });
    this.on = false;
    this.last = { base: 'reference' }; // what was asked for last
  }

  /** A tile of the second board is pointed at: the first one marks it, too. */
  hover(id) {
    this.owner.highlight(id === null ? null : [id]);
    this.owner.look(id);
  }

  /** Where the sample in view stands on both boards. */
  link(id) {
    if (this.twin.slots) this.twin.link(id);
  }

  opened(on) {
    if (on === this.on || !this.owner.view) return;
    this.on = on;
    if (!on) { this.markTiles(); this.twin.hide(); }
    this.owner.send('compare', on ? this.last : { base: 'nothing' });
  }

  show(run, view) {
    const found = view.comparison;
    this.differing = null;
    if (!found?.order || !this.on) this.twin.hide();
    if (!found || !this.on) return;
    this.owner.acting.lay(this.body, found.parts);
    this.strips.replaceChildren();
    setText(this.words, '');
    if (found.order) this.draw(run, view, slotsOf(found.order), found.order);
    this.markTiles();
  }

  draw(run, view, slots, order) {
    const step = (slot) => Math.floor(slot / run.batch);
    this.differing = run.samples.map(({ id }) => id).filter((id) => step(slots[id]) !== step(this.owner.slots[id]));
    const whole = this.owner.board.windowed; // the boards show but a window of steps
    if (whole) this.strips.replaceChildren(strip(run, order, 'the other'), strip(run, view.order, 'this order'));
    setText(this.words, `Show which tiles differ: ${this.differing.length} at another step`);
    this.twin.show(slots, this.differing, this.body.querySelector('select').selectedOptions[0]?.textContent ?? 'the other order');
  }

  markTiles() {
    const differing = new Set(this.differing);
    this.owner.board.field.classList.toggle('ro-comparing', this.on && this.mark.checked && Boolean(this.differing));
    for (const [id, tile] of this.owner.board.tiles.entries()) tile.classList.toggle('ro-differs', differing.has(id));
  }
}

/** Which domains each step trains, as one stacked bar a step. */
function strip(run, order, name) {
  const bars = [];
  for (let step = 0; step < run.steps; step += 1) {
    const inside = Array.from(order.slice(step * run.batch, (step + 1) * run.batch), (id) => run.samples[id].domain).sort((a, b) => a - b);
    inside.forEach((domain, row) => {
      if (row && inside[row - 1] === domain) return;
      const size = inside.lastIndexOf(domain) - row + 1;
      bars.push(s('rect', { x: step, y: row, width: 0.92, height: size, style: `fill: var(--ro-domain-${run.shades[domain]})` }));
    });
  }
  return h('div', { class: 'ro-strip' }, h('span', {}, name),
    s('svg', { viewBox: `0 0 ${run.steps} ${run.batch}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `Domains over steps, ${name}` }, bars));
}
