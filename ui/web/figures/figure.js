// The frame every figure shares: title, explanation, files to save, a table of its numbers for
// the keyboard, and plotly's drawing in between.
import { focusedIn, h, info } from '../shared/dom.js';
import { clip, isolated } from '../shared/format.js';
import { saveUrl } from '../shared/files.js';
import { unpack } from '../shared/channels.js';
import { coloured, escaped, Look, plotly } from './plotly.js';

const PRINT = 3; // pixels of a PNG per CSS pixel: enough for print at column width
const [SMALL, FURTHER] = [5.8, 15]; // pixels of a footer's letter, and of its second line
const NARROW = 480; // pixels of a figure with fewer ticks
const [NAMES, LETTER] = [0.44, 6.7]; // share of a figure that names of rows may take; pixels of a letter, about
const RING = 14; // pixels around the dot of the selected sample
const CONFIG = { displaylogo: false, displayModeBar: 'hover', doubleClick: 'reset',
  modeBarButtonsToRemove: ['lasso2d', 'select2d', 'autoScale2d', 'toImage', 'zoomIn2d', 'zoomOut2d', 'pan2d'] };

export class Figure {
  /** group: the Figures it is one of; tools: what can be chosen of it. */
  constructor(group, name, title, tools) {
    this.group = group;
    this.owner = group.owner;
    this.name = name;
    this.title = title;
    /** @type {number | undefined} */
    this.height = undefined; // pixels, where it is not the layout's own
    this.listening = false;
    this.hash = null; // of the order that is on screen
    this.plot = /** @type {any} */ (h('div', { class: 'ro-chart', role: 'group', 'aria-label': title }));
    this.rows = h('div', { class: 'ro-data-table' });
    this.data = /** @type {HTMLDetailsElement} */ (h('details', { class: 'ro-data', ontoggle: () => group.ask() },
      h('summary', {}, 'Table'), this.rows));
    this.tip = info('');
    this.element = h('figure', { class: 'ro-figure', 'data-figure': name },
      h('figcaption', {}, h('h3', {}, title), this.tip, tools, h('span', { class: 'ro-spring' }), this.saves()),
      this.plot, this.data);
    this.look = new Look(this.plot, this.owner.life.signal);
    this.look.start(() => this.draw());
    this.watch = new ResizeObserver(([{ contentRect }]) => {
      const width = Math.floor(contentRect.width);
      if (width === this.width) return;
      this.width = width;
      this.draw();
    });
    this.watch.observe(this.plot);
  }

  explain(words) {
    this.tip.setAttribute('aria-label', words);
    this.tip.dataset.tip = words;
  }

  saves() {
    const save = (kind, act) => h('button', { type: 'button', class: 'ro-save', onclick: act, 'data-save': kind,
      'aria-label': `Save \u201c${this.title}\u201d as ${kind.toUpperCase()}`, 'data-tip': `Save as ${kind.toUpperCase()}` },
    kind.toUpperCase());
    return h('span', { class: 'ro-saves' }, ['svg', 'png'].map((kind) => save(kind, () => this.save(kind))),
      save('csv', () => this.owner.send('export', { what: 'figure', figure: this.name })));
  }

  /** Draw what Python sent: the figure as text, the rows of its table where that is open. */
  show(text, rows, hash) {
    if (rows) this.tabulate(rows);
    if (text === this.text && hash === this.hash) return; // it says its order
    this.text = text;
    this.arriving = hash;
    this.draw();
  }

  async draw() {
    const { shell } = this.look;
    if (!shell || !this.text || !(this.width > 40)) return;
    const hash = this.arriving;
    const library = await plotly();
    if (!this.plot.isConnected) return;
    const { data, layout } = this.finished(shell);
    await library.react(this.plot, data, layout, CONFIG);
    this.hash = hash;
    this.group.drawn();
    if (this.listening || this.name === 'generalization') return;
    this.listening = true;
    this.plot.on('plotly_click', ({ points: [point] }) => this.clicked(parseInt(point.customdata, 10)));
  }

  clicked(sample) {
    if (Number.isInteger(sample)) this.owner.select(sample, true);
  }

