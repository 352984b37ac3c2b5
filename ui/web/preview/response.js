// The response curves under the board: what each step would do to the sample in hand.
import { h, s, setText, info } from '../shared/dom.js';
import { interval, signed, digitsFor } from '../shared/format.js';
import { ALIKE, likeness } from './alike.js';
import { landing, response } from './moves.js';
import { howMany } from '../shared/run.js';
import { band, decimals, ends, line, linear, ticks, yAxis } from '../shared/scales.js';
import { GUTTER, RIGHT } from '../board/board.js';

const HEIGHT = 84;
const TOP = 8;
const STRIP = 24; // pixels of the learning rate
const Z90 = 1.645; // half-width of a 90 % interval in standard deviations

const PANELS = [
  ['own', 'Its own final loss', 'ownSd', 'Change of this sample’s final loss, in nats per token, if it were '
    + 'trained at each step instead, against the current order. Below zero: remembered better. '
    + 'From the position-effect table; the band is a 90 % interval.'],
  ['heldOut', 'Held-out loss', 'heldOutSd', 'Change of the mean held-out loss if the sample were moved to each '
    + 'step: the table differences of every sample that changes step, added up. Below zero: '
    + 'generalizes better. The band is a 90 % interval.'],
];

export class Response {
  /** tried(samples, kind): estimates of a group at some steps, where there are any; place(samples, slot): a click puts them there. */
  constructor(board, tried, place) {
    this.board = board;
    this.tried = tried;
    this.place = place;
    this.under = null; // the step that the pointer is on
    this.rate = s('svg', { class: 'ro-plot ro-rate-strip', height: STRIP, role: 'img', 'aria-label': 'Learning rate by step' });
    this.headline = h('p', { class: 'ro-response-headline' });
    this.panels = PANELS.map(([key, title, sd, tip]) => {
      const svg = s('svg', { class: 'ro-plot', height: HEIGHT, role: 'img', 'aria-label': `${title} by step` });
      const value = h('output', { class: 'ro-readout', 'data-preview': key });
      const heading = h('h4', {}, title);
      const element = h('div', { class: 'ro-response', 'data-response': key },
        h('div', { class: 'ro-response-head' }, heading, info(tip), h('span', { class: 'ro-spring' }), value),
        svg);
      svg.addEventListener('pointermove', (event) => this.pointed(event));
      svg.addEventListener('pointerleave', () => this.pointed(null));
      svg.addEventListener('click', (event) => this.clicked(event));
      return { key, sd, svg, value, element, name: title, title: heading };
    });
    this.note = h('p', { class: 'ro-response-note', hidden: true });
    this.element = h('div', { class: 'ro-responses' }, this.rate, this.headline, this.note, this.panels.map((panel) => panel.element));
  }

  /** Forget the curves: the order, the run or the width changed. */
  clear() {
    this.drawn = '';
  }

