// Choosing tiles by what they are: a text search, a menu of groups, a legend that filters.
import { h, button, setText } from '../shared/dom.js';
import { clip, isolated, signed } from '../shared/format.js';
import { MARKS, markOf } from './board.js';
import { howMany, sampleChange } from '../shared/run.js';

const TOP = 10;

export class Find {
  /** owner: { run, view, board, selection, announce(text) } */
  constructor(owner) {
    this.owner = owner;
    this.filter = new Set(); // domains and marks to show; empty: all
    this.query = h('input', { class: 'ro-input', type: 'search', placeholder: 'Find text \u2026', 'aria-label': 'Find samples by their text',
      oninput: () => this.search(), onkeydown: (event) => this.key(event) });
    this.groups = h('select', { class: 'ro-select', 'aria-label': 'Select a group of samples', onchange: () => this.choose() });
    this.words = h('span', { class: 'ro-find-words', role: 'status' });
    this.clear = button('Clear', () => owner.selection.clear(), { 'data-command': 'clear-selection' });
    this.legend = h('ul', { class: 'ro-key ro-filter', 'aria-label': 'Show only' });
    this.element = h('div', { class: 'ro-find' }, this.query, this.groups, this.words, this.clear);
  }

  build(run) {
    this.filter.clear();
    this.query.value = '';
    const marks = Object.keys(MARKS).filter((flag) => run.samples.some((sample) => markOf(sample) === flag));
    const entry = (key, swatch, text) => h('li', {}, h('button', {
      type: 'button', class: 'ro-filter-entry', 'aria-pressed': 'false', 'data-filter': key,
      'data-tip': `Show only ${text}; again to show all`, onclick: (event) => this.toggle(key, event.currentTarget) }, swatch, h('bdi', { class: 'ro-domain-name' }, text)));
    this.legend.replaceChildren(
      ...run.groups.map(([name, shade]) => entry(`shade ${shade}`,
        h('span', { class: 'ro-swatch ro-domain-swatch', style: `--ro-domain: var(--ro-domain-${shade})` }), name)),
      ...marks.map((flag) => entry(`mark ${flag}`, h('span', { class: 'ro-mark', 'aria-hidden': 'true' }, MARKS[flag]), flag)));
    this.marks = marks;
    this.grouped = null;
    this.show();
  }

  /**
   * The menu's groups. They hold what the order on screen trains and nothing of the bench: a group is
   * there to be moved, and whoever drags the canaries means those that are trained, not to train their
   * spare visits besides.
   */
  group() {
    const { run, slots } = this.owner;
    if (!slots || this.grouped === slots) return;
    this.grouped = slots;
    const tiles = run.samples.filter(({ id }) => slots[id] < run.trained);
    const each = [...new Map(tiles.map((tile) => [tile.sample, tile])).values()]; // a tile a sample
    const by = (value, most) => {
      const top = new Set([...each].sort((a, b) => most * (value(b) - value(a))).slice(0, TOP).map(({ sample }) => sample));
      return tiles.filter(({ sample }) => top.has(sample));
    };
    const learned = ({ id }) => run.reference.before[id] - run.reference.sampleLoss[id];
    this.sets = [
      ...run.domains.map((name, i) => [`all of ${name}`, tiles.filter((s) => s.domain === i)]),
      ...this.marks.map((flag) => [`all ${flag} samples`, tiles.filter((s) => markOf(s) === flag)]),
      [`the ${TOP} longest`, by((s) => s.tokens, 1)],
      [`the ${TOP} best remembered`, by(learned, 1)],
      [`the ${TOP} least remembered`, by(learned, -1)],
      [run.count > run.trained ? 'all that is trained' : 'all samples', tiles],
    ].map(([name, found]) => [name, found.map(({ id }) => id)]);
    this.groups.replaceChildren(h('option', { value: '' }, 'Select \u2026'),
      ...this.sets.map(([name, ids], i) => h('option', { value: String(i), dir: 'auto' }, `${isolated(clip(name, 44))} (${howMany(run, ids)})`)));
  }

  choose() {
    const set = this.sets?.[Number(this.groups.value)];
    if (this.groups.value !== '' && set) this.owner.selection.set(set[1]);
    this.groups.value = '';
  }

  toggle(key, entry) {
    if (!this.filter.delete(key)) this.filter.add(key);
    entry.setAttribute('aria-pressed', String(this.filter.has(key)));
    this.dim();
  }

  search() {
    const wanted = this.query.value.trim().toLowerCase();
    this.matches = wanted ? this.owner.run.samples.filter(({ text }) => text.toLowerCase().includes(wanted)).map(({ id }) => id) : null;
    this.dim();
    this.show();
  }

  key(event) {
    if (event.key === 'Enter' && this.matches?.length) {
      event.preventDefault();
      this.owner.selection.set(this.matches);
    } else if (event.key === 'Escape') {
      this.query.value = '';
      this.search();
    }
  }

  /** Fade what neither the legend nor the search asks for. */
  dim() {
    const { board, run } = this.owner;
    const found = this.matches && new Set(this.matches);
    const wanted = (sample) => (!this.filter.size || this.filter.has(`shade ${sample.shade}`)
      || this.filter.has(`mark ${markOf(sample)}`)) && (!found || found.has(sample.id));
    const all = !this.filter.size && !found;
    board.mark('dim', all ? [] : run.samples.filter((sample) => !wanted(sample)).map(({ id }) => id));
  }

  show() {
    const { selection, run, view } = this.owner;
    const { size } = selection;
    this.group();
    this.clear.style.visibility = size ? 'visible' : 'hidden'; // its room stays: the board must not jump
    if (!size) {
      const count = this.matches?.length;
      const how = this.owner.picking ? 'Tap tiles, or pull a lasso over them' : 'Shift, Ctrl or a lasso select several';
      setText(this.words, count === undefined ? how
        : count ? `${count} found; Enter selects them` : 'nothing found');
      return;
    }
    let change = 0;
    if (view) for (const id of selection.ids) change += sampleChange(run, view, id).value / size;
    setText(this.words, `${size} selected, mean change of their loss ${signed(change)}; drag one to move all`);
  }
}
