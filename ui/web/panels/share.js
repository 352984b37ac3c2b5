// All that is kept, compared, presented and taken away of the order on screen.
import { listen } from '../shared/channels.js';
import { h, button } from '../shared/dom.js';
import { saveBytes } from '../shared/files.js';
import { addressOf, viewInAddress } from '../shared/links.js';
import { Comparison } from './compare.js';
import { Talk } from './talk.js';

const received = new Set(); // files saved: whoever listens anew is told of the last one again

export class Sharing {
  /** owner: the Timeline. */
  constructor(owner) {
    this.owner = owner;
    this.saved = h('div', { class: 'ro-saved' });
    this.comparison = new Comparison(owner);
    this.questions = h('section', { class: 'ro-guide', 'aria-label': 'Guided questions' }, h('div', { class: 'ro-guide-head' })); // their room is kept until they come
    /** @type {{ views?: any[], scenarios?: any[] }} slides of a talk */
    this.decks = {};
    this.talk = new Talk(owner, this);
    this.tabs = [['saved', 'Saved', this.saved], ['compare', 'Compare', this.comparison.element]];
    this.menu = new Menu(owner.life.signal);
    const { signal } = owner.life;
    listen('fixed', ({ share }) => owner.acting.lay(this.menu.list, share), signal);
    listen('views', (found) => this.laid('views', this.saved, found), signal);
    listen('scenarios', (found) => this.laid('scenarios', this.questions, found), signal);
    listen('download', (value) => this.receive(value), signal);
  }

  laid(name, element, { parts, deck }) {
    element.hidden = !parts.length;
    this.owner.acting.lay(element, parts);
    this.decks[name] = deck;
    this.changed();
  }

  /** The Share button and its menu, for the toolbar. */
  get element() {
    if (!this.bar) {
      this.present = button('Present', () => this.talk.enter(), { 'data-command': 'talk',
        'data-tip': 'Large type and a deck of saved views, for a talk; arrow keys step, Escape leaves' });
      this.bar = h('div', { class: 'ro-group ro-share' }, this.present, this.menu.element);
    }
    return this.bar;
  }

  /** What the address asked for, once the run is known. */
  arrive() {
    const { sample, curve, talk } = viewInAddress(this.owner.run.count);
    if (sample !== null) this.owner.adopt({ selection: sample });
    if (curve) this.owner.adopt({ metric: curve });
    this.wantsTalk = talk;
  }

  show(run, view) {
    if (this.opening && view.shown?.id === this.opening) {
      this.opening = null; // first: adopting draws, which comes here again
      this.owner.adopt(view.shown);
      return;
    }
    this.comparison.show(run, view);
    this.changed();
  }

  /** Deck or order changed. */
  changed() {
    if (!this.owner.view) return;
    if (this.wantsTalk && (this.decks.views || this.decks.scenarios)) {
      this.wantsTalk = false;
      this.talk.enter();
    }
    this.talk.show();
    this.owner.side.count('saved', this.decks.views?.length ?? 0);
  }

  opened(tab) { this.comparison.opened(tab === 'compare'); }

  /** An entry of the menu was chosen. */
  take(what) {
    this.menu.toggle(false);
    this.menu.open.focus();
    return what === 'link' ? this.copy() : this.export(what);
  }

  async copy() {
    const { run, selected, curve } = this.owner;
    const link = addressOf(run, { selected, curve });
    try {
      await navigator.clipboard.writeText(link);
      this.menu.say('Link copied');
      this.owner.announce('Link copied.');
    } catch {
      this.menu.offer(link); // no permission, or a page served without https
    }
  }

  async export(what) {
    const figures = [];
    if (what === 'bundle') {
      this.menu.say('Drawing the figures \u2026');
      for (const figure of this.owner.figures.all) {
        const [svg, png] = [await figure.picture('svg'), await figure.picture('png')];
        figures.push({ name: figure.name, svg: decodeURIComponent(after(svg)), png: after(png) });
      }
    }
    this.menu.say('Preparing the file \u2026');
    this.owner.send('export', { what, figures });
  }

  receive({ id, name, mime, content }) {
    if (received.has(id)) return;
    received.add(id);
    saveBytes(name, mime, content);
    this.menu.say(`Saved as ${name}`);
    this.owner.root.dataset.saved = name;
  }
}

/** What stands in a data address. */
function after(address) { return address.slice(address.indexOf(',') + 1); }

/** A button that opens a list of actions; Escape and a click elsewhere close it. */
class Menu {
  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.open = h('button', { type: 'button', class: 'ro-button', 'aria-haspopup': 'menu', 'aria-expanded': 'false',
      'data-command': 'share', onclick: () => this.toggle(this.list.hidden) }, 'Share');
    this.list = h('div', { class: 'ro-menu', role: 'menu', 'aria-label': 'Share', hidden: true });
    this.words = h('span', { class: 'ro-menu-words', role: 'status' });
    this.link = h('input', { class: 'ro-input', type: 'text', readonly: true, 'aria-label': 'Link to this view',
      onfocus: () => this.link.select() });
    this.field = h('div', { class: 'ro-menu-link', hidden: true }, h('span', {}, 'Copy this link:'), this.link);
    this.element = h('div', { class: 'ro-menu-holder' }, this.open, this.list, this.field, this.words);
    this.element.addEventListener('keydown', (event) => this.key(event));
    document.addEventListener('pointerdown', (event) => { if (!this.element.contains(event.target)) this.toggle(false); }, { signal });
  }

  toggle(open) {
    this.list.hidden = !open;
    this.field.hidden = true;
    this.open.setAttribute('aria-expanded', String(open));
    if (open) this.list.firstChild.focus();
  }

  key(event) {
    const items = [...this.list.children];
    const at = items.indexOf(document.activeElement);
    if (event.key === 'Escape' && (!this.list.hidden || !this.field.hidden)) {
      event.stopPropagation();
      this.toggle(false);
      this.open.focus();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || this.list.hidden) return;
    event.preventDefault();
    items[(at + step + items.length) % items.length].focus();
  }

  say(text) {
    this.words.textContent = text;
    clearTimeout(this.later);
    this.later = setTimeout(() => { this.words.textContent = ''; }, 5000);
  }

  offer(link) {
    this.field.hidden = false;
    this.link.value = link;
    this.link.focus();
    this.link.select();
  }
}
