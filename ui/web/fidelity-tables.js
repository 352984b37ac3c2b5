// The fidelity page's tables: estimators on one family; the ledger of retrained orders.
import { h, info } from './shared/dom.js';
import { number, signed } from './shared/format.js';
import { saveText } from './shared/export.js';
import { timelineLink } from './shared/links.js';

const percent = (value) => (Number.isFinite(value) ? `${number(100 * value, 0)} %` : '\u2013');
const milliseconds = (value) => (Number.isFinite(value) ? number(value, value < 1 ? 2 : value < 10 ? 1 : 0) : '\u2013');
const megabytes = (value) => (value > 0 ? number(value / 1e6, value < 1e6 ? 2 : 1) : value === 0 ? '0' : '\u2013');
const three = (value) => number(value, 3);

// [key, label, second line, better, format, explanation]; better: +1 more, −1 less, 0 nearest 90 %
const COLUMNS = [
  ['r2', 'R²', 'effect explained', 1, three, 'Share of the order’s effect on samples’ final losses that is explained. 1 is '
    + 'perfect, 0 no better than “the order changes nothing”, below 0 worse than that.'],
  ['rho_sample', 'ρ of a sample', 'across orders', 1, three, 'Spearman rank correlation across orders, for each sample, then '
    + 'averaged: in which order is this sample remembered best? Bootstrap draws repeat orders, which lowers this measure a '
    + 'little, so the value can lie above its interval.'],
  ['rho_within', 'ρ within', 'an order', 1, three, 'Spearman rank correlation across the samples of one order, averaged over '
    + 'orders: which samples end with a high loss? High for anyone, as samples differ more than orders do.'],
  ['rho_heldout', 'ρ held-out', 'across orders', 1, three, 'Spearman rank correlation across orders of the mean held-out loss: '
    + 'which order generalizes best?'],
  ['rel_mae', 'Error', '1: no change', -1, three, 'Mean absolute error of final losses, in units of the error of assuming that '
    + 'the order changes nothing. Below 1 the estimate helps.'],
  ['coverage90', 'Held by 90 %', 'aim: 90 %', 0, percent, 'How often the retrained loss lies inside the estimate’s 90 % interval.'],
  ['query_ms_p50', 'Query', 'ms, median', -1, milliseconds, 'Time of one estimate on the machine that measured it.'],
  ['precompute_rre', 'Cost before', 'in RRE', -1, (v) => number(v, 1), 'Precomputation in reference-run equivalents: 1 RRE is one '
    + 'training of the analysed run. Retrainings that it learned from are counted.'],
  ['bytes', 'Stored', 'MB', -1, megabytes, 'Size of the arrays that it keeps.'],
];
const COSTS = new Set(['query_ms_p50', 'precompute_rre', 'bytes']);

export class Reports {
  constructor() {
    this.heading = h('h3', {}, 'Estimators against real retraining');
    this.unit = h('span', { class: 'ro-unit' });
    this.save = h('button', { type: 'button', class: 'ro-save', 'aria-label': 'Save the table as CSV',
      'data-tip': 'Save as CSV', onclick: () => saveText(`fidelity-${this.report.family}.csv`, csv(this.report)) }, 'CSV');
    this.scroll = h('div', { class: 'ro-scroll', tabindex: 0, role: 'region', 'aria-label': 'Table of estimators' });
    this.element = h('section', { class: 'ro-panel ro-table-panel' },
      h('div', { class: 'ro-table-head' }, this.heading, this.unit, h('span', { class: 'ro-spring' }), this.save),
      this.scroll,
      h('p', { class: 'ro-table-legend' }, h('b', {}, '●'), ' best of its column; ', h('b', {}, '○'),
        ' not told apart from it: its interval reaches the best. The baseline “reference”, which says that nothing changes, '
        + 'stays out of that. Small figures: 95 % bootstrap intervals over orders.'));
  }

