// How often the 90 % intervals hold: over all, by family of orders, by domain of samples.
import { s } from './shared/dom.js';
import { number } from './shared/format.js';
import { Figure, linear, xAxis } from './shared/chart.js';

const ROW = 27;
const GAP = 14;

export class Coverage extends Figure {
  constructor() {
    super({
      name: 'coverage', title: 'How often the 90 % intervals hold', unit: '% of retrained losses inside', height: 330,
      label: 'Share of retrained losses inside the 90 % interval, by family and domain',
      tip: 'How often a sample’s retrained final loss lies inside the estimate’s 90 % interval. On the line: as '
        + 'promised. Left of it: too narrow, the estimate claims to know more than it does. Bars: 95 % bootstrap '
        + 'intervals over orders, since the losses of one order err together.',
      paint: (width, height) => this.rows(width, height),
    });
    this.note = this.element.appendChild(document.createElement('p'));
    this.note.className = 'ro-note';
  }

  show({ coverage, families, family, domains }) {
    Object.assign(this, { coverage, families, family, domains });
    this.note.hidden = coverage.length > 0;
    this.note.textContent = 'This estimator gives no intervals, so there is nothing to hold it to.';
    this.body.hidden = !coverage.length;
    this.height = Math.max(330, 70 + ROW * coverage.length + 2 * GAP);
    this.body.style.height = `${this.height}px`;
    this.svg.setAttribute('height', this.height);
    this.update();
  }

  rows(width, height) {
    if (!this.coverage.length) return [];
    const left = Math.min(118, width * 0.3);
    const right = width - (width < 380 ? 48 : 116);
    const low = Math.min(0.7, ...this.coverage.flatMap(({ share, lo }) => [share, lo].filter(Number.isFinite)));
    const from = Math.floor(low * 10) / 10;
    const x = linear([from, 1], [left, right]);
    const values = [0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].filter((v) => v >= from && (from > 0.45 || v !== 0.5)
      && (right - left > 220 || v !== 0.7 || from > 0.65));
    const base = height - 46;
    let y = 4;
    let kind = 'all';
    const rows = this.coverage.map((row) => {
      if (row.kind !== kind) y += GAP;
      kind = row.kind;
      y += ROW;
      return this.row(row, x, y - ROW / 2 + 4, width);
    });
    return [
      s('g', { class: 'ro-axis' }, values.map((v) => s('line', { x1: x(v), x2: x(v), y1: 6, y2: base, class: 'ro-grid' })),
        s('line', { x1: x(0.9), x2: x(0.9), y1: 2, y2: base, class: 'ro-promise' })),
      xAxis(x, values, base, 'held, %', (v) => number(100 * v, 0)), rows,
    ];
  }

  row({ kind, name, share, lo, hi, orders, losses }, x, y, width) {
    const family = this.families.findIndex((one) => one.name === name);
    const colour = kind === 'domain' ? `ro-domain-${this.domains.indexOf(name) % 8}`
      : kind === 'family' ? `ro-family-${family}` : 'ro-family-all';
    const chosen = kind === 'all' || (kind === 'family' && name === this.family);
    const bar = Number.isFinite(lo) ? `\n95 % interval ${number(100 * lo, 1)} to ${number(100 * hi, 1)} %` : '';
    return s('g', { class: chosen ? 'ro-row ro-row-all' : 'ro-row',
      'data-tip': `${name}: ${number(100 * share, 1)} % of ${losses.toLocaleString('en')} losses in ${orders} order${orders === 1 ? '' : 's'}${bar}` },
    s('rect', { x: 0, y: y - ROW / 2, width, height: ROW, fill: 'transparent' }),
    s('text', { x: 0, y, dy: '0.32em' }, name),
    Number.isFinite(lo) ? s('line', { class: `ro-cover-bar ${colour}`, x1: x(lo), x2: x(hi), y1: y, y2: y }) : null,
    s('circle', { class: `ro-cover-dot ${colour}`, cx: x(share), cy: y, r: 5 }),
    s('text', { class: 'ro-row-value', x: width, y, dy: '0.32em', 'text-anchor': 'end', 'data-coverage': name,
      'data-value': share }, `${number(100 * share, 0)} %`,
    s('tspan', { class: 'ro-count' }, kind === 'domain' || width < 380 ? '' : ` · ${orders} order${orders === 1 ? '' : 's'}`)));
  }
}
