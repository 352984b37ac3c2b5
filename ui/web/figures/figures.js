// The figures of the timeline page: memorization, generalization, the way there.
import { s } from '../shared/dom.js';
import { digitsFor, signed } from '../shared/format.js';
import { Figure, extent, key, line, linear, ticks, xAxis, yAxis } from '../shared/chart.js';
import { meanCurve, probeChange, sampleChange } from '../shared/run.js';

const LEFT = 58;
const RIGHT = 14;

/** Every sample's change of final loss, by the step that trains it. */
export class Memorization extends Figure {
  constructor(select) {
    super({
      name: 'memorization', title: 'Memorization', unit: 'change of final loss, nats/token', height: 280,
      label: 'Change of each sample’s final loss by step',
      tip: 'One point a sample, at the step that trains it in this order. Its estimated final loss minus '
        + 'that of the reference order: below zero the model remembers it better. Whiskers: 90 % interval, '
        + 'drawn where it leaves out zero. Rings: real retraining.',
      paint: (width, height) => this.points(width, height),
    });
    this.svg.addEventListener('click', (event) => {
      const id = event.target.dataset?.sample;
      if (id !== undefined) select(Number(id));
    });
    this.svg.addEventListener('pointerover', ({ target }) => {
      if (target.dataset?.sample !== undefined) target.dataset.tip = this.tip(Number(target.dataset.sample));
    });
  }

  tip(id) {
    const { run, view } = this;
    const { value, truth } = sampleChange(run, view, id);
    return `sample ${id}, ${run.samples[id].name}\n${signed(value)} nats/token`
      + (view.truth ? `\nretrained ${signed(truth)}` : '');
  }

  /** One a sample, made once: thousands of new elements a drop would hold the page up. */
  dots() {
    const { run } = this;
    if (this.dotsOf !== run) {
      this.dotsOf = run;
      this.circles = run.samples.map(({ id, domain }) => s('circle', { class: 'ro-dot', r: 3, 'data-sample': id,
        style: `--ro-domain: var(--ro-domain-${domain % 8})` }));
    }
    return this.circles;
  }

  /** The dots in their places, the selected one large. */
  placed(x, y) {
    const dots = this.dots();
    for (const [id, dot] of dots.entries()) {
      dot.setAttribute('cx', x(id).toFixed(2));
      dot.setAttribute('cy', y(id).toFixed(2));
    }
    for (const [id, chosen] of [[this.large, false], [this.selected, true]]) {
      dots[id]?.setAttribute('class', chosen ? 'ro-dot ro-dot-selected' : 'ro-dot');
      dots[id]?.setAttribute('r', chosen ? 5.5 : 3);
    }
    this.large = this.selected;
    return dots;
  }

  show(run, view, slots, selected) {
    Object.assign(this, { run, view, slots, selected });
    const entries = run.domains.map((name, i) => [`ro-sw-dot ro-domain-${i % 8}`, name]);
    entries.push(['ro-sw-whisker', '90 % interval']);
    if (view.truth) entries.push(['ro-sw-ring', 'retrained']);
    this.legend.replaceChildren(key(entries));
    this.update();
  }