  show(report, data, words) {
    this.report = report;
    this.element.hidden = !report;
    if (!report) return;
    const key = JSON.stringify([report, data.estimator]);
    if (key === this.shown) return; // no flicker, no lost focus
    this.shown = key;
    this.unit.textContent = `${report.orders} ${words}, seed ${report.seed}`
      + (Number.isFinite(report.spread) ? `; a sample’s final loss varies by ${number(report.spread, 3)} nats over them` : '');
    const best = Object.fromEntries(COLUMNS.map(([column, , , better]) => [column, bestOf(report.rows, column, better)]));
    this.scroll.replaceChildren(h('table', { class: 'ro-table' },
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Estimator'),
        COLUMNS.map(([, label, second, , , tip]) => h('th', { scope: 'col' }, label, info(tip), h('small', {}, second))))),
      h('tbody', {}, report.rows.map((row) => h('tr', { class: row.name === data.estimator ? 'ro-chosen' : null },
        h('th', { scope: 'row' }, row.name, h('small', {}, row.about)),
        COLUMNS.map((column) => cell(row, column, best[column[0]])))))));
  }
}

/** The best value of a column, the do-nothing baseline aside. */
function bestOf(rows, column, better) {
  const good = rows.filter((row) => row.name !== 'reference' && Number.isFinite(row[column])).map((row) => row[column]);
  if (good.length < 2) return NaN;
  const far = (value) => Math.abs(value - 0.9);
  if (better === 0) return good.reduce((a, b) => (far(b) < far(a) ? b : a));
  return better > 0 ? Math.max(...good) : Math.min(...good);
}

function cell(row, [column, , , better, format], best) {
  const value = row[column];
  const [low, high] = row.ci[column] ?? [];
  const real = row.name !== 'reference' && Number.isFinite(value);
  const top = real && value === best;
  const near = real && !top && Number.isFinite(low) && low <= best && best <= high && better !== 0;
  return h('td', { class: top ? 'ro-best' : null, 'data-measure': column, 'data-best': top },
    h('span', { class: 'ro-best-mark', 'aria-label': top ? 'best' : near ? 'not told apart from the best' : null,
      role: top || near ? 'img' : null }, top ? '● ' : near ? '○ ' : ''), format(value),
    COSTS.has(column) || column === 'coverage90' ? null
      : h('small', {}, Number.isFinite(low) ? `${number(low, 2)} to ${number(high, 2)}` : '\u00a0'));
}

function csv(report) {
  const keys = COLUMNS.map(([key]) => key);
  const head = ['family', 'orders', 'seed', 'estimator', ...keys.flatMap((key) => [key, `${key}_lo`, `${key}_hi`])];
  const rows = report.rows.map((row) => [report.family, report.orders, report.seed, row.name,
    ...keys.flatMap((key) => [row[key], ...(row.ci[key] ?? [null, null])])]);
  return [head, ...rows].map((cells) => cells.map((value) => value ?? '').join(',')).join('\n');
}

// [key, label, value of a row, format, explanation]
const LEDGER = [
  ['family', 'Family', (o) => o.family, (v) => v, 'The way of drawing that gave the order; “by hand” where a person chose it.'],
  ['change', 'Samples moved by', (o) => o.change, (v) => number(v, 4), 'Real change of a sample’s final loss against the '
    + 'reference, absolute, mean over samples; nats/token.'],
  ['error', 'Error of estimate', (o) => o.error, (v) => number(v, 4), 'Mean absolute error of the samples’ estimated final losses; '
    + 'nats/token. Smaller than the change: the estimate helps.'],
  ['probeChange', 'Held-out change', (o) => o.probeChange, (v) => signed(v, 4), 'Real change of the mean held-out loss; below zero: '
    + 'generalizes better; nats/token.'],
  ['probeError', 'Its error', (o) => o.probeError, (v) => number(v, 4), 'Absolute error of the estimated mean held-out loss; nats/token.'],
  ['inside', 'Inside 90 %', (o) => o.inside, percent, 'Share of samples whose retrained loss lies inside the 90 % interval.'],
  ['distance', 'Distance', (o) => o.distance, (v) => number(v, 3), 'How far the estimated final weights lie from the reference '
    + 'run’s, relative to how far training went.'],
];

