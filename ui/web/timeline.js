// The instrument: holds what is on screen, passes moves to Python, draws what comes back.
import { listen } from './shared/channels.js';
import { h, setText, tooltips, segmented } from './shared/dom.js';
import { Board, markOf } from './board/board.js';
import { Carrying } from './board/carrying.js';
import { colouring } from './board/colouring.js';
import { Find } from './board/find.js';
import { Hand } from './board/hand.js';
import { Response } from './preview/response.js';
import { History } from './panels/history.js';
import { Inspector } from './panels/inspector.js';
import { Orders } from './panels/orders.js';
import { Sharing } from './panels/share.js';
import { Selection } from './board/selection.js';
import { Side } from './panels/side.js';
import { Table } from './panels/table.js';
import { Suggestions } from './panels/suggest.js';
import { Summary } from './panels/summary.js';
import { Toolbar } from './panels/toolbar.js';
import { Trial } from './preview/trial.js';
import { Ranking } from './figures/ranking.js';
import { Generalization, Memorization, Trajectory } from './figures/figures.js';
import { slotsOf } from './preview/moves.js';
import { markKnown } from './shared/links.js';
import { decodeRun, decodeView } from './shared/run.js';

export class Timeline {
  constructor(parent) {
    this.kind = 'insert';
    this.colourMode = null; // null: domain at the reference order, loss change elsewhere
    this.curve = 'heldout';
    this.hovered = null;
    this.selected = null;
    this.focused = null; // the sample the keyboard left last
    this.picking = false; // taps choose tiles
    this.jobs = [];
    this.sequence = 0;
    this.build(parent);
    this.hand = new Hand(this.board, new Carrying(this));
    this.table = new Table(this);
    this.stop = [listen('run', (raw) => this.setRun(raw)), listen('jobs', ({ jobs }) => this.setJobs(jobs))];
  }

