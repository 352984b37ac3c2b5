// The instrument: holds what is on screen, passes moves to Python, draws what comes back.
import { listen } from './shared/channels.js';
import { h, setText, tooltips } from './shared/dom.js';
import { Board, markOf } from './board/board.js';
import { Carrying } from './board/carrying.js';
import { colouring } from './board/colouring.js';
import { Find } from './board/find.js';
import { Hand } from './board/hand.js';
import { Response } from './preview/response.js';
import { Acting } from './panels/acting.js';
import { Inspector } from './panels/inspector.js';
import { Orders } from './panels/orders.js';
import { Sharing } from './panels/share.js';
import { Selection } from './board/selection.js';
import { Side } from './panels/side.js';
import { Table } from './panels/table.js';
import { Suggestions } from './panels/suggest.js';
import { Toolbar } from './panels/toolbar.js';
import { Trial } from './preview/trial.js';
import { Figures } from './figures/figures.js';
import { slotsOf } from './preview/moves.js';
import { markKnown } from './shared/links.js';
import { decodeRun, decodeView, howMany } from './shared/run.js';

/** Requests after which the order on screen is the same. */
const STAY = new Set(['verify', 'cancel', 'cancel-job', 'compare', 'export', 'suggest', 'fork', 'forget',
  'save-view', 'rename-view', 'place-view', 'delete-view']);

export class Timeline {
  constructor(parent) {
    this.kind = 'insert';
    this.colourMode = null; // null: domain at the reference order, loss change elsewhere
    this.hovered = null;
    this.selected = null;
    this.focused = null; // the sample the keyboard left last
    this.picking = false; // taps choose tiles
    this.jobs = [];
    this.sequence = 0;
    this.left = false; // the view is of another order than the tiles
    this.life = new AbortController(); // whose end ends every listener
    const { signal } = this.life;
    this.build(parent);
    this.hand = new Hand(this.board, new Carrying(this));
    this.table = new Table(this);
    listen('run', (raw) => this.setRun(raw), signal);
    listen('jobs', (found) => this.setJobs(found), signal);
    document.addEventListener('keydown', (event) => this.keys(event), { signal });
  }

  build(parent) {
    this.root = h('div', { class: 'ro ro-timeline', 'data-state': 'loading' });
    this.acting = new Acting(this, this.root); // first: what Python has sent already is laid at once
    this.board = new Board();
    this.response = new Response(this.board, (samples, kind) => this.trial.of(samples, kind), (samples, slot) => this.place(samples, slot));
    this.trial = new Trial(this);
    this.selection = new Selection(() => this.drawSelection());
    this.find = new Find(this);
    this.inspector = new Inspector();
    this.history = h('div', { class: 'ro-part' });
    this.queue = h('div', { class: 'ro-part' });
    this.suggestions = new Suggestions(this);
    this.sharing = new Sharing(this);
    this.side = new Side([['sample', 'Sample', this.inspector.element], ['history', 'History', h('div', { class: 'ro-history' }, this.history, this.queue)],
      ['suggest', 'Suggest', this.suggestions.element], ...this.sharing.tabs], (key) => this.opened(key));
    this.summary = h('section', { 'aria-label': 'What this order changes' });
    this.toolbar = new Toolbar(this);
    this.figures = new Figures(this);
    this.orders = new Orders(this);
    this.toolbar.element.append(this.orders.element, this.sharing.element);
    this.scale = h('div');
    this.live = h('div', { class: 'ro-hidden', 'aria-live': 'assertive' });
    this.toast = h('div', { class: 'ro-toast', role: 'alert', hidden: true });
    this.board.onScroll = () => this.sharing.comparison.twin.layout();
    this.root.append(
      this.sharing.talk.element, this.sharing.questions, this.summary, this.toolbar.element,
      h('div', { class: 'ro-stage' },
        h('section', { class: 'ro-panel ro-stage-board', 'aria-label': 'Timeline' },
          h('div', { class: 'ro-legend ro-legend-board' }, this.find.legend, this.scale), this.find.element,
          h('div', { class: 'ro-boards' }, this.board.element, this.sharing.comparison.twin.element,
            this.sharing.comparison.twin.overlay), this.response.element),
        this.side.element),
      h('div', { class: 'ro-figures' }, this.figures.all.map(({ element }) => element)),
      this.live, this.toast, this.orders.dialog);
    tooltips(this.root);
    parent.append(this.root);
    this.watch = new ResizeObserver(() => this.layout());
    this.watch.observe(this.board.element);
  }

  // --- what Python sends -----------------------------------------------------

