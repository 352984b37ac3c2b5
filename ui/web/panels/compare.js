// The order on screen against another: every metric's difference, the two orders, the tiles that differ.
import { missed } from '../figures/dots.js';
import { h, s } from '../shared/dom.js';
import { unpack } from '../shared/channels.js';
import { clip, interval, signed } from '../shared/format.js';
import { markOf } from '../board/board.js';
import { mean } from '../shared/run.js';
import { slotsOf } from '../preview/moves.js';
import { Twin } from '../board/twin.js';

const MOST = 8;
const PLANTED = 12;

export class Comparison {
  /** owner: the Timeline. */
  constructor(owner) {
    this.owner = owner;
    this.base = h('select', { class: 'ro-select', 'aria-label': 'Compare this order with', onchange: () => this.choose() });
    this.mark = h('input', { type: 'checkbox', checked: true, onchange: () => this.markTiles() });
    this.words = h('span', {});
    this.body = h('div', { class: 'ro-compare-body' });
    this.element = h('div', { class: 'ro-compare' },
      h('label', { class: 'ro-choice' }, 'Against ', this.base), this.body,
      h('label', { class: 'ro-check' }, this.mark, this.words));
    this.twin = new Twin({
      get run() { return owner.run; }, get slots() { return owner.slots; }, get board() { return owner.board; },
      select: (id, go) => owner.select(id, go), hover: (id) => this.hover(id) });
    this.on = false;
  }

  /** A tile of the second board is pointed at: the first one marks it, too. */
  hover(id) {
    this.owner.highlight(id === null ? null : [id]);
    this.owner.look(id);
  }

  /** Where the sample in view stands on both boards. */
  link(id) {
    if (this.twin.slots) this.twin.link(id);
  }

  opened(on) {
    if (on === this.on || !this.owner.view) return;
    this.on = on;
    if (!on) { this.markTiles(); this.twin.hide(); }
    this.owner.send('compare', on ? this.request(this.last ?? 'reference') : { base: 'nothing' });
  }

  /** "view abc", "place 3 hash" as the select's value. */
  request(value) {
    const [base, id = '', hash = ''] = value.split(' ');
    if (base === 'view') return { base, id };
    return base === 'place' ? { base, place: Number(id), hash } : { base };
  }

  choose() {
    this.last = this.base.value;
    this.owner.send('compare', this.request(this.last));
  }

  options(view, found) {
    const { history } = view;
    const views = this.owner.sharing.saved.views ?? [];
    const points = [[0, history.start], ...history.moves.map((move, i) => [i + 1, move])].filter(([at]) => at !== history.place);
    const one = (value, text, chosen) => h('option', { value, selected: chosen }, clip(text, 44));
    return [
      one('reference', 'the reference order', found.base === 'reference'),
      one('previous', 'the previous order', found.base === 'previous'),
      views.length ? h('optgroup', { label: 'Saved views' }, views.map((v) => one(`view ${v.id}`, v.name, found.base === 'view' && found.id === v.id))) : null,
      points.length ? h('optgroup', { label: 'Points of the history' }, points.map(([at, move]) =>
        one(`place ${at} ${move.hash}`, `${at}: ${move.words}`, found.base === 'place' && found.place === at))) : null,
    ].filter(Boolean);
  }

  show(run, view) {
    const found = view.comparison;
    this.differing = null;
    if (!found?.order || !this.on) this.twin.hide();
    if (!found || !this.on) return;
    this.base.replaceChildren(...this.options(view, found));
    if (found.problem) {
      this.body.replaceChildren(h('p', { class: 'ro-nothing' }, `Nothing to compare with: ${found.problem}.`));
      this.words.textContent = '';
      this.markTiles();
      return;
    }
    this.draw(run, view, found);
  }