  /** Traces and layout in this theme and at this width. */
  finished(shell) {
    const { data, layout } = JSON.parse(coloured(this.text, shell.colours));
    layout.width = this.width;
    layout.template = shell.template;
    // From the top of the figure, not from the plot up: a legend measured before its font had come lay over the plot.
    layout.legend = { yref: 'container', y: 0.995, yanchor: 'top' };
    layout.height = this.height ?? layout.height;
    layout.margin = { ...shell.template.layout.margin, ...layout.margin };
    if (this.element.closest('.ro-talking')) layout.font = { size: shell.template.layout.font.size * 1.25 };
    if (layout.meta.names) this.nameRows(layout);
    this.sign(layout);
    if (this.name === 'memorization') data.push(this.ring(data, shell.colours.ink));
    return { data, layout };
  }

  /** Names of rows, as long as there is room for them. */
  nameRows({ meta: { names }, margin, xaxis, yaxis }) {
    const letters = Math.floor((NAMES * this.width) / LETTER);
    yaxis.ticktext = names.map((name) => isolated(escaped(clip(name, letters))));
    yaxis.automargin = false;
    margin.l = 16 + LETTER * Math.min(letters, Math.max(...names.map(({ length }) => length)));
    if (this.width < NARROW) xaxis.nticks = 3;
  }

  /** Title, and where the numbers come from, under the plot; in two lines where one is too long. */
  sign(layout) {
    const [footer] = layout.annotations;
    const title = escaped(layout.meta.title);
    if ((title.length + footer.text.length + 3) * SMALL < this.width) {
      footer.text = `${title} \u00b7 ${footer.text}`;
      return;
    }
    Object.assign(footer, { text: `${title}<br>${footer.text}`, align: 'right', yshift: footer.yshift - FURTHER });
    layout.height += FURTHER;
    layout.margin.b += FURTHER;
  }

  /** A ring around the dot of the selected sample. */
  ring(data, color) {
    const found = { x: [], y: [] };
    for (const { customdata, x, y, error_y: dots } of data) {
      if (!dots) continue; // a real retraining
      const known = unpack(customdata.bdata);
      const wide = Number(customdata.shape.split(',')[1]);
      const at = known.findIndex((value, i) => i % wide === 0 && value === this.owner.selected) / wide;
      if (at >= 0) Object.assign(found, { x: [unpack(x.bdata)[at]], y: [unpack(y.bdata)[at]] });
    }
    return { type: 'scatter', mode: 'markers', ...found, customdata: [this.owner.selected], name: 'selected', showlegend: false, hoverinfo: 'skip',
      marker: { symbol: 'circle-open', size: RING, color, line: { width: 2 } } };
  }

  /** A data address of the figure as it is on the page. */
  async picture(format) {
    const library = await plotly();
    const { data, layout } = this.finished(this.look.shell);
    const scale = format === 'png' ? PRINT : 1;
    return library.toImage({ data, layout }, { format, width: layout.width, height: layout.height, scale });
  }

  async save(kind) { saveUrl(await this.picture(kind), `${JSON.parse(this.text).layout.meta.file}.${kind}`); }

  /** The numbers as a table. */
  tabulate(rows) {
    const held = focusedIn('.ro-rank');
    const at = held && this.rows.contains(held) ? held.dataset.sample : null;
    this.owner.acting.lay(this.rows, rows);
    this.pressed();
    const again = at !== null && (this.rows.querySelector(`[data-sample="${at}"]`) ?? this.rows.querySelector('.ro-rank'));
    if (again) /** @type {HTMLElement} */ (again).focus({ preventScroll: true }); // a keyboard stays in the table
  }

  /** Which row is the selected sample's. */
  pressed() {
    for (const one of /** @type {NodeListOf<HTMLElement>} */ (this.rows.querySelectorAll('.ro-rank'))) {
      one.setAttribute('aria-pressed', String(Number(one.dataset.sample) === this.owner.selected));
    }
  }

  destroy() {
    this.watch.disconnect();
    if (this.listening) plotly().then((library) => library.purge(this.plot));
  }
}