  setRun(raw) {
    if (this.run?.id === raw.run) return;
    this.run = decodeRun(raw);
    this.board.build(this.run);
    this.selection.ids.clear();
    this.find.build(this.run);
    this.placed = false;
    this.selected = this.run.samples.find(markOf)?.id ?? raw.referenceOrder[0];
    this.board.mark('selected', [this.selected]);
    this.sharing.arrive();
    if (this.raw) this.accept();
  }

  setJobs({ jobs, parts }) {
    this.jobs = jobs;
    this.acting.lay(this.queue, parts);
    this.drawJobs();
  }

  drawJobs() {
    if (this.view && !this.left) this.toolbar.showJob(this.jobs, this.view);
  }

  update(raw, send) {
    this.raw = raw;
    this.sendEvent = send;
    if (!this.hand.busy) this.accept();
  }

  /** Show the newest data, unless it answers a request older than the last one made. */
  accept() {
    const { raw, run } = this;
    if (!run || raw.run !== run.id || raw === this.accepted) return;
    if (raw.seq < this.sequence) return;
    this.sequence = raw.seq;
    this.accepted = raw;
    this.view = decodeView(raw, run);
    this.order = raw.order;
    this.slots = this.view.slots = slotsOf(raw.order);
    this.waiting = false;
    this.left = false;
    delete this.root.dataset.of;
    this.response.clear();
    this.layout();
    this.draw();
    this.notice(raw.notice);
    this.orders.answered(raw);
    clearTimeout(this.noting);
    this.noting = setTimeout(() => markKnown(raw.known), 300); // an address costs as much as a figure
    Object.assign(this.root.dataset, { state: 'ready', hash: raw.hash, rev: raw.rev });
  }

  // --- drawing ---------------------------------------------------------------

  layout() {
    const changed = this.board.measure();
    if (!this.slots) return;
    if (changed) this.response.clear();
    this.board.place(this.slots, this.hand.held?.id, changed || !this.placed);
    this.placed = true;
    this.drawFocus();
  }

  draw() {
    const { run, view } = this;
    this.colour();
    this.board.roving(this.selected ?? this.focused ?? this.order[0]);
    this.acting.lay(this.summary, view.summary);
    this.toolbar.show(view, this.waiting);
    this.drawJobs();
    this.acting.mark();
    this.acting.lay(this.history, view.history);
    this.side.count('history', view.moves);
    this.reveal();
    this.drawFocus();
    this.find.show();
    this.suggestions.show();
    if (this.selection.size > 1) this.trial.changed();
    this.sharing.show(run, view);
    this.figures.draw();
  }

  colour() {
    const mode = this.colourMode ?? (this.view.atReference ? 'domain' : 'change');
    const look = colouring(this.run, this.view, mode);
    this.board.colour(look);
    this.scale.replaceChildren(look.legend);
    this.toolbar.colour.set(mode);
  }

  drawSelection() {
    this.board.choose(this.selection.ids);
    this.table.changed();
    this.trial.changed();
    this.find.show();
    this.drawFocus();
  }

  /** The sample under the pointer, or else the selected one: its text and its curves. */
  drawFocus() {
    if (!this.view || this.hand.busy) return;
    const id = this.hovered ?? this.selected;
    this.sharing.comparison.link(id);
    this.inspector.show(this.run, this.view, this.slots, id);
    if (this.left) this.inspector.wait();
    const held = this.inHand(id);
    this.response.show(this.run, this.order, this.slots, held, null, this.kind);
    setText(this.response.headline, !held.length ? 'Drag a tile: the curves show what each step would do to it.'
      : `What if ${held.length > 1 ? `these ${howMany(this.run, held)} samples` : `sample ${this.run.samples[held[0]].title}`} were trained at another step? A click on a curve puts `
        + `${held.length > 1 ? 'them' : 'it'} there.`);
  }

  /** What a drag would move: the selection, unless a tile outside it is pointed at. */
  inHand(id) {
    const { selection } = this;
    if (selection.size > 1 && (this.hovered === null || selection.has(this.hovered))) return selection.ordered(this.slots);
    return id === null ? [] : [id];
  }

  /** Which mean loss the last figure draws; links and saved views keep it. */
  get curve() { return this.figures.shown.curve; }

  /** A click on a what-if curve: its samples go to that step. */
  place(samples, slot) {
    const carrying = this.hand.owner;
    const held = { ids: samples, id: samples[0], whole: false };
    if (!this.hand.busy && !this.waiting && !carrying.changesNothing(held, slot)) carrying.drop(held, slot);
  }

  notice(notice) {
    this.toast.hidden = !notice;
    if (!notice) return;
    const close = h('button', { type: 'button', class: 'ro-close', 'aria-label': 'Close',
      onclick: () => { this.toast.hidden = true; } }, '\u00d7');
    this.toast.dataset.kind = notice.kind;
    this.toast.replaceChildren(h('span', {}, notice.text), close);
  }

