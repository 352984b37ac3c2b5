// The tiles: one column a step, one tile a sample; on narrow screens the columns wrap.
import { h } from './dom.js';
import { signed } from './format.js';

const GUTTER = 52; // room for labels; the response curves below share it
const RIGHT = 14;
const GLIDING = 24; // more animated tiles than this cost frames without a GPU
const MARKS = { canary: '\u25c6', poison: '\u2715' };

export class Board {
  constructor() {
    this.caret = h('div', { class: 'ro-caret', hidden: true });
    this.origin = h('div', { class: 'ro-origin', hidden: true });
    this.field = h('div', { class: 'ro-field', role: 'group',
      'aria-label': 'Training order: one column a step. Arrow keys move the focus, '
        + 'Space picks a sample up, arrows carry it, Space drops it, Escape puts it back.' });
    this.labels = h('div', { class: 'ro-steps', 'aria-hidden': 'true' });
    this.element = h('div', { class: 'ro-board' }, this.labels, this.field);
    this.tiles = [];
  }

  build(run) {
    this.run = run;
    this.tiles = run.samples.map((sample) => h('button', {
      type: 'button', class: 'ro-tile', 'data-sample': sample.id, tabindex: -1,
      'data-flag': markOf(sample),
      style: `--ro-domain: var(--ro-domain-${sample.domain % 8})`,
    }, MARKS[markOf(sample)] ?? ''));
    this.field.replaceChildren(...this.tiles, this.origin, this.caret);
  }

  /** Where everything lies for this width; false when nothing changed. */
  measure() {
    const width = this.element.clientWidth;
    if (!this.run || !width || width === this.width) return false;
    this.width = width;
    const { steps, batch } = this.run;
    const room = width - GUTTER - RIGHT;
    this.bands = Math.max(1, Math.ceil((steps * 17) / room));
    this.columns = Math.ceil(steps / this.bands);
    this.pitch = room / this.columns;
    this.tileWidth = Math.min(44, this.pitch - Math.min(4, this.pitch * 0.14));
    this.tileHeight = Math.round(Math.min(26, Math.max(18, this.pitch * 0.72)));
    this.rowPitch = this.tileHeight + 2;
    this.bandHeight = batch * this.rowPitch + 26;
    this.element.style.height = `${this.bands * this.bandHeight}px`;
    this.field.style.setProperty('--ro-tile-w', `${this.tileWidth}px`);
    this.field.style.setProperty('--ro-tile-h', `${this.tileHeight}px`);
    this.label();
    return true;
  }

  /** x of a step's middle where one band holds all; the response curves use it. */
  stepX(step) {
    return GUTTER + ((step + 0.5) * (this.width - GUTTER - RIGHT)) / this.run.steps;
  }

  position(slot) {
    const step = Math.floor(slot / this.run.batch);
    const row = slot % this.run.batch;
    const band = Math.floor(step / this.columns);
    const column = step % this.columns;
    return {
      x: GUTTER + column * this.pitch + (this.pitch - this.tileWidth) / 2,
      y: band * this.bandHeight + row * this.rowPitch,
    };
  }

  /** The slot nearest to a point of the page; null far away from the board. */
  slotAt(clientX, clientY) {
    const box = this.element.getBoundingClientRect();
    const x = clientX - box.left;
    const y = clientY - box.top;
    if (x < -40 || x > box.width + 40 || y < -60 || y > box.height + 60) return null;
    const { steps, batch } = this.run;
    const clamp = (value, most) => Math.min(most, Math.max(0, Math.floor(value)));
    const band = clamp(y / this.bandHeight, this.bands - 1);
    const column = clamp((x - GUTTER) / this.pitch, this.columns - 1);
    const row = clamp((y - band * this.bandHeight) / this.rowPitch, batch - 1);
    return Math.min(steps - 1, band * this.columns + column) * batch + row;
  }

  /** Move every tile to its slot, gliding where few move and the board itself did not change. */
  place(slots, except = -1, still = false) {
    const moved = [];
    for (const [id, tile] of this.tiles.entries()) {
      if (id === except) continue;
      const { x, y } = this.position(slots[id]);
      const transform = `translate(${x}px, ${y}px)`;
      if (tile.style.transform !== transform) moved.push([tile, transform]);
    }
    if (!moved.length) return;
    if (still || moved.length > GLIDING) this.field.dataset.still = '';
    else delete this.field.dataset.still;
    for (const [tile, transform] of moved) tile.style.transform = transform;
  }

