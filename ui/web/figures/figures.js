// The four figures below the board: what can be chosen of each. Their traces are Python's
// (ui/charts/timeline), sent after an order's numbers.
import { listen } from '../shared/channels.js';
import { button, h, segmented } from '../shared/dom.js';
import { Figure } from './figure.js';

const BEND = 'An axis that is even around zero and logarithmic beyond: a few large changes then leave room for the small ones';

export class Figures {
  /** owner: the Timeline. */
  constructor(owner) {
    this.owner = owner;
    this.shown = { measure: 'change', bent: false, against: 'reference', curve: 'heldout' };
    this.told = null; // what Python was told last, once it has said what it began with
    const against = segmented('Compared with', [['reference', 'Reference', 'Against the reference order'],
      ['previous', 'Last move', 'What the last move alone changed']], (value) => this.choose({ against: value }));
    const measure = segmented('What is shown', [['change', 'Change', 'Final loss in this order minus that in the reference order'],
      ['learned', 'Learned', 'Memorization: loss before training minus loss after it']], (value) => this.choose({ measure: value }));
    const bend = button('asinh', () => {
      this.choose({ bent: !this.shown.bent });
      bend.setAttribute('aria-pressed', String(this.shown.bent));
    }, { 'aria-pressed': 'false', 'data-command': 'asinh', 'data-tip': BEND });
    this.curve = segmented('Which loss', [['heldout', 'Held-out'], ['training', 'Training'], ['sample', 'Sample']],
      (curve) => this.choose({ curve }));
    const figure = (name, title, tools) => new Figure(this, name, title, tools);
    this.generalization = figure('generalization', 'Generalization', null);
    this.memorization = figure('memorization', 'Memorization', h('span', { class: 'ro-tools' }, measure, bend));
    this.all = [this.generalization, figure('ranking', 'What moved most', against), this.memorization,
      figure('trajectory', 'Loss during training', this.curve)];
    listen('fixed', ({ tips }) => { for (const one of this.all) one.explain(tips[one.name]); }, owner.life.signal);
  }

  /** What the figures are to show, as Python takes it. */
  get wish() {
    const { shown: { ...shown }, owner: { selected } } = this;
    const tables = this.all?.filter((figure) => figure.data.open).map(({ name }) => name) ?? [];
    return JSON.stringify({ ...shown, sample: shown.curve === 'sample' ? selected : null, tables });
  }

  choose(what) {
    Object.assign(this.shown, what);
    this.ask();
  }

  showCurve(curve) {
    this.curve.set(curve);
    this.choose({ curve });
  }

  /** Tell Python what to send, where that is something else than before; not while a request is under way. */
  ask() {
    const { owner, wish } = this;
    if (this.told === null || wish === this.told || !owner.view || owner.waiting) return;
    this.told = wish;
    owner.whisper('figures', JSON.parse(wish));
  }

  /** The figures of the order on screen, once the numbers are painted: data-charts then says of which order they are. */
  draw() {
    this.told ??= JSON.stringify(this.owner.view.figures.shown);
    this.ask();
    this.stale = new Set(this.all);
    this.drawLater();
  }

  /** Once what is there is painted. */
  drawLater() {
    cancelAnimationFrame(this.later);
    clearTimeout(this.next);
    this.later = requestAnimationFrame(() => { this.next = setTimeout(() => this.redraw()); });
  }

  /** Draw a figure a frame, those in the window first: neither a pointer nor a painting waits for all. */
  redraw() {
    const { hash, figures: { plots, tables } } = this.owner.view;
    const stale = [...this.stale];
    const figure = stale.find(({ element }) => inWindow(element)) ?? stale[0];
    this.stale.delete(figure);
    figure.show(plots[figure.name], tables[figure.name], hash);
    if (this.stale.size) this.drawLater();
  }

  /** Another sample is selected. */
  selected() {
    for (const figure of this.all) figure.pressed();
    this.memorization.draw(); // the ring around its dot
    this.ask();
  }

  /** A figure is drawn; data-charts says once all of them show the order on screen. */
  drawn() {
    const { view, root } = this.owner;
    if (view && this.all.every(({ hash }) => hash === view.hash)) root.dataset.charts = view.hash;
  }

  destroy() {
    cancelAnimationFrame(this.later);
    clearTimeout(this.next);
    for (const figure of this.all) figure.destroy();
  }
}

function inWindow(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
}
