// Scales, ticks and paths of what is drawn by hand: the curves that follow the pointer.
import { s } from './dom.js';

/** [low, high] with a margin around all finite values and zero; at least `least` apart. */
export function ends(values, least = 0, zero = [0]) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of [...values, ...zero]) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [-1, 1];
  const room = Math.max(0, least - (high - low)) / 2;
  const margin = 0.08 * (high - low + 2 * room) || 1;
  return [low - room - margin, high + room + margin];
}

/**
 * A linear scale.
 * @param {number[]} domain
 * @param {number[]} range
 */
export function linear([a, b], [from, to]) {
  return (value) => from + ((value - a) / (b - a || 1)) * (to - from);
}

/**
 * Round values between two ends, about `count` of them.
 * @param {number[]} limits
 * @param {number} count
 */
export function ticks([low, high], count) {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((size) => size >= rough * 0.999);
  const values = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) values.push(i * step);
  return values;
}

/**
 * How many decimals even steps need: 4 for 0.0000, 0.0005, 0.0010.
 * @param {number[]} steps
 */
export function decimals([first, second]) {
  return second > first ? Math.max(0, -Math.floor(Math.log10(second - first) + 1e-9)) : 3;
}

/** Horizontal grid lines with their values, to the left of the plot. */
export function yAxis(scale, values, left, right, show) {
  return s('g', { class: 'ro-axis' }, values.map((value) => [
    s('line', { x1: left, x2: right, y1: scale(value), y2: scale(value), class: Math.abs(value) < 1e-12 ? 'ro-zero' : 'ro-grid' }),
    s('text', { x: left - 7, y: scale(value), dy: '0.32em', 'text-anchor': 'end' }, show(value)),
  ]));
}

/**
 * A path through points [x, y].
 * @param {number[][]} points
 */
export function line(points) {
  return points.filter(([, y]) => Number.isFinite(y))
    .map(([x, y], i) => `${i ? 'L' : 'M'}${x.toFixed(2)},${y.toFixed(2)}`).join('');
}

/**
 * A closed path around [x, low, high].
 * @param {number[][]} points
 */
export function band(points) {
  const good = points.filter(([, low, high]) => Number.isFinite(low) && Number.isFinite(high));
  if (!good.length) return '';
  const top = line(good.map(([x, , high]) => [x, high]));
  return `${top}${line(good.map(([x, low]) => [x, low]).reverse()).replace('M', 'L')}Z`;
}
