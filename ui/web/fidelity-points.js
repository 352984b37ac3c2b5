// Estimated against retrained, one point a loss; and error against distance, one point an order.
import { unpack } from './shared/channels.js';
import { h, s, segmented, setText } from './shared/dom.js';
import { number, signed } from './shared/format.js';
import { Figure, extent, key, linear, ticks, xAxis, yAxis } from './shared/chart.js';

const LEFT = 62;
const RIGHT = 14;
const WHISKERS = 140;
const NEAR = 26; // pixels within which the pointer finds a point

const dot = (x, y) => `M${x.toFixed(1)},${y.toFixed(1)}h0`; // a round line cap draws the point

/** A scale that is even around zero and logarithmic beyond ±`bend`: all changes in one picture. */
const bent = (bend) => (limits, range) => {
  const flat = linear(limits.map((value) => Math.asinh(value / bend)), range);
  const scale = (value) => flat(Math.asinh(value / bend));
  scale.domain = limits;
  return scale;
};

/** Where the axes bend: twice the usual change, to one digit. */
function bendOf(values) {
  const sizes = Array.from(values, Math.abs).filter((v) => v > 0).sort((a, b) => a - b);
  return Number((2 * (sizes[Math.floor(sizes.length / 2)] ?? 0.5)).toPrecision(1));
}

const ROUND = [0, ...[0.001, 0.01, 0.1, 1, 10, 100].flatMap((v) => [v, 2.5 * v, 5 * v]).flatMap((v) => [v, -v])];

/** Round values inside the limits, at least `apart` pixels from each other; zero first. */
function bentTicks(scale, apart) {
  const [low, high] = scale.domain;
  const kept = [];
  const far = ROUND.filter((v) => v >= low && v <= high).sort((a, b) => (a === 0 ? -1 : b === 0 ? 1 : Math.abs(b) - Math.abs(a)));
  for (const v of far) if (kept.every((w) => Math.abs(scale(v) - scale(w)) >= apart)) kept.push(v);
  return kept;
}

const plain = (v) => signed(v, (String(Math.abs(v)).split('.')[1] ?? '').length);

/** The families that have points here, as entries of a legend. */
function present(view) {
  const found = new Set(view.orders.map(({ family }) => family));
  return view.families.map(({ name }, i) => [`ro-sw-dot ro-family-${i}`, name]).filter(([, name]) => found.has(name));
}

/** The chosen family where it has points, else all. */
function focusOf(view) {
  return view.orders.some(({ family }) => family === view.family) ? view.family : null;
}

export class Scatter extends Figure {
  constructor(tip, open) {
    const choice = segmented('Which losses', [
      ['samples', 'Samples', 'Final loss of each trained sample'],
      ['heldout', 'Held-out', 'Final mean loss of each held-out domain'],
    ], (what) => { this.what = what; this.show(this.view); });
    const spacing = segmented('Axes', [
      ['log', 'Log', 'Even around zero, logarithmic beyond: small and large changes in one picture'],
      ['linear', 'Linear', 'Even axes'],
    ], (axes) => { this.axes = axes; this.update(); });
    super({
      name: 'estimated-against-retrained', title: 'Estimated against retrained', unit: 'loss change, nats/token',
      height: 430, tools: h('span', { class: 'ro-tools' }, choice, spacing), label: 'Estimated against retrained change of final loss',
      tip: 'Each point is one loss under one order that was really retrained: what training gave (across), what was '
        + 'estimated (up), both minus the reference run. On the line: exact. Whiskers: 90 % intervals of an even choice of '
        + 'points of the chosen family; orange where the interval leaves the truth out. With the keyboard: focus the plot, '
        + 'then the arrow keys go from the largest error down; Enter opens that order.',
      paint: (width, height) => this.paintPoints(width, height),
    });
    Object.assign(this, { tip, open, what: 'samples', axes: 'log' });
    this.note = h('p', { class: 'ro-note' });
    this.element.append(this.note);
    this.marker = s('circle', { class: 'ro-found', r: 6, visibility: 'hidden' });
    this.svg.setAttribute('tabindex', '0');
    this.svg.addEventListener('pointermove', (event) => this.point(event));
    this.svg.addEventListener('pointerdown', (event) => this.point(event));
    this.svg.addEventListener('pointerleave', () => this.find(null));
    this.svg.addEventListener('blur', () => this.find(null));
    this.svg.addEventListener('click', () => this.found === null || this.open(this.orderOf(this.found)));
    this.svg.addEventListener('keydown', (event) => this.keys(event));
  }