  points(width, height) {
    const { run, view, slots } = this;
    const changes = run.samples.map(({ id }) => sampleChange(run, view, id));
    const clear = ({ lo, hi }) => lo > 0 || hi < 0;
    const reach = changes.flatMap((c) => [c.value, c.truth, ...(clear(c) ? [c.lo, c.hi] : [])]);
    const limits = extent(reach, { zero: true, least: 0.02 });
    const x = linear([0.5, run.steps + 0.5], [LEFT, width - RIGHT]);
    const y = linear(limits, [height - 42, 8]);
    const at = (id) => x(Math.floor(slots[id] / run.batch) + 1
      + ((slots[id] % run.batch) / (run.batch - 1 || 1) - 0.5) * 0.72);
    const everyStep = Math.max(1, Math.round(run.steps / 8));
    const steps = [1, ...Array.from({ length: Math.floor(run.steps / everyStep) }, (_, i) => (i + 1) * everyStep)];
    const whiskers = changes.map((c, id) => (clear(c)
      ? s('line', { class: 'ro-whisker', x1: at(id), x2: at(id), y1: y(c.lo), y2: y(c.hi),
        style: `--ro-domain: var(--ro-domain-${run.samples[id].domain % 8})` }) : null));
    const rings = view.truth ? changes.map((c, id) => [
      s('line', { class: 'ro-miss', x1: at(id), x2: at(id), y1: y(c.value), y2: y(c.truth) }),
      s('circle', { class: 'ro-ring', cx: at(id), cy: y(c.truth), r: 3.4 }),
    ]) : [];
    const dots = this.placed(at, (id) => y(changes[id].value));
    return [yAxis(y, ticks(limits, 5), LEFT, width - RIGHT, undefined),
      xAxis(x, steps, height - 40, 'training step in this order', (v) => String(v)), whiskers, rings, dots];
  }
}

/** Change of held-out loss by domain, with intervals. */
export class Generalization extends Figure {
  constructor() {
    super({
      name: 'generalization', title: 'Generalization', unit: 'change of held-out loss, nats/token', height: 280,
      label: 'Change of held-out loss by domain',
      tip: 'Mean loss on text that was never trained on, by domain: estimate for this order minus the '
        + 'reference order. Below zero: generalizes better. Whiskers: 90 % interval; that of the mean '
        + 'averages the domains’, which is its upper bound. Diamonds: real retraining.',
      paint: (width, height) => this.rows(width, height),
    });
  }

  show(run, view) {
    Object.assign(this, { run, view });
    const entries = [['ro-sw-dot', 'estimate'], ['ro-sw-whisker', '90 % interval']];
    if (view.truth) entries.push(['ro-sw-diamond', 'retrained']);
    this.legend.replaceChildren(key(entries));
    this.update();
  }

  rows(width, height) {
    const { run, view } = this;
    const rows = [-1, ...run.probeDomains.keys()].map((index) => (
      { index, name: index < 0 ? 'all domains' : run.probeDomains[index], ...probeChange(run, view, index) }));
    const left = Math.min(128, width * 0.3);
    const right = width - (width < 420 ? 64 : 78);
    const limits = extent(rows.flatMap(({ value, lo, hi, truth }) => [value, lo, hi, truth]),
      { zero: true, least: 0.004 });
    const x = linear(limits, [left, right]);
    const values = ticks(limits, width < 420 ? 3 : 5);
    const digits = Math.min(4, Math.max(3, digitsFor((limits[1] - limits[0]) / 10)));
    const pitch = (height - 56) / rows.length;
    const grid = values.map((value) => s('line', { x1: x(value), x2: x(value), y1: 4, y2: height - 42,
      class: Math.abs(value) < 1e-12 ? 'ro-zero' : 'ro-grid' }));
    const marks = rows.map((row, i) => this.mark(row, x, 10 + pitch * (i + 0.5), width, digits));
    return [s('g', { class: 'ro-axis' }, grid),
      xAxis(x, values, height - 40, 'against the reference order', (v) => signed(v, digits > 3 ? 3 : 2)), marks];
  }