  /**
   * Show the curves of samples moved together, marked at `slot`, if not null; cheap when only the slot changed.
   * @param {number[]} samples
   * @param {number | null} slot
   */
  show(run, order, slots, samples, slot, kind) {
    if (!samples.length) { this.empty(); return; }
    const first = slot ?? slots[samples[0]];
    const row = kind === 'swap' || samples.length > 1 ? first % run.batch : 0;
    const drawn = `${samples.join(' ')} ${row} ${kind}`;
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.run = run;
      this.order = order;
      this.samples = samples;
      this.row = row;
      this.drawRate();
      this.effects = response(run, order, slots, samples, row, kind);
      this.home = Math.floor(slots[samples[0]] / run.batch); // from the last step on: on the bench
      this.dots = samples.length > 1 ? this.tried(samples, kind) : [];
      this.say(run, samples);
      for (const panel of this.panels) this.paint(panel, samples);
    }
    const step = Math.floor(first / run.batch);
    const gathered = samples.every((id, i) => slots[id] === slots[samples[0]] + i);
    const away = slot !== null && (slot !== slots[samples[0]] || !gathered); // scattered ones move even at the first one's place
    this.resting = slot === null;
    const under = this.resting ? this.under : null;
    for (const panel of this.panels) this.mark(panel, under ?? step, away || under !== null);
  }

  // --- the pointer on a curve ------------------------------------------------------

  /** The step under the pointer; null where there is none. */
  stepAt(event) {
    if (!event || !this.resting || !this.effects) return null;
    const { board } = this;
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const step = Math.floor(((x - GUTTER) * this.run.steps) / (board.width - GUTTER - RIGHT));
    return step >= 0 && step < this.run.steps ? step : null;
  }

  /** Read the curves out at the pointer. */
  pointed(event) {
    if (!this.resting || !this.effects) return;
    const step = this.stepAt(event);
    this.under = step;
    for (const panel of this.panels) this.mark(panel, step ?? this.home, step !== null);
  }

  clicked(event) {
    const step = this.stepAt(event);
    if (step !== null && step !== this.home) this.place(this.samples, landing(this.order, this.samples, step * this.run.batch + this.row));
  }

  /** The learning rate under the steps: where it falls, a late sample is remembered less. */
  drawRate() {
    const { board, run } = this;
    const rate = Array.from(run.reference.learningRate ?? []);
    const most = Math.max(...rate);
    this.rate.toggleAttribute('hidden', !(most > 0));
    if (!(most > 0)) return;
    const y = (value) => STRIP - 2 - (value / most) * (STRIP - 6);
    const points = rate.map((value, step) => [board.stepX(step), y(value)]);
    const floor = rate.map((_, step) => [board.stepX(step), STRIP - 2, y(rate[step])]);
    this.rate.setAttribute('width', board.width);
    this.rate.setAttribute('viewBox', `0 0 ${board.width} ${STRIP}`);
    this.rate.dataset.tip = `Learning rate, at most ${most.toPrecision(2)}, at the last step ${rate.at(-1).toPrecision(2)}: `
      + 'each step learns in proportion, so a sample late in a falling schedule is remembered less than its place alone would say';
    this.rate.replaceChildren(s('text', { x: 0, y: STRIP - 5, class: 'ro-axis-name' }, 'rate'),
      s('path', { class: 'ro-rate-area', d: band(floor) }), s('path', { class: 'ro-line ro-rate', d: line(points) }));
  }

  /** What the curve of a group leaves out, where it is drawn. */
  say(run, samples) {
    this.note.hidden = samples.length < 2;
    delete this.element.dataset.alike;
    if (this.note.hidden) return;
    const { copies, shared } = likeness(run, samples);
    const alike = shared >= ALIKE;
    if (alike) this.element.dataset.alike = '';
    setText(this.note, `${copies ? `${copies} of them are copies of one another, which count together. ` : ''}${alike
      ? 'They share wording that hardly any other sample has: what they teach each other is not in this curve and can be '
        + 'several times as much, or point the other way. The estimate after the drop has it.'
        + (this.dots.length ? ' The dots are estimates at some steps, with 90 % intervals.' : '')
      : 'Each is moved by its own step; what unlike samples do to each other is left out.'}`);
  }

  empty() {
    if (this.drawn === 'none') return;
    this.drawn = 'none';
    this.effects = null;
    this.dots = [];
    this.note.hidden = true;
    delete this.element.dataset.alike;
    for (const panel of this.panels) {
      panel.svg.replaceChildren();
      setText(panel.value, '');
    }
  }

  paint(panel, samples) {
    const several = panel.key === 'own' && samples.length > 1;
    setText(panel.title, several ? `Final loss of the ${howMany(this.run, samples)} samples, their mean` : panel.name);
    const { board, effects } = this;
    const trained = effects.slice(0, this.run.steps);
    const values = trained.map((effect) => effect[panel.key]);
    const spread = trained.map((effect) => Z90 * effect[panel.sd]);
    const limits = ends([...values.map((v, i) => v - spread[i]), ...values.map((v, i) => v + spread[i]),
      ...this.dots.flatMap((dot) => dot[panel.key])], 0.0005);
    const y = linear(limits, [HEIGHT - TOP, TOP]);
    const x = (step) => board.stepX(Math.min(step, this.run.steps - 0.5)); // the bench: at the end
    const { width } = board;
    panel.svg.setAttribute('width', width);
    panel.svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    panel.digits = digitsFor((limits[1] - limits[0]) / 8);
    const marks = ticks(limits, 4);
    panel.x = x;
    panel.y = y;
    panel.marker = s('line', { class: 'ro-pointer', y1: TOP - 4, y2: HEIGHT - TOP + 4 });
    panel.dot = s('circle', { class: 'ro-pointer-dot', r: 4.5 });
    const home = x(this.home);
    panel.svg.replaceChildren(
      yAxis(y, marks, GUTTER, width - RIGHT, (v) => signed(v, decimals(marks))),
      s('path', { class: 'ro-band', d: band(values.map((v, i) => [x(i), v - spread[i], v + spread[i]])
        .map(([px, low, high]) => [px, y(low), y(high)])) }),
      s('path', { class: 'ro-line ro-estimate', d: line(values.map((v, i) => [x(i), y(v)])) }),
      ...this.dots.map(({ step, ...of }) => [step, ...of[panel.key]]).map(([step, value, low, high]) => s('g', { class: 'ro-trial', 'data-step': step, 'data-value': value },
        s('line', { x1: x(step), x2: x(step), y1: y(low), y2: y(high) }), s('circle', { cx: x(step), cy: y(value), r: 3.5 }))),
      s('circle', { class: 'ro-home', cx: home, cy: y(0), r: 3.5 }),
      panel.marker, panel.dot,
    );
  }

  mark(panel, step, away) {
    const effect = this.effects[step];
    const at = panel.x(step);
    panel.marker.setAttribute('x1', at);
    panel.marker.setAttribute('x2', at);
    panel.dot.setAttribute('cx', at);
    panel.dot.setAttribute('cy', panel.y(effect[panel.key]));
    panel.marker.style.visibility = away ? 'visible' : 'hidden';
    panel.dot.style.visibility = away ? 'visible' : 'hidden';
    panel.value.dataset.value = effect[panel.key];
    setText(panel.value, away ? this.readout(panel, effect, step) : '');
  }

  readout(panel, effect, step) {
    const estimated = this.between(step);
    if (step >= this.run.steps) return `on the bench: ${signed(effect[panel.key], panel.digits)} nats/token`;
    if (estimated) return `step ${step + 1}: about ${signed(estimated[panel.key], panel.digits)} nats/token, by the dots`;
    const [value, wide] = [effect[panel.key], Z90 * effect[panel.sd]];
    return `step ${step + 1}: ${signed(value, panel.digits)} ${interval(value - wide, value + wide, panel.digits)} nats/token`;
  }

  /** What the estimates of the group say of a step: itself, or on a line between two; null without them. */
  between(step) {
    const after = this.dots?.findIndex((dot) => dot.step >= step) ?? -1;
    if (after < 0 || (after === 0 && this.dots[0].step !== step)) return null;
    const [a, b] = [this.dots[Math.max(0, after - 1)], this.dots[after]];
    const share = a === b ? 0 : (step - a.step) / (b.step - a.step);
    const at = (key) => a[key][0] + share * (b[key][0] - a[key][0]);
    return { own: at('own'), heldOut: at('heldOut') };
  }
}
