// The lasso: a rectangle pulled over tiles, which chooses what it touches. With a mouse from
// empty ground; while picking, with a finger, too, and from any tile that is not chosen yet.

const THRESHOLD = 4; // pixels before a press becomes a drag
const FINGER = 9; // a finger trembles

export function threshold(event) {
  return event.pointerType === 'mouse' ? THRESHOLD : FINGER;
}

export class Lasso {
  /** owner: { picking, lassoed(ids, more) } */
  constructor(board, owner) {
    this.board = board;
    this.owner = owner;
    this.at = null; // { pointer, x, y, tapped, more, least, wide, ids }
  }

  get busy() { return this.at !== null; }

  /** Whether it is more than a press by now. */
  get pulled() { return this.busy && this.at.wide >= this.at.least; }

  has(event) { return this.at?.pointer === event.pointerId; }

  /** `tapped`: it starts on a tile, and is a tap where it is not pulled: the click that follows says so. */
  start(event, tapped = false) {
    const { field } = this.board;
    if (!field.contains(event.target) || (event.pointerType !== 'mouse' && !this.owner.picking)) return;
    this.at = { pointer: event.pointerId, x: event.clientX, y: event.clientY, tapped, least: threshold(event),
      more: this.owner.picking || event.shiftKey || event.ctrlKey, wide: 0, ids: [] };
    event.preventDefault(); // no text is selected on the way
  }

  pull(event) {
    const { at, board } = this;
    const [left, right] = [Math.min(at.x, event.clientX), Math.max(at.x, event.clientX)];
    const [top, bottom] = [Math.min(at.y, event.clientY), Math.max(at.y, event.clientY)];
    const box = board.element.getBoundingClientRect();
    at.wide = Math.max(at.wide, right - left, bottom - top);
    if (!this.pulled) return;
    if (board.lasso.hidden) board.field.setPointerCapture(at.pointer); // not before: the tap's click would miss its tile
    board.lasso.hidden = false;
    board.lasso.style.cssText = `transform: translate(${left - box.left}px, ${top - box.top}px);`
      + `width:${right - left}px; height:${bottom - top}px`;
    at.ids = board.within(left, top, right, bottom);
    board.mark('lassoed', at.ids);
  }

  end() {
    const { at, pulled } = this;
    this.stop();
    if (pulled || !at.tapped) this.owner.lassoed(at.ids, at.more);
  }

  /** Without choosing anything. */
  stop() {
    this.at = null;
    this.board.lasso.hidden = true;
    this.board.mark('lassoed', []);
  }
}
