// The tiles: one column a step, one tile a sample. On narrow screens the columns wrap; a training
// too long for that is seen through a window of steps, with a map of the whole below.
import { h } from '../shared/dom.js';
import { signed } from '../shared/format.js';
import { placeOf } from '../shared/run.js';
import { Labels } from './labels.js';
import { Minimap } from './minimap.js';

const GUTTER = 52; // room for labels; the response curves below share it
const RIGHT = 14;
const GLIDING = 24; // more animated tiles than this cost frames without a GPU
const NARROWEST = 17; // pixels a column
const MOST_BANDS = 3;
const TRAY = 34; // pixels of the words over the bench
const BEST = 24; // pixels a column of a window
export const MARKS = { canary: '\u25c6', poison: '\u2715', duplicate: '\u29c9' };

export class Board {
  constructor() {
    this.caret = h('div', { class: 'ro-caret', hidden: true });
    this.origin = h('div', { class: 'ro-origin', hidden: true });
    this.lasso = h('div', { class: 'ro-lasso', hidden: true });
    this.field = h('div', { class: 'ro-field', role: 'group',
      'aria-label': 'Training order: one column a step. Arrow keys move the focus, with Shift they select, '
        + 'Control Space selects one more, Space picks up, arrows carry, Space drops, Escape puts back.' });
    this.labels = new Labels(this);
    this.tray = h('p', { class: 'ro-bench', hidden: true });
    this.minimap = new Minimap(this);
    this.element = h('div', { class: 'ro-board' }, this.field, this.labels.element, this.minimap.element, this.tray);
    this.element.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    this.tiles = [];
    this.marks = new Map(); // kind -> the ids that carry it
    this.first = 0;
    this.held = -1; // the sample in the hand
    /** @type {() => void} */
    this.onScroll = () => {};
  }

  build(run) {
    this.run = run;
    this.width = undefined;
    this.first = 0;
    this.reachable = undefined;
    this.tray.hidden = run.count === run.trained;
    this.tray.textContent = `Bench: ${run.count - run.trained} that this order does not train. Drag a tile here to leave it out, `
      + 'or one of these to a step to train it; the two change places.';
    this.marks.clear();
    this.tiles = run.samples.map((sample) => h('button', {
      type: 'button', class: 'ro-tile', 'data-sample': sample.id, tabindex: -1,
      'data-flag': markOf(sample),
      style: `--ro-domain: var(--ro-domain-${sample.shade})`,
    }, MARKS[markOf(sample)] ?? ''));
    this.field.replaceChildren(this.origin, this.caret, this.lasso);
  }

  // --- where things lie --------------------------------------------------------

  /** Where everything lies for this width; false when nothing changed. */
  measure() {
    const width = this.element.clientWidth;
    if (!this.run || !width || width === this.width) return false;
    this.width = width;
    const { steps, batch } = this.run;
    const room = width - GUTTER - RIGHT;
    const bands = Math.max(1, Math.ceil((steps * NARROWEST) / room));
    this.windowed = bands > MOST_BANDS;
    this.bands = this.windowed ? 1 : bands;
    this.columns = this.windowed ? Math.max(4, Math.floor(room / BEST)) : Math.ceil(steps / this.bands);
    this.pitch = room / this.columns;
    this.tileWidth = Math.min(44, this.pitch - Math.min(4, this.pitch * 0.14));
    this.tileHeight = Math.round(Math.min(26, Math.max(18, this.pitch * 0.72)));
    this.rowPitch = this.tileHeight + 2;
    this.bandHeight = batch * this.rowPitch + 26;
    const map = this.minimap.measure(this.windowed, room, GUTTER);
    this.minimap.element.style.top = `${this.bandHeight}px`;
    this.trayTop = this.bands * this.bandHeight + map + (this.tray.hidden ? 0 : TRAY);
    this.trayColumns = Math.max(1, Math.floor(room / (this.tileWidth + 4)));
    const rows = Math.ceil((this.run.count - this.run.trained) / this.trayColumns);
    this.tray.style.top = `${this.trayTop - TRAY}px`;
    this.element.style.height = `${this.trayTop + rows * this.rowPitch}px`;
    this.element.toggleAttribute('data-windowed', this.windowed);
    this.field.style.setProperty('--ro-tile-w', `${this.tileWidth}px`);
    this.field.style.setProperty('--ro-tile-h', `${this.tileHeight}px`);
    this.scrollTo(this.first, true);
    return true;
  }

