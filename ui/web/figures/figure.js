// The frame every figure shares: title, explanation, files to save, a table of its numbers for
// the keyboard, and plotly's drawing in between.
import { focusedIn, h, info } from '../shared/dom.js';
import { number } from '../shared/format.js';
import { csvOf, saveText, saveUrl } from '../shared/files.js';
import { escaped, Look, plotly } from './plotly.js';

const PRINT = 3; // pixels of a PNG per CSS pixel: enough for print at column width
const [SMALL, FURTHER] = [5.8, 15]; // pixels of a footer's letter, and of its second line
const CONFIG = { displaylogo: false, displayModeBar: 'hover', doubleClick: 'reset',
  modeBarButtonsToRemove: ['lasso2d', 'select2d', 'autoScale2d', 'toImage', 'zoomIn2d', 'zoomOut2d', 'pan2d'] };

export class Figure {
  /**
   * Subclasses say `traces(shell)`: { data, layout }, and `table()`: { head, rows }; a row may name a sample.
   * @param {{ name: string, title: string, tip: string, tools?: any, select?: (sample: number) => void }} options
   */
  constructor({ name, title, tip, tools = null, select }) {
    this.name = name;
    this.title = title;
    this.select = select;
    /** @type {number | undefined} */
    this.height = undefined; // pixels, where it is not the layout's own
    this.listening = false;
    this.drawn = null; // the view that is on screen
    /** @type {() => void} */
    this.ondrawn = () => {};
    /** @type {any} */
    this.run = null;
    /** @type {any} */
    this.view = null;
    /** @type {number | null} */
    this.selected = null;
    this.plot = /** @type {any} */ (h('div', { class: 'ro-chart', role: 'group', 'aria-label': title }));
    this.rows = h('div', { class: 'ro-data-table' });
    this.data = /** @type {HTMLDetailsElement} */ (h('details', { class: 'ro-data', ontoggle: () => this.tabulate() },
      h('summary', {}, 'Table'), this.rows));
    this.element = h('figure', { class: 'ro-figure', 'data-figure': name },
      h('figcaption', {}, h('h3', {}, title), info(tip), tools, h('span', { class: 'ro-spring' }), this.saves()),
      this.plot, this.data);
    this.look = new Look(this.plot);
    this.look.start(() => this.draw());
    this.watch = new ResizeObserver(([{ contentRect }]) => {
      const width = Math.floor(contentRect.width);
      if (width === this.width) return;
      this.width = width;
      this.draw();
    });
    this.watch.observe(this.plot);
  }

  saves() {
    const save = (kind) => h('button', { type: 'button', class: 'ro-save', onclick: () => this.save(kind), 'data-save': kind,
      'aria-label': `Save \u201c${this.title}\u201d as ${kind.toUpperCase()}`, 'data-tip': `Save as ${kind.toUpperCase()}` },
    kind.toUpperCase());
    return h('span', { class: 'ro-saves' }, save('svg'), save('png'), save('csv'));
  }

  /** Draw the numbers of this view; a promise that ends when they are drawn. */
  show(run, view) {
    this.run = run;
    this.view = view;
    this.tabulate();
    return this.draw();
  }

  async draw() {
    const { shell } = this.look;
    if (!shell || !this.view || !(this.width > 40)) return;
    const library = await plotly();
    if (!this.view || !this.plot.isConnected) return;
    const { data, layout } = this.finished(shell);
    const { view } = this;
    await library.react(this.plot, data, layout, CONFIG);
    this.drawn = view;
    this.ondrawn();
    if (this.listening) return;
    this.listening = true;
    this.plot.on('plotly_click', ({ points }) => this.clicked(points[0]));
  }

  clicked(point) {
    const sample = this.sampleOf(point.customdata);
    if (sample !== null) this.select?.(sample);
  }

  /** The sample that a point stands for; null: none. */
  sampleOf(customdata) { return Number.isInteger(customdata) ? customdata : null; }