  // --- what the hand and the toolbar ask for ----------------------------------

  /** A tab of the side panel was chosen. */
  opened(key) {
    this.sharing.opened(key);
    if (key === 'history') this.reveal();
  }

  /** The history's current row into the middle; behind another tab it has no place yet, and asking for one would cost a layout. */
  reveal() {
    const now = `${this.view?.hash} ${this.view?.moves}`;
    if (!this.view || this.side.shown !== 'history' || now === this.revealed) return;
    this.revealed = now;
    const list = this.history.querySelector('.ro-moves');
    const row = this.history.querySelector('[aria-current=step]');
    if (row) list.scrollTop = Math.max(0, row.offsetTop - list.offsetTop - list.clientHeight / 2);
  }

  setKind(kind) { this.kind = kind; this.response.clear(); this.drawFocus(); this.trial.changed(); }

  setPicking(on) {
    this.picking = on;
    this.board.element.toggleAttribute('data-picking', on);
    this.toolbar.pick.setAttribute('aria-pressed', String(on));
    this.find.show();
    this.announce(on ? 'Selecting: taps add or remove tiles, a drag selects what it touches.' : 'No longer selecting.');
  }

  setColour(mode) { this.colourMode = mode; this.colour(); }

  /** Show a sample as if the pointer were on its tile; null ends it. */
  look(id) {
    this.hovered = id;
    this.drawFocus();
  }

  /** Mark tiles on the board, of a row that is pointed at; null takes the marks away. */
  highlight(ids) { this.board.mark('pointed', ids ?? []); }

  /** Mark where a move would put its sample, beside what each other step would do; null ends it. */
  foresee(move) {
    if (!this.view || this.hand.busy) return;
    this.highlight(move?.samples);
    this.board.showTarget(0);
    if (!move) { this.drawFocus(); return; }
    const { run, slots, board, response } = this;
    const [id] = move.samples;
    const step = (slot) => Math.floor(slot / run.batch) + 1;
    board.reveal(move.slot);
    board.showTarget(slots[id], move.slot, move.kind);
    response.show(run, this.order, slots, [id], move.slot, move.kind);
    setText(response.headline, `Sample ${run.samples[id].title}: step ${step(slots[id])} \u2192 step ${step(move.slot)}`);
  }

  select(id, go = false) {
    this.selected = this.selected === id && !go ? null : id;
    this.board.mark('selected', this.selected === null ? [] : [id]);
    if (go) this.board.reveal(this.slots[id]);
    this.board.roving(id);
    this.suggestions.show();
    if (this.selected !== null && go) this.figures.showCurve('sample');
    this.figures.selected();
    this.drawFocus();
  }

  /** Select a sample and a curve as a link or a saved view says; null leaves them as they are. */
  adopt({ selection = null, metric = '' }) {
    if (selection !== null && selection < this.run.count) this.board.mark('selected', [this.selected = selection]);
    if (metric) this.figures.showCurve(metric);
    if (this.view) this.draw();
  }

  /** @param {string} type
   *  @param {any} [more] */
  send(type, more = {}) {
    if (type === 'open-view') this.sharing.opening = more.id;
    if (type === 'compare' && more.base !== 'nothing') this.sharing.comparison.last = more;
    this.sequence += 1;
    this.waiting = true;
    this.root.dataset.state = 'waiting';
    this.toolbar.show(this.view, true);
    if (!STAY.has(type)) this.leave();
    this.sendEvent({ type, seq: this.sequence, ...more });
  }

  /** Another order is on its way: no number of the last one may pass for one of its own. */
  leave() {
    this.left = true;
    this.root.dataset.of = 'another';
    this.toolbar.wait();
    for (const one of /** @type {NodeListOf<HTMLElement>} */ (this.summary.querySelectorAll('[data-number]'))) {
      setText(one, one.dataset.number);
      if (one.dataset.value) one.dataset.value = '';
    }
    this.inspector.wait();
  }

  /** Ask for what changes nothing on screen: no number waits for it. */
  whisper(type, more) { if (!this.life.signal.aborted) this.sendEvent({ type, seq: this.sequence, ...more }); }

  keys(event) {
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || !['z', 'y'].includes(key) || !this.view) return;
    if (event.target.closest?.('input, textarea')) return;
    event.preventDefault();
    const command = event.shiftKey || key === 'y' ? 'redo' : 'undo';
    if (command === 'undo' ? this.view.canUndo : this.view.canRedo) this.send(command);
  }

  announce(text) { setText(this.live, text); }

  destroy() {
    this.root.remove(); // Streamlit may mount again into the same parent
    this.life.abort();
    this.watch.disconnect();
    clearTimeout(this.noting);
    this.figures.destroy();
  }
}
