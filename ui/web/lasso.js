// The lasso: a rectangle pulled over tiles, which chooses what it touches.

export const THRESHOLD = 4; // pixels before a press becomes a drag

export class Lasso {
  /** owner: { lassoed(ids, more) } */
  constructor(board, owner) {
    this.board = board;
    this.owner = owner;
    this.at = null; // { pointer, x, y, more, wide, ids }
  }

  get busy() { return this.at !== null; }

  has(event) { return this.at?.pointer === event.pointerId; }

  start(event) {
    const { field } = this.board;
    if (event.pointerType !== 'mouse' || !field.contains(event.target)) return;
    this.at = { pointer: event.pointerId, x: event.clientX, y: event.clientY,
      more: event.shiftKey || event.ctrlKey, wide: 0, ids: [] };
    field.setPointerCapture(event.pointerId);
    event.preventDefault(); // no text is selected on the way
  }

  pull(event) {
    const { at, board } = this;
    const [left, right] = [Math.min(at.x, event.clientX), Math.max(at.x, event.clientX)];
    const [top, bottom] = [Math.min(at.y, event.clientY), Math.max(at.y, event.clientY)];
    const box = board.element.getBoundingClientRect();
    at.wide = Math.max(at.wide, right - left, bottom - top);
    board.lasso.hidden = at.wide < THRESHOLD;
    board.lasso.style.cssText = `transform: translate(${left - box.left}px, ${top - box.top}px);`
      + `width:${right - left}px; height:${bottom - top}px`;
    at.ids = board.within(left, top, right, bottom);
    board.mark('lassoed', at.ids);
  }

  end() {
    const { at, board } = this;
    this.at = null;
    board.lasso.hidden = true;
    board.mark('lassoed', []);
    this.owner.lassoed(at.wide < THRESHOLD ? [] : at.ids, at.more);
  }
}
