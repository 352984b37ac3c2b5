// Axes that are even around zero and logarithmic beyond; as ui/charts/bent.py.
import { signed } from '../shared/format.js';

const ROUND = [0];
for (let power = -4; power < 4; power += 1) for (const digit of [1, 2.5, 5]) ROUND.push(digit * 10 ** power, -digit * 10 ** power);

export function bent(value, bend) { return Math.asinh(value / bend); }

/** Where to bend: twice the usual size, to one digit. */
export function bendOf(values) {
  const sizes = Array.from(values, Math.abs).filter((size) => size > 0).sort((a, b) => a - b);
  if (!sizes.length) return 1;
  const middle = (sizes[Math.floor((sizes.length - 1) / 2)] + sizes[Math.floor(sizes.length / 2)]) / 2;
  return Number((2 * middle).toExponential(0));
}

/** Range and written ticks of an axis from `low` to `high`. */
export function bentAxis(ends, bend, most = 9) {
  const [low, high] = ends;
  const range = [bent(low, bend), bent(high, bend)];
  const apart = (range[1] - range[0]) / most;
  const kept = [];
  const inside = ROUND.filter((value) => value >= low && value <= high)
    .sort((a, b) => Number(a !== 0) - Number(b !== 0) || Math.abs(b) - Math.abs(a));
  for (const value of inside) {
    if (kept.every((other) => Math.abs(bent(value, bend) - bent(other, bend)) >= apart)) kept.push(value);
  }
  kept.sort((a, b) => a - b);
  const digits = (value) => Math.abs(value).toFixed(6).replace(/0+$/, '').split('.')[1].length;
  return { range, tickvals: kept.map((value) => bent(value, bend)), ticktext: kept.map((value) => signed(value, digits(value))) };
}
