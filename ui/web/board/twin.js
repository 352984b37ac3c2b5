// The order compared with, as a second board below the first: the same columns, so that a step
// stands under itself; tiles at another step are filled, and a line joins a sample's two places.
import { h, s, setText } from '../shared/dom.js';
import { clip } from '../shared/format.js';
import { MARKS, markOf } from './board.js';

const ROW = 13; // pixels a sample
const BELOW = 15; // pixels between bands

export class Twin {
  /** owner: { run, slots, board, select(id, go), hover(id | null) } */
  constructor(owner) {
    this.owner = owner;
    this.name = h('p', { class: 'ro-twin-name' });
    this.field = h('div', { class: 'ro-twin-field', role: 'img' });
    this.line = s('line', { class: 'ro-twin-line', visibility: 'hidden' });
    this.overlay = s('svg', { class: 'ro-twin-overlay', 'aria-hidden': 'true' }, this.line);
    this.element = h('div', { class: 'ro-twin', hidden: true }, this.name, this.field);
    this.field.addEventListener('click', ({ target }) => this.of(target, (id) => owner.select(id, true)));
    this.field.addEventListener('pointerover', ({ target }) => this.of(target, (id) => this.point(id, target)));
    this.field.addEventListener('pointerleave', () => owner.hover(null));
    this.differing = new Set();
    this.tiles = new Map(); // of the samples that are shown
  }

  point(id, tile) {
    const { run, slots } = this.owner;
    const step = (slot) => Math.floor(slot / run.batch) + 1;
    tile.dataset.tip = `sample ${id}, ${run.samples[id].name}\nstep ${step(slots[id])} above, step ${step(this.slots[id])} here\n`
      + clip(run.samples[id].text, 140);
    this.owner.hover(id);
  }

  of(target, act) {
    if (target.dataset.twin !== undefined) act(Number(target.dataset.twin));
  }

  /** The other order's slots, the samples that it trains at another step, and what it is called. */
  show(slots, differing, name) {
    Object.assign(this, { slots, differing: new Set(differing), linked: undefined });
    this.element.hidden = false;
    setText(this.name, `Below: ${name}. ${differing.length ? 'Filled tiles stand at another step there; point at one to see both places.'
      : 'Every sample stands at the same step.'}`);
    this.field.setAttribute('aria-label', `Board of ${name}: ${differing.length} samples at another step than in this order`);
    this.layout();
  }

  hide() {
    this.slots = null;
    this.element.hidden = true;
    this.line.setAttribute('visibility', 'hidden');
  }

  /** Put the tiles where the first board has their columns; again when it scrolls or has another width. */
  layout() {
    const { run, board } = this.owner;
    if (!this.slots || !board.width) return;
    const band = run.batch * ROW + BELOW;
    this.field.style.height = `${board.bands * band - BELOW}px`;
    this.tiles.clear();
    for (const sample of run.samples) {
      const slot = this.slots[sample.id];
      if (!board.shows(slot) || slot >= run.trained) continue;
      const { x, y } = board.position(slot);
      const down = Math.floor(y / board.bandHeight) * band + (slot % run.batch) * ROW;
      this.tiles.set(sample.id, { x, y: down, element: this.tile(sample, x, down) });
    }
    this.field.replaceChildren(...[...this.tiles.values()].map(({ element }) => element));
    this.link(this.linked ?? null);
  }

  tile(sample, x, y) {
    const { board } = this.owner;
    return h('span', { class: this.differing.has(sample.id) ? 'ro-twin-tile ro-differs' : 'ro-twin-tile', 'data-twin': sample.id,
      style: `transform:translate(${x}px,${y}px);width:${board.tileWidth}px;--ro-domain:var(--ro-domain-${sample.shade})` },
    MARKS[markOf(sample)] ?? '');
  }

  /** Join a sample's places on both boards; null: none. */
  link(id) {
    const { board, slots } = this.owner;
    this.tiles.get(this.linked)?.element.classList.remove('ro-linked');
    this.linked = id;
    const there = this.tiles.get(id);
    there?.element.classList.add('ro-linked');
    const both = there && board.shows(slots[id]) && slots[id] < this.owner.run.trained;
    this.line.setAttribute('visibility', both ? 'visible' : 'hidden');
    if (both) this.join(board.position(slots[id]), there);
  }

  /** From below the tile above to the top of the one below: where they will lie, not where they glide. */
  join(here, there) {
    const { board } = this.owner;
    const middle = board.tileWidth / 2;
    const ends = { x1: here.x + middle, y1: here.y + board.tileHeight, x2: there.x + middle, y2: this.field.offsetTop + there.y };
    for (const [name, at] of Object.entries(ends)) this.line.setAttribute(name, at);
  }
}