  /** x of a step's middle where one band holds all; the response curves and the map use it. */
  stepX(step) {
    return GUTTER + ((step + 0.5) * (this.width - GUTTER - RIGHT)) / this.run.steps;
  }

  position(slot) {
    const behind = slot - this.run.trained;
    if (behind >= 0) {
      return { x: GUTTER + (behind % this.trayColumns) * (this.tileWidth + 4),
        y: this.trayTop + Math.floor(behind / this.trayColumns) * this.rowPitch };
    }
    const step = Math.floor(slot / this.run.batch) - this.start;
    const row = slot % this.run.batch;
    const band = this.windowed ? 0 : Math.floor(step / this.columns);
    const column = this.windowed ? step : step % this.columns;
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
    if (!this.tray.hidden && y > this.trayTop - TRAY / 2) {
      const row = Math.max(0, Math.floor((y - this.trayTop) / this.rowPitch));
      const at = row * this.trayColumns + clamp((x - GUTTER) / (this.tileWidth + 4), this.trayColumns - 1);
      return this.run.trained + clamp(at, this.run.count - this.run.trained - 1);
    }
    if (this.windowed && y > this.bandHeight) return clamp(((x - GUTTER) * steps) / (box.width - GUTTER - RIGHT), steps - 1) * batch;
    const band = clamp(y / this.bandHeight, this.bands - 1);
    const column = clamp((x - GUTTER) / this.pitch, this.columns - 1);
    const row = clamp((y - band * this.bandHeight) / this.rowPitch, batch - 1);
    return Math.min(steps - 1, this.start + band * this.columns + column) * batch + row;
  }

  /** The samples whose tiles touch a rectangle of the page. */
  within(left, top, right, bottom) {
    const box = this.element.getBoundingClientRect();
    return this.run.samples.map(({ id }) => id).filter((id) => {
      if (!this.tiles[id].isConnected) return false;
      const { x, y } = this.position(this.slots[id]);
      return x + box.left < right && x + box.left + this.tileWidth > left
        && y + box.top < bottom && y + box.top + this.tileHeight > top;
    });
  }

  // --- the window ----------------------------------------------------------------

  get left() { return GUTTER; }

  get start() { return this.windowed ? this.first : 0; }

  shows(slot) {
    const step = Math.floor(slot / this.run.batch);
    return !this.windowed || slot >= this.run.trained || (step >= this.first && step < this.first + this.columns);
  }

  /** Show the steps from `first` on. */
  scrollTo(first, still = true) {
    const most = this.windowed ? this.run.steps - this.columns : 0;
    const to = Math.max(0, Math.min(most, Math.round(first)));
    if (to === this.first && this.drawnFirst === `${to} ${this.width}`) return;
    this.first = to;
    this.drawnFirst = `${to} ${this.width}`;
    this.labels.draw();
    this.minimap.frame();
    this.onScroll();
    if (this.slots) this.place(this.slots, this.held, still);
  }

  reveal(slot) {
    if (!this.shows(slot)) this.scrollTo(Math.floor(slot / this.run.batch) - this.columns / 2);
  }

  wheel(event) {
    const over = this.minimap.element.contains(event.target);
    const by = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey ? event.deltaX || event.deltaY : over ? event.deltaY : 0;
    if (!this.windowed || !by) return;
    event.preventDefault();
    this.scrollTo(this.first + Math.sign(by) * Math.max(1, Math.round(Math.abs(by) / 40)));
  }

  /** −1 or 1 where a carried tile is at the window's edge and there is more. */
  edge(clientX, clientY) {
    const box = this.element.getBoundingClientRect();
    if (!this.windowed || clientY > box.top + this.bandHeight) return 0;
    if (clientX < box.left + GUTTER && this.first > 0) return -1;
    return clientX > box.right - RIGHT - this.pitch / 2 && this.first < this.run.steps - this.columns ? 1 : 0;
  }

