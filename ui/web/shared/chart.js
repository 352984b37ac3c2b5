// The frame every figure shares: title, unit, explanation, download; scales and axes.
import { h, s, info } from './dom.js';
import { number } from './format.js';
import { download } from './export.js';

/**
 * A linear scale; `scale.invert` goes back.
 * @param {number[]} domain
 * @param {number[]} range
 */
export function linear([a, b], [from, to]) {
  const scale = (value) => from + ((value - a) / (b - a || 1)) * (to - from);
  scale.invert = (pixel) => a + ((pixel - from) / (to - from || 1)) * (b - a);
  scale.domain = [a, b];
  return scale;
}

/**
 * Round values between two ends, about `count` of them.
 * @param {number[]} ends
 * @param {number} count
 */
export function ticks([low, high], count) {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((size) => size >= rough * 0.999);
  const values = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) values.push(i * step);
  return values;
}

/**
 * A range that holds all finite values and, if asked, zero; never of no width.
 * @param {Iterable<number>} values
 * @returns {[number, number]}
 */
export function extent(values, { zero = false, least = 0, pad = 0.08 } = {}) {
  const finite = Array.from(values).filter(Number.isFinite);
  if (zero) finite.push(0);
  let low = Math.min(...finite);
  let high = Math.max(...finite);
  if (!finite.length) [low, high] = [-1, 1];
  const room = Math.max(0, least - (high - low)) / 2;
  low -= room;
  high += room;
  const margin = (high - low) * pad;
  return [low - margin, high + margin];
}

export function tickDigits(values) {
  const step = values.length > 1 ? Math.abs(values[1] - values[0]) : 1;
  return Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
}

/**
 * Horizontal grid lines with their values, to the left of the plot.
 * @param {(value: number) => string} [format]
 */
export function yAxis(scale, values, left, right, format) {
  const digits = tickDigits(values);
  const show = format ?? ((value) => number(value, digits));
  return s('g', { class: 'ro-axis' }, values.map((value) => [
    s('line', { x1: left, x2: right, y1: scale(value), y2: scale(value),
      class: Math.abs(value) < 1e-12 ? 'ro-zero' : 'ro-grid' }),
    s('text', { x: left - 7, y: scale(value), dy: '0.32em', 'text-anchor': 'end' }, show(value)),
  ]));
}

/**
 * Values under the plot, and a name for the axis.
 * @param {string} [name]
 * @param {(value: number) => string} [format]
 */
export function xAxis(scale, values, y, name, format) {
  const digits = tickDigits(values);
  const show = format ?? ((value) => number(value, digits));
  const middle = (scale(scale.domain[0]) + scale(scale.domain[1])) / 2;
  return s('g', { class: 'ro-axis' },
    values.map((value) => [
      s('line', { x1: scale(value), x2: scale(value), y1: y, y2: y + 4, class: 'ro-tick' }),
      s('text', { x: scale(value), y: y + 16, 'text-anchor': 'middle' }, show(value)),
    ]),
    name ? s('text', { x: middle, y: y + 32, 'text-anchor': 'middle', class: 'ro-axis-name' }, name) : null);
}

/**
 * A path through points [x, y].
 * @param {number[][]} points
 */
export function line(points) {
  return points.filter(([, y]) => Number.isFinite(y))
    .map(([x, y], i) => `${i ? 'L' : 'M'}${x.toFixed(2)},${y.toFixed(2)}`).join('');
}

/**
 * A closed path around [x, low, high].
 * @param {number[][]} points
 */
export function band(points) {
  const good = points.filter(([, low, high]) => Number.isFinite(low) && Number.isFinite(high));
  if (!good.length) return '';
  const top = line(good.map(([x, , high]) => [x, high]));
  return `${top}${line(good.map(([x, low]) => [x, low]).reverse()).replace('M', 'L')}Z`;
}

/** What an unfilled figure or reader's mark means: [[class, text], …] */
export function key(entries) {
  return h('ul', { class: 'ro-key' }, entries.map(([kind, text]) =>
    h('li', {}, h('span', { class: `ro-swatch ${kind}`, 'aria-hidden': 'true' }), text)));
}

/** Buttons that save a figure { name, title, svg, height, legend, element } as files. */
export function saves(figure, title) {
  const save = (kind) => h('button', {
    type: 'button', class: 'ro-save', onclick: () => download(figure, kind),
    'aria-label': `Save “${title}” as ${kind.toUpperCase()}`, 'data-tip': `Save as ${kind.toUpperCase()}`,
  }, kind.toUpperCase());
  return h('span', { class: 'ro-saves' }, save('svg'), save('png'));
}

export class Figure {
  /**
   * `paint(width, height)` returns the children of the SVG.
   * @param {{ name: string, title: string, unit?: string, tip: string, height: number, label?: string,
   *   tools?: Node, paint: (width: number, height: number) => any[] }} options
   */
  constructor({ name, title, unit, tip, height, paint, label, tools }) {
    this.paint = paint;
    /** @type {any} */
    this.run = null;
    /** @type {any} */
    this.view = null;
    /** @type {any} */
    this.slots = null;
    this.selected = null;
    this.what = '';
    this.sample = null;
    this.height = height;
    this.name = name;
    this.svg = s('svg', { class: 'ro-plot', role: 'img', 'aria-label': label ?? title, height });
    this.legend = h('div', { class: 'ro-legend' });
    this.body = h('div', { class: 'ro-figure-body', style: `height:${height}px` }, this.svg);
    this.title = unit ? `${title}: ${unit}` : title;
    this.element = h('figure', { class: 'ro-figure', 'data-figure': name },
      h('figcaption', {},
        h('h3', {}, title), unit ? h('span', { class: 'ro-unit' }, unit) : null, info(tip),
        tools ?? null, h('span', { class: 'ro-spring' }), saves(this, title)),
      this.legend, this.body);
    this.watch = new ResizeObserver(([{ contentRect }]) => {
      this.width = Math.floor(contentRect.width); // kept: asking the element would cost a layout at every drop
      this.draw();
    });
    this.watch.observe(this.body);
  }

  draw() {
    const width = this.width ?? Math.floor(this.body.clientWidth);
    if (width < 40 || !this.ready) return;
    this.svg.setAttribute('width', width);
    this.svg.setAttribute('viewBox', `0 0 ${width} ${this.height}`);
    this.svg.replaceChildren(...this.paint(width, this.height).flat(3).filter(Boolean));
  }

  update() {
    this.ready = true;
    this.draw();
  }

  destroy() {
    this.watch.disconnect();
  }
}
