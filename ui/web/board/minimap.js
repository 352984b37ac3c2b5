// The whole training as a strip of pixels, for orders too long to show tile by tile.
import { h } from '../shared/dom.js';
import { fillOf } from './colouring.js';

const ROW = 4; // pixels a sample
const GAP = 12;
const PAGES = { PageDown: 1, PageUp: -1 }; // windows further on; a slider of its own would go back

export class Minimap {
  constructor(board) {
    this.board = board;
    this.canvas = h('canvas', { class: 'ro-map-canvas', 'aria-hidden': 'true' });
    this.view = h('div', { class: 'ro-map-view' });
    this.target = h('div', { class: 'ro-map-target', hidden: true });
    this.range = h('input', { type: 'range', class: 'ro-map-range', min: 1, 'aria-label': 'Steps shown on the board',
      'data-tip': 'The whole training: drag or click to show other steps; tiles can be dropped here',
      oninput: () => board.scrollTo(Number(this.range.value) - 1),
      onkeydown: (event) => { if (event.key in PAGES) { event.preventDefault(); board.scrollTo(board.first + PAGES[event.key] * board.columns); } } });
    this.strip = h('div', { class: 'ro-map-strip' }, this.canvas, this.range, this.view, this.target);
    this.probes = h('div', { hidden: true });
    this.element = h('div', { class: 'ro-map', hidden: true }, this.strip, this.probes);
  }

  /** Lays itself out; the height it takes. */
  measure(shown, room, left) {
    this.element.hidden = !shown;
    if (!shown) return 0;
    this.room = room;
    this.height = this.board.run.batch * ROW;
    this.strip.style.cssText = `left:${left}px;width:${room}px;height:${this.height}px;top:${GAP / 2}px`;
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(room * scale);
    this.canvas.height = Math.round(this.height * scale);
    if (this.look) this.draw(this.look, this.board.slots);
    return this.height + GAP;
  }

  /** With the next frame, when the page's styles are worked out anyway: the colours ask for them. */
  draw(look, slots) {
    this.look = look;
    if (!this.board.windowed || !slots || this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.paint(this.look, this.board.slots);
    });
  }

  paint(look, slots) {
    const { samples, steps, batch } = this.board.run;
    const pen = this.canvas.getContext('2d');
    const wide = this.canvas.width / steps;
    const high = this.canvas.height / batch;
    const fills = samples.map((sample) => fillOf(look, sample));
    const colours = this.resolved(new Set(fills));
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (const sample of samples) {
      pen.fillStyle = colours.get(fills[sample.id]);
      const slot = slots[sample.id];
      pen.fillRect(Math.floor(Math.floor(slot / batch) * wide), (slot % batch) * high, Math.ceil(wide), high - 1);
    }
  }

  /** CSS as written -> as the canvas understands it; all at once, since each look costs a pass over the page. */
  resolved(written) {
    const probes = [...written].map((css) => [css, h('i', { style: `color: ${css}` })]);
    this.probes.replaceChildren(...probes.map(([, probe]) => probe));
    return new Map(probes.map(([css, probe]) => [css, getComputedStyle(probe).color]));
  }

  frame() {
    const { board } = this;
    if (!board.windowed) return;
    const { steps } = board.run;
    this.view.style.left = `${(100 * board.first) / steps}%`;
    this.view.style.width = `${(100 * board.columns) / steps}%`;
    this.range.style.setProperty('--ro-thumb', this.view.style.width);
    this.range.max = String(steps - board.columns + 1);
    this.range.value = String(board.first + 1);
    this.range.setAttribute('aria-valuetext', `steps ${board.first + 1} to ${board.first + board.columns} of ${steps}`);
  }

  /** Where a carried tile would land; null: nowhere. */
  point(slot) {
    this.target.hidden = slot === null || !this.board.windowed;
    if (!this.target.hidden) this.target.style.left = `${(100 * (Math.floor(slot / this.board.run.batch) + 0.5)) / this.board.run.steps}%`;
  }
}