  show(view) {
    this.view = view;
    const raw = this.what === 'samples' ? view.points : view.probePoints;
    if (raw !== this.raw) {
      this.raw = raw;
      this.data = Object.fromEntries(['order', 'sample', 'estimated', 'retrained', 'lo', 'hi'].map((k) => [k, unpack(raw[k])]));
      this.ranked = null;
    }
    this.found = null;
    this.focus = focusOf(view);
    this.bend = bendOf(this.chosen().map((i) => this.data.retrained[i]));
    const bars = Math.min(WHISKERS, this.chosen().filter((i) => Number.isFinite(this.data.lo[i])).length);
    this.legend.replaceChildren(key([...present(view), ['ro-sw-line', 'exact'],
      ...(bars ? [['ro-sw-bars', '90 % interval'], ['ro-sw-bars ro-sw-missed', 'misses the truth']] : [])]));
    const drawn = this.data.order.length;
    const which = this.what === 'samples' ? 'samples’ losses' : 'held-out losses';
    setText(this.note, `${drawn < raw.all ? `${drawn.toLocaleString('en')} of ${raw.all.toLocaleString('en')}` : raw.all.toLocaleString('en')} `
      + `${which} under ${view.orders.length} orders${drawn < raw.all ? ', the same number of each order; all count in every figure given' : ''}. `
      + (bars ? `Whiskers on ${bars} of them.` : 'This estimator gives no intervals.'));
    this.update();
  }

  orderOf(index) {
    return this.view.orders[this.data.order[index]];
  }

  chosen() {
    const { data, focus } = this;
    return Array.from(data.order.keys()).filter((i) => focus === null || this.orderOf(i).family === focus);
  }

  paintPoints(width, height) {
    const { data, view, focus } = this;
    const limits = extent([...data.estimated, ...data.retrained], { zero: true, least: 0.002, pad: 0.04 });
    const bottom = height - 44;
    const even = this.axes === 'linear';
    const scale = even ? linear : bent(this.bend);
    const x = scale(limits, [LEFT, width - RIGHT]);
    const y = scale(limits, [bottom, 8]);
    this.px = data.retrained.map((v) => x(v));
    this.py = data.estimated.map((v) => y(v));
    const paths = view.families.map(() => []);
    const index = new Map(view.families.map(({ name }, i) => [name, i]));
    for (let i = 0; i < this.px.length; i += 1) {
      if (Number.isFinite(this.px[i]) && Number.isFinite(this.py[i])) {
        paths[index.get(this.orderOf(i).family)].push(dot(this.px[i], this.py[i]));
      }
    }
    const layers = view.families.map(({ name }, i) => ({ name, i }))
      .sort((a, b) => (a.name === focus) - (b.name === focus));
    const few = this.px.length < 1500;
    const show = even ? (v) => signed(v, digits(limits)) : plain;
    return [
      yAxis(y, even ? ticks(limits, 6) : bentTicks(y, 24), LEFT, width - RIGHT, show),
      s('line', { class: 'ro-grid', x1: x(0), x2: x(0), y1: 8, y2: bottom }),
      s('line', { class: 'ro-identity', x1: x(limits[0]), y1: y(limits[0]), x2: x(limits[1]), y2: y(limits[1]) }),
      this.whiskers(y),
      layers.map(({ name, i }) => s('path', { d: paths[i].join(''), 'data-points': paths[i].length, 'data-family': name,
        class: `ro-points ro-family-${i}${focus !== null && name !== focus ? ' ro-behind' : ''}${few ? ' ro-few' : ''}` })),
      xAxis(x, even ? ticks(limits, width < 420 ? 4 : 6) : bentTicks(x, 52), bottom,
        even ? 'retrained' : `retrained; axes logarithmic beyond ±${this.bend}`, show),
      s('text', { class: 'ro-axis-name ro-axis-up', x: LEFT + 6, y: 18 }, 'estimated'),
      this.marker,
    ];
  }