  /** Fill by domain, or by how much the loss changed; `level` −1…1 of each sample. */
  colour(mode, changes, limit, slots) {
    this.field.dataset.mode = mode;
    for (const [id, tile] of this.tiles.entries()) {
      const level = Math.max(-1, Math.min(1, changes[id] / limit));
      tile.style.setProperty('--ro-level', `${Math.round(Math.abs(level) * 100)}%`);
      tile.dataset.side = level < 0 ? 'fall' : 'rise';
      const step = Math.floor(slots[id] / this.run.batch) + 1;
      const sample = this.run.samples[id];
      tile.setAttribute('aria-label', [`sample ${id}`, sample.name, ...sample.flags,
        `step ${step}`, `loss change ${signed(changes[id])}`].join(', '));
    }
  }

  /** Where the tile came from, and the slot under the pointer: a line to insert at, or a frame around what is swapped. */
  showTarget(from, slot, kind) {
    const home = this.position(from);
    this.origin.hidden = kind === undefined;
    this.origin.style.transform = `translate(${home.x}px, ${home.y}px)`;
    if (kind === undefined || slot === null || slot === from) {
      this.caret.hidden = true;
      return;
    }
    const { x, y } = this.position(slot);
    const edge = slot > from ? y + this.tileHeight - 1 : y - 3;
    this.caret.hidden = false;
    this.caret.dataset.kind = kind;
    this.caret.style.transform = `translate(${x - 3}px, ${kind === 'swap' ? y - 3 : edge}px)`;
  }

  label() {
    const { steps, batch } = this.run;
    const every = this.pitch < 26 ? 4 : 1;
    const texts = [];
    for (let step = 0; step < steps; step += 1) {
      if (step % every && step % this.columns) continue;
      const band = Math.floor(step / this.columns);
      const x = GUTTER + (step % this.columns) * this.pitch + this.pitch / 2;
      const y = band * this.bandHeight + batch * this.rowPitch + 2;
      texts.push(h('span', { style: `transform: translate(${x}px, ${y}px) translateX(-50%)` }, `${step + 1}`));
    }
    for (let band = 0; band < this.bands; band += 1) {
      const y = band * this.bandHeight + batch * this.rowPitch + 2;
      texts.push(h('span', { class: 'ro-steps-name', style: `transform: translate(0, ${y}px)` }, 'step'));
    }
    this.labels.replaceChildren(...texts);
  }

  focus(id) {
    this.roving(id);
    this.tiles[id].focus({ preventScroll: false });
  }

  /** The one tile that Tab reaches. */
  roving(id) {
    if (this.reachable === id) return;
    if (this.reachable !== undefined) this.tiles[this.reachable].tabIndex = -1;
    this.tiles[id].tabIndex = 0;
    this.reachable = id;
  }

  /** Ring these tiles, and no others. */
  highlight(ids) {
    for (const tile of this.field.querySelectorAll('.ro-pointed')) tile.classList.remove('ro-pointed');
    for (const id of ids) this.tiles[id].classList.add('ro-pointed');
  }

  select(id) {
    for (const tile of this.field.querySelectorAll('.ro-selected')) tile.classList.remove('ro-selected');
    if (id !== null) this.tiles[id].classList.add('ro-selected');
  }
}

export function markOf(sample) {
  return sample.flags.find((flag) => flag in MARKS) ?? null;
}

export function domainLegend(run) {
  const used = new Set(run.samples.map(markOf).filter(Boolean));
  return h('ul', { class: 'ro-key' },
    run.domains.map((name, i) => h('li', {},
      h('span', { class: 'ro-swatch ro-domain-swatch', style: `--ro-domain: var(--ro-domain-${i % 8})` }), name)),
    Object.entries(MARKS).filter(([flag]) => used.has(flag)).map(([flag, mark]) =>
      h('li', {}, h('span', { class: 'ro-mark', 'aria-hidden': 'true' }, mark), flag)));
}

/** What the fill means while it shows loss changes; `limit` is the full colour. */
export function changeLegend(limit) {
  return h('span', { class: 'ro-scale', 'data-tip': 'Change of each tile’s final loss against the reference order, nats per token' },
    signed(-limit), h('span', { class: 'ro-scale-bar' }), signed(limit), ' nats/token');
}

export { GUTTER, RIGHT };
