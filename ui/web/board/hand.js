// The hand that moves tiles: mouse and touch by pointer events, and the keyboard.
// It knows slots and tiles only; `owner` (carrying.js) says what is carried and does the rest.
import { Lasso, threshold } from './lasso.js';

const SCROLL = 90; // milliseconds a step, at the edge of a window
const LONG_PRESS = 500; // milliseconds before a resting finger begins to pick

/**
 * What is held: by a pointer from `at`, moving once it went far enough, or by the keyboard.
 * @typedef {{ ids: number[], id: number, from: number, slot: number | null, whole: boolean, tile: HTMLElement,
 *   label?: HTMLElement, keyboard?: boolean, pointer?: number, x?: number, y?: number, startX?: number, startY?: number,
 *   least?: number, at?: { x: number, y: number }, moving?: boolean, press?: PointerEvent }} Held
 */

export class Hand {
  constructor(board, owner) {
    this.board = board;
    this.owner = owner;
    /** @type {Held | null} */
    this.held = null;
    this.lasso = new Lasso(board, owner);
    const { element, field } = board;
    element.addEventListener('pointerdown', (event) => this.press(event));
    element.addEventListener('pointermove', (event) => this.moved(event));
    element.addEventListener('pointerup', (event) => this.release(event));
    element.addEventListener('pointercancel', () => this.interrupted());
    element.addEventListener('lostpointercapture', (event) => this.lost(event));
    element.addEventListener('keydown', (event) => this.key(event));
    element.addEventListener('keyup', () => setTimeout(() => { this.typed = false; })); // after the click it makes
    element.addEventListener('contextmenu', (event) => { if (this.touched) event.preventDefault(); });
    field.addEventListener('click', (event) => this.click(event));
    field.addEventListener('pointerover', (event) => this.over(event));
    field.addEventListener('focusin', (event) => this.over(event));
    field.addEventListener('pointerleave', () => { if (!this.held) owner.hover(null); });
    element.addEventListener('focusout', (event) => {
      if (this.held?.keyboard && !element.contains(event.relatedTarget)) this.cancel();
    });
  }

  get busy() {
    return Boolean(this.held?.keyboard || this.held?.moving || this.lasso.busy);
  }

  over(event) {
    const tile = event.target.closest('.ro-tile');
    if (tile && !this.held) this.owner.hover(Number(tile.dataset.sample));
  }

  /** What a tile or a step's label stands for: { ids, id, from, whole, tile }. */
  grasp(element) {
    const tile = element.closest('.ro-tile');
    const label = element.closest('.ro-step');
    if (!tile && !label) return null;
    const ids = tile ? this.owner.carried(Number(tile.dataset.sample)) : this.owner.ofStep(Number(label.dataset.step));
    const id = tile ? Number(tile.dataset.sample) : ids[0];
    return { ids, id, from: this.owner.slots[ids[0]], slot: this.owner.slots[ids[0]], whole: Boolean(label),
      tile: this.board.tiles[id], label };
  }

  // --- pointer ---------------------------------------------------------------

  press(event) {
    if (!event.isPrimary || event.button > 0 || this.held?.moving || this.lasso.pulled) return;
    if (this.lasso.busy) this.lasso.stop();
    if (this.held) this.cancel();
    this.touched = event.pointerType === 'touch';
    this.typed = false;
    this.dropped = undefined; // the click after a drop comes before the next press
    this.picked = false;
    const held = this.grasp(event.target);
    if (!held) { this.lasso.start(event); return; }
    if (!held.whole && this.owner.toPick(held.id)) { this.lasso.start(event, true); return; }
    const at = this.board.position(this.owner.slots[held.id]);
    this.held = { ...held, pointer: event.pointerId, x: event.clientX, y: event.clientY,
      startX: event.clientX, startY: event.clientY, least: threshold(event), at, moving: false, press: event };
    const carries = held.whole || this.owner.picking; // what is chosen may be held at leisure
    if (this.touched && !carries) this.resting = setTimeout(() => this.rested(), LONG_PRESS);
  }

  /** A finger rests on a tile: that is chosen, and what the finger pulls a lasso over from here. */
  rested() {
    const { id, press } = this.held;
    this.held = null;
    this.picked = true; // where a click follows the long press, it is none
    this.owner.startPicking(id);
    this.lasso.start(press, true);
  }

  moved(event) {
    const { held } = this;
    if (this.lasso.has(event)) {
      if (event.buttons) this.lasso.pull(event);
      else this.lasso.stop(); // let go outside the board
      return;
    }
    if (!held || held.pointer !== event.pointerId) return;
    if (!held.moving && !event.buttons) { this.held = null; return; } // let go outside the board
    held.x = event.clientX;
    held.y = event.clientY;
    if (!held.moving) {
      if (Math.hypot(held.x - held.startX, held.y - held.startY) < held.least) return;
      held.moving = true;
      clearTimeout(this.resting);
      // The field, not what was pressed: a step's label goes when the window scrolls.
      this.board.field.setPointerCapture(event.pointerId);
      this.lift();
    }
    if (!this.frame) this.frame = requestAnimationFrame(() => this.follow());
  }