  /** Intervals of an even choice of the chosen family's points, spread over the change retrained. */
  whiskers(y) {
    const { data } = this;
    const chosen = this.chosen().filter((i) => Number.isFinite(data.lo[i]) && Number.isFinite(this.px[i]))
      .sort((a, b) => data.retrained[a] - data.retrained[b]);
    const step = Math.max(1, chosen.length / WHISKERS);
    const held = [];
    const missed = [];
    for (let place = 0; place < chosen.length; place += step) {
      const i = chosen[Math.floor(place)];
      const inside = data.lo[i] <= data.retrained[i] && data.retrained[i] <= data.hi[i];
      (inside ? held : missed).push(`M${this.px[i].toFixed(1)},${y(data.lo[i]).toFixed(1)}V${y(data.hi[i]).toFixed(1)}`);
    }
    return [s('path', { class: 'ro-bars', d: held.join('') }), s('path', { class: 'ro-bars ro-missed', d: missed.join('') })];
  }

  point(event) {
    if (!this.px) return;
    const box = this.svg.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    let nearest = NEAR ** 2;
    for (let i = 0; i < this.px.length; i += 1) {
      const far = (this.px[i] - x) ** 2 + (this.py[i] - y) ** 2;
      if (far < nearest) [best, nearest] = [i, far];
    }
    this.find(best);
  }

  keys(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === 'Enter' && this.found !== null) this.open(this.orderOf(this.found));
    if (event.key === 'Escape') this.find(null);
    if (!step) return;
    event.preventDefault();
    const miss = (i) => Math.abs(this.data.estimated[i] - this.data.retrained[i]) || 0;
    this.ranked ??= Array.from(this.data.order.keys()).sort((a, b) => miss(b) - miss(a));
    const at = this.found === null ? (step > 0 ? -1 : 0) : this.ranked.indexOf(this.found);
    this.find(this.ranked[(at + step + this.ranked.length) % this.ranked.length]);
  }

  find(index) {
    if (index === this.found && index !== null) return;
    this.found = index;
    this.marker.setAttribute('visibility', index === null ? 'hidden' : 'visible');
    this.svg.style.cursor = index === null ? '' : 'pointer';
    this.tip.hidden = index === null;
    if (index === null) return;
    this.marker.setAttribute('cx', this.px[index]);
    this.marker.setAttribute('cy', this.py[index]);
    setText(this.tip, this.words(index));
    const box = this.svg.getBoundingClientRect();
    const own = this.tip.getBoundingClientRect();
    const left = box.left + this.px[index] + 14;
    const over = left + own.width > window.innerWidth - 8;
    this.tip.style.left = `${Math.max(8, over ? left - own.width - 28 : left)}px`;
    this.tip.style.top = `${Math.max(60, box.top + this.py[index] - own.height / 2)}px`;
  }

  words(i) {
    const { data, view } = this;
    const order = this.orderOf(i);
    const [domain, text] = view.samples[data.sample[i]] ?? [];
    const what = this.what === 'samples'
      ? `sample ${data.sample[i]}, ${view.domains[domain]}\n\u201c${text}\u201d`
      : `held-out ${view.probeDomains[data.sample[i]]}`;
    const range = Number.isFinite(data.lo[i]) ? ` [${signed(data.lo[i], 4)}, ${signed(data.hi[i], 4)}]` : '';
    return `${what}\norder ${order.hash.slice(0, 8)}, ${order.family}\nestimated ${signed(data.estimated[i], 4)}${range}\n`
      + `retrained ${signed(data.retrained[i], 4)}`;
  }
}

function digits([low, high]) {
  return high - low < 0.04 ? 3 : 2;
}

const AXES = {
  distance: ['distance of the estimated weights from the reference run’s', 'Distance'],
  expected: ['error that the estimate expects of itself, nats/token', 'Expected error'],
};

