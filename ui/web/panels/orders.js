// Starting from another order: a preset, or one that is pasted or uploaded.
import { h, button, setText } from '../shared/dom.js';

const LARGEST = 2_000_000; // characters of an order file
const PLAIN = [
  ['reversed', 'Reversed'], ['interleaved', 'Domains interleaved'],
  ['shortest-first', 'Shortest first'], ['longest-first', 'Longest first'],
  ['easy-to-hard', 'Easy to hard'], ['hard-to-easy', 'Hard to easy'],
];
const TIPS = {
  'easy-to-hard': 'By each sample’s loss before training, the lowest first',
  'hard-to-easy': 'By each sample’s loss before training, the highest first',
  interleaved: 'Each domain spread evenly over the whole training',
};

export class Orders {
  /** owner: { send(type, more), run, sequence } */
  constructor(owner) {
    this.owner = owner;
    this.element = button('Orders \u2026', () => this.open(), { 'data-command': 'orders', 'aria-haspopup': 'dialog',
      'data-tip': 'Presets, or an order of your own, pasted or from a file' });
    this.seed = h('input', { class: 'ro-input ro-seed', type: 'number', min: 0, max: 4294967295, step: 1, value: 0, 'aria-label': 'Seed' });
    this.domains = h('ol', { class: 'ro-sequence', 'aria-label': 'Sequence of domains' });
    this.text = h('textarea', { class: 'ro-input ro-paste', rows: 4, 'aria-label': 'Order file', spellcheck: 'false',
      placeholder: '3 0 7 \u2026  or  [3, 0, 7, \u2026]  or  {"run": "\u2026", "order": [3, 0, 7, \u2026]}' });
    this.file = h('input', { type: 'file', accept: '.json,.txt,application/json', 'aria-label': 'Upload an order file', onchange: () => this.read() });
    this.problem = h('p', { class: 'ro-problem', role: 'alert' });
    this.dialog = h('dialog', { class: 'ro-dialog', 'aria-label': 'Start from another order' },
      h('div', { class: 'ro-dialog-head' }, h('h2', {}, 'Start from another order'),
        h('button', { type: 'button', class: 'ro-close', 'aria-label': 'Close', onclick: () => this.dialog.close() }, '\u00d7')),
      h('h3', {}, 'Presets'),
      h('div', { class: 'ro-group' }, PLAIN.map(([name, label]) => button(label, () => this.ask('preset', { name, options: {} }),
        { 'data-preset': name, title: TIPS[name] }))),
      h('div', { class: 'ro-group' }, button('Random', () => this.random(), { 'data-preset': 'random' }),
        h('label', { class: 'ro-choice' }, 'seed ', this.seed)),
      h('div', { class: 'ro-group ro-blocks' }, button('Domain by domain', () => this.blocks(), { 'data-preset': 'blocks' }), this.domains),
      h('h3', {}, 'Your own'),
      h('p', { class: 'ro-hint' }, 'This run’s sample ids, each once, with spaces, commas or lines between them, or as JSON; what Share exports can be used as well. Up to 2 MB.'),
      this.text,
      h('div', { class: 'ro-group' }, this.file, h('span', { class: 'ro-spring' }),
        button('Use this order', () => this.paste(), { class: 'ro-button ro-primary', 'data-command': 'paste' })),
      this.problem);
    this.dialog.addEventListener('click', (event) => { if (event.target === this.dialog) this.dialog.close(); });
    this.dialog.addEventListener('close', () => this.element.focus());
  }

  open() {
    if (this.shownRun !== this.owner.run.id) {
      this.shownRun = this.owner.run.id;
      this.sequence = [...this.owner.run.domains];
      this.drawSequence();
    }
    setText(this.problem, '');
    this.source = 'pasted order';
    this.dialog.showModal();
  }

  /** The domains as they are to come; a button puts one a place earlier. */
  drawSequence(focus = -1) {
    this.domains.replaceChildren(...this.sequence.map((name, at) => h('li', {}, h('button', {
      type: 'button', class: 'ro-filter-entry', 'aria-label': `${name}, number ${at + 1}: put earlier`, title: 'Put earlier',
      onclick: () => this.earlier(at) },
    h('span', { class: 'ro-swatch ro-domain-swatch', style: `--ro-domain: var(--ro-domain-${this.owner.run.shades[this.owner.run.domains.indexOf(name)]})` }),
    `${at + 1} `, h('bdi', { class: 'ro-domain-name' }, name)))));
    if (focus >= 0) this.domains.querySelectorAll('button')[focus].focus();
  }

  earlier(at) {
    const to = at === 0 ? this.sequence.length - 1 : at - 1; // the first goes round to the end
    const [name] = this.sequence.splice(at, 1);
    this.sequence.splice(to, 0, name);
    this.drawSequence(to);
  }

  random() {
    const seed = Number(this.seed.value);
    if (this.seed.value.trim() === '' || !Number.isInteger(seed)) { this.refuse(`the seed is “${this.seed.value}”; expected a whole number`); return; }
    this.ask('preset', { name: 'random', options: { seed } });
  }

  blocks() { this.ask('preset', { name: 'blocks', options: { domains: this.sequence } }); }

  async read() {
    const [file] = this.file.files;
    if (!file) return;
    if (file.size > LARGEST) { this.refuse(`${file.name} has ${Math.round(file.size / 1e6)} MB; an order file has at most 2 MB`); return; }
    this.text.value = await file.text();
    this.source = `order from ${file.name}`.slice(0, 80);
    setText(this.problem, '');
  }

  paste() {
    const text = this.text.value;
    if (!text.trim()) { this.refuse('there is no order yet; paste one or choose a file'); return; }
    if (text.length > LARGEST) { this.refuse('the text is longer than 2 MB'); return; }
    this.ask('paste', { text, source: this.source });
  }

  ask(type, more) {
    setText(this.problem, '');
    this.owner.send(type, more);
    this.asked = this.owner.sequence;
  }

  refuse(words) { setText(this.problem, `Not done, the order is unchanged: ${words}.`); }

  /** What came of the last request: the dialog closes, or says why not and keeps the text. */
  answered(raw) {
    if (!this.asked || raw.seq < this.asked) return;
    this.asked = 0;
    if (raw.notice?.kind === 'error') setText(this.problem, raw.notice.text);
    else this.dialog.close();
  }
}
