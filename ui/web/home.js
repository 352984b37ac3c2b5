// The home page: which run, how it went, how far its estimates can be trusted.
import { unpack } from './shared/channels.js';
import { h, s, info, segmented, tooltips } from './shared/dom.js';
import { number } from './shared/format.js';
import { Figure, extent, key, line, linear, ticks, xAxis, yAxis } from './shared/chart.js';

const LEFT = 58;
const RIGHT = 14;

class LossCurve extends Figure {
  constructor() {
    super({
      name: 'reference-run', title: 'The reference run', unit: 'loss, nats/token', height: 300,
      label: 'Loss and learning rate by training step',
      tip: 'The training that really happened. Dots: loss of each step’s batch just before it is trained. '
        + 'Line: mean held-out loss at evaluation steps. Below: the learning rate of each step.',
      paint: (width, height) => this.curves(width, height),
    });
    this.legend.append(key([['ro-sw-dot ro-sw-muted', 'training batch'], ['ro-sw-estimate', 'held-out'],
      ['ro-sw-rate', 'learning rate']]));
  }

  show(data) {
    this.data = data;
    this.loss = Array.from(unpack(data.loss));
    this.rate = Array.from(unpack(data.learningRate));
    this.heldOut = Array.from(unpack(data.heldOut));
    this.update();
  }

  curves(width, height) {
    const { steps, evalSteps } = this.data;
    const x = linear([0, steps], [LEFT, width - RIGHT]);
    const split = height - 92;
    const limits = extent([...this.loss, ...this.heldOut]);
    const y = linear(limits, [split, 8]);
    const top = Math.max(...this.rate, 1e-12) * 1.12;
    const rate = linear([0, top], [height - 42, split + 18]);
    const steppy = this.rate.flatMap((v, i) => [[x(i), rate(v)], [x(i + 1), rate(v)]]);
    const floor = `L${x(steps)},${rate(0)}L${x(0)},${rate(0)}Z`;
    return [
      yAxis(y, ticks(limits, 4), LEFT, width - RIGHT),
      this.loss.map((v, i) => s('circle', { class: 'ro-dot ro-dot-muted', cx: x(i + 0.5), cy: y(v), r: 3,
        'data-tip': `step ${i + 1}\nbatch loss ${number(v)}\nlearning rate ${this.rate[i].toExponential(1)}` })),
      s('path', { class: 'ro-line ro-estimate', d: line(this.heldOut.map((v, i) => [x(evalSteps[i]), y(v)])) }),
      this.heldOut.map((v, i) => s('circle', { class: 'ro-vertex ro-estimate', cx: x(evalSteps[i]), cy: y(v), r: 2.8,
        'data-tip': `after step ${evalSteps[i]}\nheld-out loss ${number(v)}` })),
      s('path', { class: 'ro-rate-area', d: line(steppy) + floor }),
      s('path', { class: 'ro-line ro-rate', d: line(steppy) }),
      s('text', { class: 'ro-axis-text', x: LEFT - 7, y: rate(top / 1.12), dy: '0.32em', 'text-anchor': 'end' },
        (top / 1.12).toExponential(0).replace('e-', 'e\u2212')),
      s('text', { class: 'ro-axis-text', x: LEFT - 7, y: rate(0), dy: '0.1em', 'text-anchor': 'end' }, '0'),
      xAxis(x, ticks([0, steps], 8), height - 40, 'training step', (v) => String(v)),
    ];
  }
}

const MEASURES = [
  ['r2', 'R²', 'Share of the order’s effect on final losses that is explained: 1 is perfect, 0 is no better '
    + 'than “the order changes nothing”; below 0, worse than that.'],
  ['rho_within', 'ρ within an order', 'Spearman rank correlation across samples, inside one order: which samples end '
    + 'up remembered better than others?'],
  ['rho_sample', 'ρ of a sample', 'Spearman rank correlation across orders, per sample, averaged: in which order is '
    + 'this sample remembered better?'],
  ['rho_heldout', 'ρ held-out', 'Spearman rank correlation across orders of mean held-out loss: which order '
    + 'generalizes better?'],
];
const ESTIMATORS = [
  ['hybrid', 'this estimate', 'ro-fid-hybrid'],
  ['replay', 'replay without derivatives', 'ro-fid-replay'],
  ['reference', 'no change', 'ro-fid-reference'],
];

/** Each measure on a scale from 0 to 1, with 95 % intervals, against two baselines. */
class Fidelity extends Figure {
  constructor() {
    super({
      name: 'fidelity', title: 'How far to trust it', unit: 'estimates against real retraining', height: 300,
      label: 'Measured fidelity of the estimates',
      tip: 'Measured on orders that were really trained and never used for fitting or calibration. Bars: '
        + '95 % bootstrap intervals over orders. Arrows: values below zero.',
      paint: (width, height) => this.rows(width, height),
    });
    this.note = h('p', { class: 'ro-note' });
    this.choice = h('span', {});
    this.element.querySelector('.ro-spring').before(this.choice);
    this.element.append(this.note);
  }

  show(data) {
    this.data = data;
    this.choose(data.fidelity.find((report) => report.family === 'random') ?? data.fidelity[0]);
    if (data.fidelity.length < 2) return;
    const name = ({ family, orders }) => `${family} ${orders}`;
    const reports = [...new Map(data.fidelity.map((report) => [name(report), report]).reverse())];
    const choice = segmented('Family of orders', reports.map(([label]) => [label, label]),
      (label) => this.choose(reports.find(([one]) => one === label)[1]));
    choice.set(name(this.report));
    this.choice.replaceChildren(choice);
  }

