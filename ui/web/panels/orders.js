// Starting from another order: what ui/timeline/panels/orders.py describes, in a dialog.
import { listen } from '../shared/channels.js';
import { h, button, setText } from '../shared/dom.js';

const LARGEST = 2_000_000; // bytes of an order file

export class Orders {
  /** owner: the Timeline. */
  constructor(owner) {
    this.owner = owner;
    this.element = button('Orders \u2026', () => this.open(), { 'data-command': 'orders', 'aria-haspopup': 'dialog',
      'data-tip': 'Presets, or an order of your own, pasted or from a file' });
    this.domains = h('ol', { class: 'ro-sequence', 'aria-label': 'Sequence of domains' });
    this.presets = h('div', {});
    this.own = h('div', { onchange: ({ target }) => this.read(target) });
    this.problem = h('p', { class: 'ro-problem', role: 'alert' });
    this.dialog = h('dialog', { class: 'ro-dialog', 'aria-label': 'Start from another order' },
      h('div', { class: 'ro-dialog-head' }, h('h2', {}, 'Start from another order'),
        h('button', { type: 'button', class: 'ro-close', 'aria-label': 'Close', onclick: () => this.dialog.close() }, '\u00d7')),
      this.presets,
      h('div', { class: 'ro-group ro-blocks' }, button('Domain by domain', () => this.blocks(), { 'data-preset': 'blocks' }), this.domains),
      this.own, this.problem);
    this.dialog.addEventListener('click', (event) => { if (event.target === this.dialog) this.dialog.close(); });
    this.dialog.addEventListener('close', () => this.element.focus());
    listen('fixed', ({ presets, own }) => {
      owner.acting.lay(this.presets, presets);
      owner.acting.lay(this.own, own);
    }, owner.life.signal);
  }

  open() {
    if (this.shownRun !== this.owner.run.id) {
      this.shownRun = this.owner.run.id;
      this.sequence = [...this.owner.run.domains];
      this.drawSequence();
    }
    setText(this.problem, '');
    this.before = this.owner.sequence;
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

  blocks() { this.owner.send('preset', { name: 'blocks', options: { domains: this.sequence } }); }

  /** A file that was chosen becomes the text, and goes by its name. */
  async read({ form, files }) {
    const [file] = files ?? [];
    if (!file) return;
    const tooLarge = file.size > LARGEST;
    setText(this.problem, tooLarge ? `${file.name} has ${Math.round(file.size / 1e6)} MB; an order file has at most 2 MB.` : '');
    if (tooLarge) return;
    form.elements.text.value = await file.text();
    form.elements.source.value = `order from ${file.name}`.slice(0, 80);
  }

  /** What came of a request made here: the dialog closes, or says why not and keeps the text. */
  answered({ seq, notice }) {
    if (!this.dialog.open || seq <= this.before) return;
    setText(this.problem, notice?.kind === 'error' ? notice.text : '');
    if (notice?.kind !== 'error') this.dialog.close();
  }
}