  build(parent) {
    this.board = new Board();
    this.response = new Response(this.board, (samples, kind) => this.trial.of(samples, kind));
    this.trial = new Trial(this);
    this.selection = new Selection(() => this.drawSelection());
    this.find = new Find(this);
    this.inspector = new Inspector();
    this.history = new History(this);
    this.suggestions = new Suggestions(this);
    this.sharing = new Sharing(this);
    this.side = new Side([['sample', 'Sample', this.inspector.element], ['history', 'History', this.history.element],
      ['suggest', 'Suggest', this.suggestions.element], ...this.sharing.tabs], (key) => this.opened(key));
    this.summary = new Summary();
    this.toolbar = new Toolbar(this);
    this.ranking = new Ranking((id) => this.select(id, true));
    this.memorization = new Memorization((id) => this.select(id, true));
    this.generalization = new Generalization();
    this.choice = segmented('Which loss', [['heldout', 'Held-out'], ['training', 'Training'], ['sample', 'Sample']],
      (value) => { this.curve = value; this.drawTrajectory(); });
    this.trajectory = new Trajectory(this.choice);
    this.figures = [this.generalization, this.memorization, this.trajectory];
    this.orders = new Orders(this);
    this.toolbar.element.append(this.orders.element, this.sharing.element);
    this.scale = h('div');
    this.live = h('div', { class: 'ro-hidden', 'aria-live': 'assertive' });
    this.toast = h('div', { class: 'ro-toast', role: 'alert', hidden: true });
    this.board.onScroll = () => this.sharing.comparison.twin.layout();
    this.root = h('div', { class: 'ro ro-timeline', 'data-state': 'loading' },
      this.sharing.talk.element, this.sharing.scenarios.element, this.summary.element, this.toolbar.element,
      h('div', { class: 'ro-stage' },
        h('section', { class: 'ro-panel ro-stage-board', 'aria-label': 'Timeline' },
          h('div', { class: 'ro-legend ro-legend-board' }, this.find.legend, this.scale), this.find.element,
          h('div', { class: 'ro-boards' }, this.board.element, this.sharing.comparison.twin.element,
            this.sharing.comparison.twin.overlay), this.response.element),
        this.side.element),
      h('div', { class: 'ro-figures' }, this.generalization.element, this.ranking.element,
        this.memorization.element, this.trajectory.element),
      this.live, this.toast, this.orders.dialog);
    tooltips(this.root);
    parent.append(this.root);
    this.watch = new ResizeObserver(() => this.layout());
    this.watch.observe(this.board.element);
    this.shortcut = (event) => this.keys(event);
    document.addEventListener('keydown', this.shortcut);
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

  setJobs(jobs) {
    this.jobs = jobs;
    if (this.view) this.drawJobs();
  }

  drawJobs() {
    this.toolbar.showJob(this.jobs, this.view);
    this.history.queue.show(this.jobs, this.view.hash);
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
    this.slots = slotsOf(raw.order);
    this.waiting = false;
    this.response.clear();
    this.layout();
    this.draw();
    this.notice(raw.notice);
    this.orders.answered(raw);
    markKnown(raw.known);
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
    const { run, view, slots } = this;
    this.colour();
    this.board.roving(this.selected ?? this.focused ?? this.order[0]);
    this.summary.show(run, view, slots);
    this.toolbar.show(view, this.waiting);
    this.drawJobs();
    this.generalization.show(run, view);
    this.memorization.show(run, view, slots, this.selected);
    this.ranking.show(run, view, this.selected);
    this.history.show(view.history);
    this.side.count('history', view.history.moves.length);
    this.drawTrajectory();
    this.drawFocus();
    this.find.show();
    this.suggestions.show();
    if (this.selection.size > 1) this.trial.changed();
    this.sharing.show(run, view);
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
  }

  drawTrajectory() {
    if (this.view) this.trajectory.show(this.run, this.view, this.curve, this.selected);
  }

  /** The sample under the pointer, or else the selected one: its text and its curves. */
  drawFocus() {
    if (!this.view || this.hand.busy) return;
    const id = this.hovered ?? this.selected;
    this.sharing.comparison.link(id);
    this.inspector.show(this.run, this.view, this.slots, id);
    this.response.show(this.run, this.order, this.slots, id === null ? [] : [id], id === null ? 0 : this.slots[id], this.kind);
    setText(this.response.headline, id === null ? 'Drag a tile: the curves show what each step would do to it.'
      : `What if sample ${id} were trained at another step?`);
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
    if (key === 'history') this.history.reveal();
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

  /** Lay the tiles out in another order without taking it over; null: the order on screen. */
  propose(order) {
    if (!this.hand.busy) this.board.place(order ? slotsOf(order) : this.slots);
  }

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
    setText(response.headline, `Sample ${id}: step ${step(slots[id])} \u2192 step ${step(move.slot)}`);
  }

  select(id, go = false) {
    this.selected = this.selected === id && !go ? null : id;
    this.board.mark('selected', this.selected === null ? [] : [id]);
    if (go) this.board.reveal(this.slots[id]);
    if (this.selected !== null && this.curve !== 'sample' && go) this.choice.set(this.curve = 'sample');
    this.memorization.show(this.run, this.view, this.slots, this.selected);
    this.ranking.show(this.run, this.view, this.selected);
    this.board.roving(id);
    this.suggestions.show();
    this.drawTrajectory();
    this.drawFocus();
  }

  /** Select a sample and a curve as a link or a saved view says; null leaves them as they are. */
  adopt({ selection = null, metric = '' }) {
    if (selection !== null && selection < this.run.count) this.board.mark('selected', [this.selected = selection]);
    if (metric) this.choice.set(this.curve = metric);
    if (this.view) this.draw();
  }

  send(type, more = {}) {
    this.sequence += 1;
    this.waiting = true;
    this.root.dataset.state = 'waiting';
    this.toolbar.show(this.view, true);
    this.sendEvent({ type, seq: this.sequence, ...more });
  }

  /** Ask for what changes nothing on screen: no number waits for it. */
  whisper(type, more) { this.sendEvent({ type, seq: this.sequence, ...more }); }

  keys(event) {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'z' || !this.view) return;
    if (event.target.closest?.('input, textarea')) return;
    event.preventDefault();
    const command = event.shiftKey ? 'redo' : 'undo';
    if (command === 'undo' ? this.view.canUndo : this.view.canRedo) this.send(command);
  }

  announce(text) { setText(this.live, text); }

  destroy() {
    this.root.remove(); // Streamlit may mount again into the same parent
    this.watch.disconnect();
    document.removeEventListener('keydown', this.shortcut);
    for (const stop of this.stop) stop();
    for (const figure of this.figures) figure.destroy();
    this.suggestions.destroy();
    this.trial.destroy();
    this.table.destroy();
    this.sharing.destroy();
  }
}