  follow() {
    this.frame = 0;
    const { held, board } = this;
    if (!held?.moving) return;
    const x = held.at.x + held.x - held.startX;
    const y = held.at.y + held.y - held.startY;
    held.tile.style.transform = `translate(${x}px, ${y}px) scale(1.18)`;
    held.slot = this.owner.landing(held, board.slotAt(held.x, held.y));
    this.owner.preview(held, held.slot ?? held.from, held.slot === null);
    const edge = board.edge(held.x, held.y);
    if (edge && !this.timer) this.timer = setTimeout(() => this.scroll(edge), SCROLL);
  }

  scroll(edge) {
    this.timer = 0;
    this.board.scrollTo(this.board.first + edge * Math.max(1, Math.round(this.board.columns / 16)));
    this.follow();
  }

  release(event) {
    const { held } = this;
    clearTimeout(this.resting);
    if (this.lasso.has(event)) {
      if (this.lasso.pulled) this.dropped = performance.now();
      this.lasso.end();
      return;
    }
    if (!held || held.pointer !== event.pointerId) return;
    if (!held.moving) { this.held = null; return; } // a click; its own event follows
    held.x = event.clientX;
    held.y = event.clientY;
    this.follow();
    this.dropped = performance.now();
    this.finish(held.slot);
  }

  /** The browser took the pointer: to scroll the page, or because it left the window. */
  interrupted() {
    clearTimeout(this.resting);
    if (this.lasso.busy) this.lasso.stop();
    if (this.held?.pointer === undefined) return;
    if (this.held.moving) this.cancel();
    else this.held = null;
  }

  lost(event) {
    if (event.target !== this.board.field) return; // a tile's, which a finger had until it was lifted
    if (this.held?.pointer === event.pointerId && this.held.moving) this.cancel();
    if (this.lasso.has(event)) this.lasso.end();
  }

  click(event) {
    const tile = event.target.closest('.ro-tile');
    const justDropped = performance.now() - (this.dropped ?? -1e9) < 60;
    if (!tile || justDropped || this.picked) return;
    if (event.detail === 0 && this.typed) return; // made by Space or Enter, which carry
    this.owner.clicked(Number(tile.dataset.sample), event);
  }

  // --- keyboard --------------------------------------------------------------

  key(event) {
    const at = event.target.closest('.ro-tile, .ro-step');
    if (!at) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'a') {
      event.preventDefault();
      this.owner.lassoed([...this.owner.order], false);
    }
    this.typed = event.key === ' ' || event.key === 'Enter';
    if (event.ctrlKey && event.key === ' ' && at.dataset.sample !== undefined && !this.held) {
      event.preventDefault();
      this.owner.toggle(Number(at.dataset.sample));
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = this.stepOf(event.key);
    if (this.typed) {
      event.preventDefault();
      if (this.held?.keyboard) this.finish(this.held.slot);
      else if (!this.held) this.pickUp(at);
    } else if (event.key === 'Escape' && (this.held || this.owner.selecting)) { // else it leaves a talk
      event.preventDefault();
      if (this.held) this.cancel();
      else this.owner.letGo();
    } else if (step !== undefined) {
      event.preventDefault();
      if (this.held?.keyboard) this.carry(step);
      else if (!this.held) this.walk(at, step, event.shiftKey);
    }
  }

  walk(at, by, extend) {
    const { batch } = this.owner;
    if (at.dataset.sample !== undefined) { this.owner.walk(Number(at.dataset.sample), by, extend); return; }
    const step = Number(at.dataset.step) + Math.trunc(by / batch);
    this.board.focusStep(Math.max(0, Math.min(this.board.run.steps - 1, step)));
  }

  stepOf(name) {
    const { batch } = this.owner;
    const last = this.owner.order.length;
    return { ArrowRight: batch, ArrowLeft: -batch, ArrowDown: 1, ArrowUp: -1, Home: -last, End: last }[name];
  }

  pickUp(at) {
    this.held = { ...this.grasp(at), keyboard: true };
    this.lift();
    this.owner.preview(this.held, this.held.from, false);
  }

  carry(step) {
    const { held } = this;
    const last = this.owner.order.length - 1;
    held.slot = this.owner.landing(held, Math.max(0, Math.min(last, held.slot + step)));
    this.board.reveal(held.slot);
    const { x, y } = this.board.position(held.slot);
    held.tile.style.transform = `translate(${x + 4}px, ${y - 4}px) scale(1.18)`;
    this.owner.preview(held, held.slot, false);
  }

  // --- both ends ---------------------------------------------------------------

  lift() {
    const { held, board } = this;
    board.held = held.id;
    if (!held.tile.isConnected) board.field.append(held.tile);
    held.tile.classList.add('ro-held');
    if (held.ids.length > 1) held.tile.dataset.count = String(held.ids.length);
    board.mark('carried', held.ids.filter((id) => id !== held.id));
    this.owner.pick(held);
  }

  finish(slot) {
    const { held } = this;
    if (slot === null || this.owner.changesNothing(held, slot)) { this.cancel(); return; }
    this.letGo();
    this.owner.drop(held, slot);
  }

  cancel() {
    const { held } = this;
    if (!held) return;
    const lifted = held.keyboard || held.moving;
    this.letGo();
    if (lifted) this.owner.cancel(held);
  }

  letGo() {
    const { held, board } = this;
    held.tile.classList.remove('ro-held');
    delete held.tile.dataset.count;
    board.mark('carried', []);
    board.held = -1;
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.frame = this.timer = 0;
    this.held = null;
  }
}