  mark(row, x, y, width, digits) {
    const domain = this.run.domains.indexOf(row.name);
    const colour = domain < 0 ? 'var(--ro-ink)' : `var(--ro-domain-${domain % 8})`;
    return s('g', { class: row.index < 0 ? 'ro-row ro-row-all' : 'ro-row', style: `--ro-domain: ${colour}` },
      s('text', { x: 0, y, dy: '0.32em' }, row.name),
      Number.isFinite(row.lo)
        ? s('line', { class: 'ro-whisker ro-whisker-strong', x1: x(row.lo), x2: x(row.hi), y1: y, y2: y }) : null,
      s('circle', { class: 'ro-dot', cx: x(row.value), cy: y, r: 5 }),
      Number.isFinite(row.truth)
        ? s('path', { class: 'ro-diamond', transform: `translate(${x(row.truth)} ${y})`, d: 'M0,-7L5.5,0L0,7L-5.5,0Z' })
        : null,
      s('text', { x: width, y, dy: '0.32em', 'text-anchor': 'end', class: 'ro-row-value',
        'data-domain': row.name, 'data-value': row.value }, signed(row.value, digits)));
  }
}

/** A mean loss over training: reference, estimate, truth; and the difference, enlarged. */
export class Trajectory extends Figure {
  constructor(tools) {
    super({
      name: 'trajectory', title: 'Loss during training', unit: 'nats/token', height: 280, tools,
      label: 'Loss at evaluation steps, reference and estimate',
      tip: 'Above: the loss after so many steps, in the reference order and estimated for this order. Below: '
        + 'their difference, enlarged. The choice is among held-out text, the trained samples, and the '
        + 'sample selected on the board.',
      paint: (width, height) => this.curves(width, height),
    });
  }

  show(run, view, what, sample) {
    Object.assign(this, { run, view, what, sample });
    const entries = [['ro-sw-reference', 'reference order'], ['ro-sw-estimate', 'estimate']];
    if (view.truth) entries.push(['ro-sw-truth', 'retrained']);
    this.legend.replaceChildren(key(entries));
    this.update();
  }

  curve(source) {
    const { run, what, sample } = this;
    if (!source) return null;
    if (what === 'heldout') return meanCurve(source.probeLossAt, run.probeDomains.length);
    if (what === 'training' || sample === null) return meanCurve(source.sampleLossAt, run.count);
    return run.evalSteps.map((_, row) => source.sampleLossAt[row * run.count + sample]);
  }

  curves(width, height) {
    const { run, view } = this;
    const reference = this.curve(run.reference);
    const all = [['ro-estimate', this.curve(view.estimate)], ['ro-truth', this.curve(view.truth)]]
      .filter(([, curve]) => curve);
    const x = linear([0, run.steps], [LEFT, width - RIGHT]);
    const split = Math.round(height * 0.5);
    const limits = extent([reference, ...all.map(([, c]) => c)].flat(), { pad: 0.06 });
    const y = linear(limits, [split - 14, 8]);
    const difference = all.map(([kind, curve]) => [kind, curve.map((v, i) => v - reference[i])]);
    const low = extent(difference.flatMap(([, c]) => c), { zero: true, least: 0.004 });
    const below = linear(low, [height - 42, split + 8]);
    const path = (kind, curve, scale) => s('path', { class: `ro-line ${kind}`,
      d: line(curve.map((v, i) => [x(run.evalSteps[i]), scale(v)])) });
    return [
      yAxis(y, ticks(limits, 3), LEFT, width - RIGHT),
      path('ro-reference', reference, y), all.map(([kind, curve]) => path(kind, curve, y)),
      yAxis(below, ticks(low, 3), LEFT, width - RIGHT, (v) => signed(v, Math.max(2, digitsFor((low[1] - low[0]) / 3)))),
      s('text', { class: 'ro-axis-name', x: LEFT + 2, y: split + 4 }, 'difference to the reference order'),
      difference.map(([kind, curve]) => [path(kind, curve, below),
        curve.map((v, i) => s('circle', { class: `ro-vertex ${kind}`, cx: x(run.evalSteps[i]), cy: below(v), r: 2.6,
          'data-tip': `after step ${run.evalSteps[i]}\n${signed(v, 4)} nats/token` }))]),
      xAxis(x, run.evalSteps.filter((_, i) => i % 2 === 0 || run.evalSteps.length < 12), height - 40,
        'steps trained', (v) => String(v)),
    ];
  }
}