  choose(report) {
    const { data } = this;
    this.report = report;
    this.body.hidden = !this.report;
    this.legend.replaceChildren();
    if (!this.report) {
      this.note.replaceChildren(h('b', {}, 'Not yet measured. '),
        'Until it is, take every estimate with reserve. To measure it against 32 real retrainings, run',
        h('code', {}, data.fidelityCommand));
      return;
    }
    const { estimators, orders, family, seed, spread } = this.report;
    const used = ESTIMATORS.filter(([name]) => name in estimators);
    this.legend.append(key(used.map(([, label, kind]) => [kind, label])));
    const coverage = estimators.hybrid?.coverage90;
    this.note.textContent = `${orders} ${family} orders, seed ${seed}, each really retrained`
      + (Number.isFinite(coverage) ? `. The 90 % intervals held the truth ${number(100 * coverage, 0)} % of the time.` : '.')
      + (Number.isFinite(spread) ? ` A sample’s final loss varies by ${number(spread, 3)} nats over them.` : '');
    this.update();
  }

  rows(width, height) {
    const left = Math.min(150, width * 0.36);
    const right = width - 84;
    const x = linear([0, 1], [left, right]);
    const pitch = (height - 52) / MEASURES.length;
    const values = [0, 0.25, 0.5, 0.75, 1];
    return [
      s('g', { class: 'ro-axis' }, values.map((v) => s('line', { class: v ? 'ro-grid' : 'ro-zero',
        x1: x(v), x2: x(v), y1: 4, y2: height - 42 }))),
      xAxis(x, values, height - 40, '0: no information \u2192 1: as good as retraining', (v) => number(v, v % 0.5 ? 2 : 1)),
      MEASURES.map((measure, i) => this.row(measure, x, 8 + pitch * (i + 0.5), width)),
    ];
  }

  row([measure, label, tip], x, y, width) {
    const marks = [...ESTIMATORS].reverse().map(([name, who, kind], i) => {
      const got = this.report.estimators[name]?.[measure];
      if (!Number.isFinite(got?.value)) return null;
      const at = y + (name === 'hybrid' ? 0 : 13 - 5 * i);
      const place = (v) => x(Math.max(0, Math.min(1, v)));
      const said = `${who}: ${number(got.value, 2)}`
        + (Number.isFinite(got.lo) ? `\n95 % interval [${number(got.lo, 2)}, ${number(got.hi, 2)}]` : '');
      return s('g', { class: kind, 'data-tip': said },
        Number.isFinite(got.lo) && got.hi > 0
          ? s('line', { class: 'ro-fid-bar', x1: place(got.lo), x2: place(got.hi), y1: at, y2: at }) : null,
        got.value < 0
          ? s('path', { class: 'ro-fid-mark', d: `M${x(0) - 9},${at}l7,-4.5v9z` })
          : s('circle', { class: 'ro-fid-mark', cx: place(got.value), cy: at, r: name === 'hybrid' ? 6 : 4 }));
    });
    const main = this.report.estimators.hybrid?.[measure]?.value;
    return s('g', { class: 'ro-row' }, s('text', { x: 0, y, dy: '0.32em', 'data-tip': tip }, label), marks,
      s('text', { class: 'ro-fid-value', x: width, y: y + 1, 'text-anchor': 'end',
        'data-measure': measure }, number(main, 2)),
      s('text', { class: 'ro-fid-others', x: width, y: y + 17, 'text-anchor': 'end' },
        ESTIMATORS.slice(1).filter(([name]) => name in this.report.estimators).map(([name, , kind], i) =>
          s('tspan', { class: kind, dx: i ? 6 : 0 }, number(this.report.estimators[name][measure]?.value, 2)))));
  }
}

export class Lead {
  constructor(parent) {
    this.root = h('header', { class: 'ro ro-lead' });
    parent.append(this.root);
  }

  update({ name, steps, count }) {
    this.root.replaceChildren(
      h('h1', {}, 'What would this model have learned, had its data come in another order?'),
      h('p', {}, `The run \u201c${name}\u201d was really trained once, on ${count} samples in ${steps} steps. Reorder `
        + 'estimates, without retraining, the loss of every sample and of held-out text under any other order, '
        + 'and lets a real retraining judge.'));
  }

  destroy() { this.root.remove(); }
}

export class Home {
  constructor(parent) {
    this.facts = h('dl', { class: 'ro-facts' });
    this.mosaic = h('div', { class: 'ro-mosaic', 'aria-hidden': 'true' });
    this.loss = new LossCurve();
    this.fidelity = new Fidelity();
    this.root = h('div', { class: 'ro ro-home', 'data-state': 'loading' }, this.mosaic, this.facts,
      h('div', { class: 'ro-figures' }, this.fidelity.element, this.loss.element));
    tooltips(this.root);
    parent.append(this.root);
  }

  update(data) {
    this.facts.replaceChildren(...data.facts.map(({ label, value, note }) =>
      h('div', {}, h('dt', {}, label, info(note)), h('dd', {}, value), h('dd', { class: 'ro-fact-note' }, note))));
    this.mosaic.style.setProperty('--ro-columns', data.steps);
    this.mosaic.style.setProperty('--ro-rows', data.batch);
    this.mosaic.replaceChildren(...data.mosaic.map((domain) =>
      h('i', { style: `--ro-domain: var(--ro-domain-${domain % 8})` })));
    this.loss.show(data);
    this.fidelity.show(data);
    this.root.dataset.state = 'ready';
  }

  destroy() {
    this.root.remove();
    this.loss.destroy();
    this.fidelity.destroy();
  }
}