  // --- drawing ---------------------------------------------------------------------

  /** Move every tile to its slot, gliding where few move and the board itself did not change. */
  place(slots, except = -1, still = false) {
    this.slots = slots;
    const moved = [];
    const arriving = [];
    for (const [id, tile] of this.tiles.entries()) {
      if (id === except) continue;
      if (!this.shows(slots[id])) {
        if (tile.isConnected) tile.remove();
        continue;
      }
      if (!tile.isConnected) arriving.push(tile);
      const { x, y } = this.position(slots[id]);
      const transform = `translate(${x}px, ${y}px)`;
      if (tile.style.transform !== transform) moved.push([tile, transform]);
      if (this.look && tile.look !== this.look) this.paint(id);
    }
    if (still || moved.length > GLIDING) this.field.dataset.still = '';
    else delete this.field.dataset.still;
    for (const [tile, transform] of moved) tile.style.transform = transform;
    this.field.append(...arriving);
  }

  /** Fill the tiles; see `colouring`. */
  colour(look) {
    this.look = look;
    this.field.dataset.mode = look.mode;
    for (const [id, tile] of this.tiles.entries()) if (tile.isConnected) this.paint(id);
    this.minimap.draw(look, this.slots);
  }

  paint(id) {
    const { look, run } = this;
    const tile = this.tiles[id];
    const sample = run.samples[id];
    tile.look = look;
    const level = `${Math.round(look.level[id] * 100)}%`;
    const side = look.rises[id] ? 'rise' : 'fall';
    const told = [`sample ${sample.title}`, sample.name, ...sample.flags,
      placeOf(run, this.slots[id]), `loss change ${signed(look.changes[id])}`].join(', ');
    // Most tiles stay as they are, and each change asks for new styles.
    if (tile.level !== level) tile.style.setProperty('--ro-level', tile.level = level);
    if (tile.dataset.side !== side) tile.dataset.side = side;
    if (tile.told !== told) tile.setAttribute('aria-label', tile.told = told);
  }

  /** Where the tiles came from, and the slot under the pointer: a line to insert at, or a frame around what is swapped. */
  showTarget(from, slot, kind) {
    const home = this.position(from);
    this.origin.hidden = kind === undefined || !this.shows(from);
    this.origin.style.transform = `translate(${home.x}px, ${home.y}px)`;
    this.minimap.point(kind === undefined ? null : slot);
    if (kind === undefined || slot === null || slot === from || !this.shows(slot)) {
      this.caret.hidden = true;
      return;
    }
    const { x, y } = this.position(slot);
    const edge = slot > from ? y + this.tileHeight - 1 : y - 3;
    this.caret.hidden = false;
    this.caret.dataset.kind = kind;
    this.caret.style.transform = `translate(${x - 3}px, ${kind === 'swap' ? y - 3 : edge}px)`;
  }

  focusStep(step) {
    this.reveal(step * this.run.batch);
    this.labels.focus(step);
  }

  focus(id) {
    this.reveal(this.slots[id]);
    this.roving(id);
    this.tiles[id].focus({ preventScroll: false });
  }

  /** The one tile that Tab reaches. */
  roving(id) {
    if (this.reachable === id) return;
    this.tiles[this.reachable]?.setAttribute('tabindex', '-1');
    this.tiles[id].setAttribute('tabindex', '0');
    this.reachable = id;
  }

  /** Show that these tiles are selected, to the eye and to a screen reader. */
  choose(ids) {
    for (const id of this.marks.get('chosen') ?? []) this.tiles[id]?.removeAttribute('aria-pressed');
    this.mark('chosen', ids);
    for (const id of ids) this.tiles[id].setAttribute('aria-pressed', 'true');
  }

  /** Give these tiles a mark (`ro-<kind>`), and take it from all others. */
  mark(kind, ids) {
    for (const id of this.marks.get(kind) ?? []) this.tiles[id]?.classList.remove(`ro-${kind}`);
    this.marks.set(kind, [...ids]);
    for (const id of ids) this.tiles[id].classList.add(`ro-${kind}`);
  }
}

export function markOf(sample) {
  return sample.flags.find((flag) => flag in MARKS) ?? null;
}

export { GUTTER, RIGHT };