  draw(run, view, found) {
    const sample = unpack(found.sample);
    const ends = unpack(found.sampleInterval);
    const probe = unpack(found.probe);
    const probeEnds = unpack(found.probeInterval);
    const truth = found.truth ? { sample: unpack(found.truth.sample), probe: unpack(found.truth.probe) } : null;
    const domains = run.probeDomains.length;
    const ofSample = (id) => ({ value: sample[id], lo: ends[id], hi: ends[run.count + id], truth: truth?.sample[id] });
    const [heldOut, low, high] = found.heldOut;
    const planted = run.samples.filter(markOf).slice(0, PLANTED);
    const rows = [
      { name: 'Held-out, mean', value: heldOut, lo: low, hi: high, truth: truth && mean(truth.probe) },
      ...run.probeDomains.map((name, i) => ({ name, inner: true, value: probe[i], lo: probeEnds[i], hi: probeEnds[domains + i], truth: truth?.probe[i] })),
      { name: 'Training, mean', value: mean(sample), lo: mean(ends.subarray(0, run.count)), hi: mean(ends.subarray(run.count)),
        truth: truth && mean(truth.sample), tip: 'Its interval averages the samples\u2019, which is its upper bound' },
      ...planted.map(({ id, flags }) => ({ name: `${flags[0]} ${id}`, id, inner: true, ...ofSample(id) })),
    ];
    const most = run.samples.map(({ id }) => ({ id, name: `sample ${id}`, text: clip(run.samples[id].text, 34), ...ofSample(id) }))
      .filter((row) => row.value !== 0).sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, MOST);
    const slots = slotsOf(found.order);
    const step = (slot) => Math.floor(slot / run.batch);
    this.differing = run.samples.map(({ id }) => id).filter((id) => step(slots[id]) !== step(this.owner.slots[id]));
    const whole = this.owner.board.windowed; // the boards show but a window of steps
    this.body.replaceChildren(
      ...(whole ? [strip(run, found.order, 'the other'), strip(run, view.order, 'this order')] : []),
      this.table('Difference, this order minus the other', rows, truth),
      most.length ? this.table('Samples that differ most', most, truth) : h('p', { class: 'ro-nothing' }, 'Both orders train the same.'));
    this.words.textContent = `Show which tiles differ: ${this.differing.length} at another step`;
    this.markTiles();
    this.twin.show(slots, this.differing, this.base.selectedOptions[0]?.textContent ?? 'the other order');
  }

  markTiles() {
    const differing = new Set(this.differing);
    this.owner.board.field.classList.toggle('ro-comparing', this.on && this.mark.checked && Boolean(this.differing));
    for (const [id, tile] of this.owner.board.tiles.entries()) tile.classList.toggle('ro-differs', differing.has(id));
  }

  table(title, rows, truth) {
    const name = (row) => (row.id === undefined ? h('bdi', {}, row.name) : h('button', { type: 'button', class: 'ro-sort', 'data-sample': row.id,
      onclick: () => this.owner.select(row.id, true) }, row.name));
    return h('table', { class: 'ro-compare-table' }, h('caption', {}, title),
      h('thead', { class: 'ro-hidden' }, h('tr', {}, h('th', { scope: 'col' }, 'what'), h('th', { scope: 'col' }, 'difference, nats per token'))),
      h('tbody', {}, rows.map((row) => h('tr', { 'data-metric': row.name, 'data-inner': row.inner },
        h('th', { scope: 'row', 'data-tip': row.tip }, name(row), row.text ? h('small', {}, row.text) : null),
        h('td', { 'data-side': row.lo > 0 ? 'rise' : row.hi < 0 ? 'fall' : 'unclear', 'data-value': row.value }, truth ? [signed(row.truth, 4),
          h('small', { class: 'ro-compare-truth', 'data-truth': row.truth, 'data-missed': missed(row) }, missed(row) ? 'retrained, outside the interval' : 'retrained'),
          h('small', {}, `estimated ${signed(row.value, 4)}`)] : signed(row.value, 4),
        h('small', {}, interval(row.lo, row.hi, 4)))))));
  }
}

/** Which domains each step trains, as one stacked bar a step. */
function strip(run, order, name) {
  const bars = [];
  for (let step = 0; step < run.steps; step += 1) {
    const inside = Array.from(order.slice(step * run.batch, (step + 1) * run.batch), (id) => run.samples[id].domain).sort((a, b) => a - b);
    inside.forEach((domain, row) => {
      if (row && inside[row - 1] === domain) return;
      const size = inside.lastIndexOf(domain) - row + 1;
      bars.push(s('rect', { x: step, y: row, width: 0.92, height: size, style: `fill: var(--ro-domain-${run.shades[domain]})` }));
    });
  }
  return h('div', { class: 'ro-strip' }, h('span', {}, name),
    s('svg', { viewBox: `0 0 ${run.steps} ${run.batch}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `Domains over steps, ${name}` }, bars));
}
