// What moved most: a ranked list whose rows lead to their tiles.
import { saves } from '../shared/chart.js';
import { h, s, info, segmented } from '../shared/dom.js';
import { clip, interval, signed } from '../shared/format.js';
import { markOf } from '../board/board.js';
import { picture, size } from './rankpicture.js';
import { moveChange, sampleChange } from '../shared/run.js';

const SHOWN = 9;

export class Ranking {
  constructor(select) {
    this.select = select;
    this.list = h('ol', { class: 'ro-ranking' });
    this.against = 'reference';
    this.choice = segmented('Compared with', [['reference', 'Reference', 'Against the reference order'],
      ['previous', 'Last move', 'What the last move alone changed']], (value) => {
      this.against = value;
      if (this.shown) this.show(...this.shown);
    });
    this.name = 'ranking';
    this.svg = s('svg', { class: 'ro-plot ro-rank-picture', 'aria-hidden': 'true' });
    this.legend = h('div', {}); // the rows say all
    this.files = saves(this, 'What moved most');
    this.element = h('figure', { class: 'ro-figure', 'data-figure': 'ranking' },
      h('figcaption', {}, h('h3', {}, 'What moved most'), h('span', { class: 'ro-unit' }, 'final loss, nats/token'),
        info('The samples whose estimated final loss differs most from the reference order, or was changed '
          + 'most by the last move, with 90 % intervals; the black tick is the real retraining. '
          + 'Choose a row to see its tile.'), this.choice, h('span', { class: 'ro-spring' }), this.files),
      this.list, h('div', { hidden: true }, this.svg));
  }

  show(run, view, selected) {
    this.shown = [run, view, selected];
    const change = this.against === 'previous' ? moveChange : sampleChange;
    const changes = run.samples.map((sample) => ({ sample, ...change(run, view, sample.id) }));
    const most = changes.filter((row) => Number.isFinite(row.value)).sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, SHOWN);
    const limit = Math.max(1e-9, ...most.flatMap((row) => [row.value, row.truth].filter(Number.isFinite).map(Math.abs)));
    this.listed = limit > 1e-6 ? most : [];
    this.limit = limit;
    this.files.hidden = !this.listed.length;
    if (!this.listed.length) {
      this.list.replaceChildren(h('li', { class: 'ro-nothing' }, this.against === 'previous'
        ? 'No move yet in this history. Drag a tile to another step.'
        : 'Nothing differs: this is the reference order. Drag a tile to another step.'));
      return;
    }
    this.list.replaceChildren(...most.map((row) => this.row(row, limit, selected)));
  }

  get title() {
    return `What moved most: nats/token, against the ${this.against === 'previous' ? 'order before' : 'reference order'}`;
  }

  /** The list as an SVG, for a file. */
  prepare() {
    const { width, height } = size(this.listed);
    this.height = height;
    this.svg.setAttribute('width', width);
    this.svg.setAttribute('height', height);
    this.svg.replaceChildren(...picture(this.listed, this.limit));
  }

  row({ sample, value, lo, hi, truth }, limit, selected) {
    const share = (v) => `${(50 * Math.abs(v)) / limit}%`;
    const bar = h('span', { class: 'ro-rank-bar', 'data-side': value < 0 ? 'fall' : 'rise', style: `--ro-w:${share(value)}` });
    const tick = Number.isFinite(truth)
      ? h('span', { class: 'ro-rank-truth', style: `left:calc(50% ${truth < 0 ? '-' : '+'} ${share(truth)})` }) : null;
    const mark = markOf(sample);
    return h('li', {}, h('button', {
      type: 'button', class: 'ro-rank', 'data-sample': sample.id, 'data-value': value,
      'aria-pressed': String(sample.id === selected), onclick: () => this.select(sample.id),
      'data-tip': Number.isFinite(lo) ? `90 % interval ${interval(lo, hi)}` : null,
    },
    h('span', { class: 'ro-swatch ro-domain-swatch', style: `--ro-domain: var(--ro-domain-${sample.domain % 8})` }),
    h('span', { class: 'ro-rank-name' }, h('b', {}, `${sample.id}`), ` ${mark ? `${mark} · ` : ''}${clip(sample.text, 60)}`),
    h('span', { class: 'ro-rank-track' }, bar, tick),
    h('span', { class: 'ro-rank-value' }, signed(value),
      Number.isFinite(truth) ? h('small', {}, signed(truth)) : null)));
  }
}