export class Ledger {
  constructor() {
    this.sort = { key: 'error', down: true };
    this.unit = h('span', { class: 'ro-unit' });
    this.note = h('p', { class: 'ro-table-legend' });
    this.scroll = h('div', { class: 'ro-scroll ro-ledger-rows', tabindex: 0, role: 'region', 'aria-label': 'Retrained orders' });
    this.save = h('button', { type: 'button', class: 'ro-save', 'aria-label': 'Save the ledger as CSV', 'data-tip': 'Save as CSV',
      onclick: () => saveText('ledger.csv', this.csv()) }, 'CSV');
    this.element = h('section', { class: 'ro-panel ro-table-panel', 'data-figure': 'ledger' },
      h('div', { class: 'ro-table-head' }, h('h3', {}, 'Ledger of retrained orders'), this.unit,
        h('span', { class: 'ro-spring' }), this.save), this.scroll, this.note);
  }

  show(view) {
    const key = JSON.stringify([view.orders, view.family]);
    if (key === this.shown) return;
    this.shown = key;
    this.view = view;
    const counts = new Map();
    for (const { family } of view.orders) counts.set(family, (counts.get(family) ?? 0) + 1);
    this.unit.textContent = [...counts].map(([name, count]) => `${count} ${name}`).join(', ');
    const fitted = view.fitted === 1
      ? '1 more order in the ledger was used to fit this estimator and judges nothing here. '
      : `${view.fitted} more orders in the ledger were used to fit this estimator and judge nothing here. `;
    this.note.textContent = (view.fitted ? fitted : '')
      + `At most the ${view.most} newest of a family are shown. An order opens on the Timeline.`;
    this.draw();
  }

  draw() {
    const { view, sort } = this;
    const [, , value] = LEDGER.find(([key]) => key === sort.key);
    const rows = [...view.orders].sort((a, b) => (sort.down ? -1 : 1) * compare(value(a), value(b)));
    const names = view.families.map(({ name }) => name);
    const focused = document.activeElement?.dataset?.sort;
    const top = this.scroll.scrollTop;
    this.scroll.replaceChildren(h('table', { class: 'ro-table' },
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Order'), LEDGER.map(([key, label, , , tip]) =>
        h('th', { scope: 'col', 'aria-sort': sort.key === key ? (sort.down ? 'descending' : 'ascending') : 'none' },
          h('button', { type: 'button', class: 'ro-sort', 'data-sort': key, 'data-tip': tip, onclick: () => this.by(key) },
            label, h('span', { 'aria-hidden': 'true' }, sort.key === key ? (sort.down ? ' ↓' : ' ↑') : '')))))),
      h('tbody', {}, rows.map((order) => h('tr', { class: order.family === view.family ? 'ro-chosen' : null },
        h('th', { scope: 'row' }, h('a', { href: timelineLink(view.run, order.code), 'data-order': order.hash,
          'aria-label': `Open order ${order.hash} on the Timeline` }, order.hash.slice(0, 8))),
        LEDGER.map(([key, , of, format]) => h('td', { 'data-column': key }, key === 'family'
          ? h('span', { class: `ro-swatch ro-family-${names.indexOf(order.family)}`, 'aria-hidden': 'true' }) : null,
        format(of(order)))))))));
    this.scroll.scrollTop = top;
    if (focused) this.scroll.querySelector(`[data-sort="${focused}"]`)?.focus();
  }

  by(key) {
    this.sort = { key, down: this.sort.key === key ? !this.sort.down : true };
    this.draw();
  }

  csv() {
    const keys = ['hash', ...LEDGER.map(([key]) => key), 'expected'];
    return [keys, ...this.view.orders.map((order) => keys.map((key) => order[key] ?? ''))]
      .map((cells) => cells.join(',')).join('\n');
  }
}

function compare(a, b) {
  if (typeof a === 'string') return a < b ? 1 : a > b ? -1 : 0;
  return (Number.isFinite(a) ? a : -Infinity) - (Number.isFinite(b) ? b : -Infinity);
}