  /** Data and layout with what all figures have: look, width, where the numbers come from. */
  finished(shell) {
    const { data, layout } = this.traces(shell);
    const base = structuredClone(shell.layouts[this.name]);
    const merged = { ...base, ...layout, width: this.width };
    for (const axis of ['xaxis', 'yaxis', 'yaxis2']) if (base[axis]) merged[axis] = { ...base[axis], ...layout?.[axis] };
    merged.annotations = [this.footnote(base, merged), ...(layout?.annotations ?? [])];
    merged.template = shell.template;
    // From the top of the figure, not from the plot up: a legend measured before its font had come lay over the plot.
    merged.legend = { yref: 'container', y: 0.995, yanchor: 'top' };
    const large = this.element.closest('.ro-talking') ? 1.25 : 1;
    if (large > 1) merged.font = { size: shell.template.layout.font.size * large };
    merged.height = (this.height ?? layout?.height ?? base.height) + (merged.extra ?? 0);
    delete merged.extra;
    return { data, layout: merged };
  }

  /** Where the numbers come from, under the plot; in two lines where one is too long. */
  footnote(base, merged) {
    const [footer] = base.annotations;
    const [heading, ...rest] = this.footer;
    const line = [heading, ...rest].join(' \u00b7 ');
    if (line.length * SMALL < this.width) return { ...footer, text: escaped(line) };
    merged.extra = FURTHER;
    const margin = { ...this.look.shell.template.layout.margin, ...merged.margin };
    merged.margin = { ...margin, b: margin.b + FURTHER };
    return { ...footer, text: `${escaped(heading)}<br>${escaped(rest.join(' \u00b7 '))}`, align: 'right', yshift: footer.yshift - FURTHER };
  }

  /** @returns {{ data: any[], layout?: any }} */
  traces(shell) { return { data: [], layout: shell && {} }; }

  /** @returns {{ head: string[], rows: { sample?: number, cells: any[] }[] }} */
  table() { return { head: [], rows: [] }; }

  /** The estimator with what it knows, as every page says it. */
  get source() { return this.view.estimate.knows ?? this.view.estimate.name; }

  get footer() {
    return [this.heading, `run ${this.run.id}`, `order ${this.view.hash.slice(0, 8)}`, this.source];
  }

  /** What a picture calls itself; more than the title where that alone would not say it. */
  get heading() { return this.title; }

  /** Name of a file, without its ending. */
  get file() {
    return [this.name, this.run.id, this.view.hash.slice(0, 8), this.view.estimate.name].map((part) =>
      part.replace(/[^A-Za-z0-9+.-]+/g, '-')).join('_');
  }

  /** A data address of the figure as it is on the page. */
  async picture(format) {
    const library = await plotly();
    const { data, layout } = this.finished(this.look.shell);
    const scale = format === 'png' ? PRINT : 1;
    return library.toImage({ data, layout }, { format, width: layout.width, height: layout.height, scale });
  }

  async save(kind) {
    if (kind === 'csv') saveText(`${this.file}.csv`, csvOf(this.table()));
    else saveUrl(await this.picture(kind), `${this.file}.${kind}`);
  }

  /** The numbers as a table, once somebody opens it. */
  tabulate() {
    if (!this.data.open || !this.view) return;
    const { head, rows } = this.table();
    const cell = (value) => (typeof value === 'number' ? number(value, 4) : value);
    const row = ({ sample, cells: [first, ...rest] }) => h('tr', {},
      h('th', { scope: 'row' }, sample === undefined ? first : h('button', { type: 'button', class: 'ro-rank', 'data-sample': sample,
        'data-value': rest.at(-1), 'aria-pressed': String(sample === this.selected), onclick: () => this.select?.(sample) }, first)),
      rest.map((value) => h('td', {}, cell(value))));
    const held = focusedIn('.ro-rank');
    const at = held && this.rows.contains(held) ? held.dataset.sample : null;
    this.rows.replaceChildren(rows.length ? h('table', {}, h('thead', {}, h('tr', {}, head.map((name) => h('th', { scope: 'col' }, name)))),
      h('tbody', {}, rows.map(row))) : h('p', { class: 'ro-nothing' }, 'Nothing to list.'));
    const again = at !== null && (this.rows.querySelector(`[data-sample="${at}"]`) ?? this.rows.querySelector('.ro-rank'));
    if (again) /** @type {HTMLElement} */ (again).focus({ preventScroll: true }); // a keyboard stays in the table
  }

  destroy() {
    this.watch.disconnect();
    this.look.stop();
    if (this.listening) plotly().then((library) => library.purge(this.plot));
  }
}
