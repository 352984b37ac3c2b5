// The list of what moved most as a picture to take away: what the page draws with elements, as SVG.
import { s } from '../shared/dom.js';
import { clip, signed } from '../shared/format.js';
import { markOf } from '../board/board.js';

const ROW = 28;
const WIDE = 640;
const TRACK = [400, 560]; // from the longest fall to the longest rise
const LETTER = 6.4; // pixels a character takes at this size, about

export function size(rows) { return { width: WIDE, height: rows.length * ROW + 8 }; }

/** One line a sample: its colour, its id and text, a bar from the middle, the retraining's tick, the number. */
export function picture(rows, limit) {
  const middle = (TRACK[0] + TRACK[1]) / 2;
  const x = (value) => middle + (value / limit) * (TRACK[1] - middle);
  return rows.map(({ sample, value, truth }, i) => {
    const y = i * ROW + 14;
    const mark = markOf(sample);
    const words = clip(`${mark ? `${mark} \u00b7 ` : ''}${sample.text}`, Math.floor((TRACK[0] - 76) / LETTER));
    return s('g', {},
      s('rect', { x: 0, y: y - 5, width: 10, height: 10, rx: 2, style: `fill: var(--ro-domain-${sample.domain % 8})` }),
      s('text', { x: 20, y, dy: '0.35em', class: 'ro-rank-picture-id' }, String(sample.id)),
      s('text', { x: 56, y, dy: '0.35em', class: 'ro-rank-picture-text' }, words),
      s('line', { x1: middle, x2: middle, y1: y - 14, y2: y + 14, class: 'ro-zero' }),
      s('rect', { x: Math.min(middle, x(value)), y: y - 6, width: Math.abs(x(value) - middle), height: 12, rx: 1,
        style: `fill: var(--ro-${value < 0 ? 'fall' : 'rise'})` }),
      Number.isFinite(truth) ? s('rect', { x: x(truth) - 1.5, y: y - 9, width: 3, height: 18, style: 'fill: var(--ro-truth)' }) : null,
      s('text', { x: WIDE, y: Number.isFinite(truth) ? y - 5 : y, dy: '0.35em', 'text-anchor': 'end', class: 'ro-rank-picture-id' }, signed(value)),
      Number.isFinite(truth) ? s('text', { x: WIDE, y: y + 8, dy: '0.35em', 'text-anchor': 'end', class: 'ro-rank-picture-truth' },
        `retrained ${signed(truth)}`) : null);
  });
}