export class ErrorByDistance extends Figure {
  constructor(open) {
    const choice = segmented('Against what', [['distance', 'Distance', 'Against the distance from the reference run'],
      ['expected', 'Expected error', 'Against the error that the estimate expects of itself']],
    (what) => { this.what = what; this.show(this.view); });
    super({
      name: 'error-against-distance', title: 'Where trust ends', unit: 'mean absolute error, nats/token', height: 430,
      tools: h('span', { class: 'ro-tools' }, choice), label: 'Error of the estimate against the distance from the reference run, one point an order',
      tip: 'One point a retrained order: the mean absolute error of its samples’ estimated losses. If the error grows '
        + 'along the axis, the estimate knows where it is weak. Spearman 1: it ranks orders by error perfectly; 0: it '
        + 'knows nothing of its own error. A click opens the order.',
      paint: (width, height) => this.paintOrders(width, height),
    });
    Object.assign(this, { what: 'distance', choice });
    this.note = h('p', { class: 'ro-note', 'data-rank': '' });
    this.element.append(this.note);
    this.svg.addEventListener('click', (event) => {
      const row = event.target.dataset?.order;
      if (row !== undefined) open(this.view.orders[Number(row)]);
    });
  }

  show(view) {
    this.view = view;
    const expects = view.orders.some(({ expected }) => Number.isFinite(expected));
    this.choice.hidden = !expects;
    if (!expects) this.what = 'distance';
    this.choice.set(this.what);
    this.focus = focusOf(view);
    this.legend.replaceChildren(key([...present(view), ...(this.what === 'expected' ? [['ro-sw-line', 'as expected']] : [])]));
    const known = view.orders.some((order) => Number.isFinite(order[this.what]));
    this.body.hidden = !known;
    const { all, ...of } = view.ranks[this.what];
    this.note.dataset.rank = all ?? '';
    const [, name] = AXES[this.what];
    const inside = Number.isFinite(of[this.focus]) ? `; within “${this.focus}” alone ${number(of[this.focus], 2)}` : '';
    setText(this.note, known
      ? `Spearman of ${name.toLowerCase()} with error: ${number(all, 2)} over ${view.orders.length} orders${inside}. ${verdict(all)}`
      : 'This estimator tells neither a distance nor an error that it expects, so it cannot say where it is weak.');
    this.update();
  }

  paintOrders(width, height) {
    const { view, what, focus } = this;
    const rows = view.orders.map((order, row) => ({ ...order, row })).filter((o) => Number.isFinite(o[what]) && Number.isFinite(o.error));
    if (!rows.length) return [];
    const bottom = height - 44;
    const up = [0, extent(rows.map(({ error }) => error), { zero: true, least: 1e-4 })[1]];
    const along = [0, extent(rows.map((o) => o[what]), { zero: true, least: 1e-4 })[1]];
    const x = linear(along, [LEFT, width - RIGHT]);
    const y = linear(up, [bottom, 8]);
    const index = new Map(view.families.map(({ name }, i) => [name, i]));
    const both = Math.min(along[1], up[1]);
    rows.sort((a, b) => (a.family === focus) - (b.family === focus));
    return [
      yAxis(y, ticks(up, 6), LEFT, width - RIGHT),
      what === 'expected' ? s('line', { class: 'ro-identity', x1: x(0), y1: y(0), x2: x(both), y2: y(both) }) : null,
      xAxis(x, ticks(along, width < 420 ? 4 : 6), bottom, AXES[what][0]),
      rows.map((o) => s('circle', { cx: x(o[what]), cy: y(o.error), r: o.family === focus ? 5.5 : 4, 'data-order': o.row,
        class: `ro-order ro-family-${index.get(o.family)}${focus !== null && o.family !== focus ? ' ro-behind' : ''}`,
        'data-tip': `order ${o.hash.slice(0, 8)}, ${o.family}\nerror ${number(o.error, 4)} nats/token\n`
          + `${AXES[what][1].toLowerCase()} ${number(o[what], what === 'distance' ? 3 : 4)}\n`
          + `samples moved by ${number(o.change, 4)}` })),
    ];
  }
}

function verdict(rho) {
  if (!Number.isFinite(rho)) return '';
  if (rho >= 0.7) return 'It tells well which estimates to trust.';
  if (rho >= 0.35) return 'It tells roughly which estimates to trust.';
  return 'It does not tell which estimates to trust.';
}

