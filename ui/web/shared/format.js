// Numbers as a reader of papers expects them: a real minus, fixed digits, units apart.
export const MINUS = '\u2212';
const MISSING = '\u2013';

export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

export function signed(value, digits = 3) {
  const text = number(value, digits);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

export function interval(low, high, digits = 3) {
  return `[${signed(low, digits)}, ${signed(high, digits)}]`;
}

export function seconds(value) {
  if (!Number.isFinite(value)) return '';
  if (value < 90) return `${Math.max(1, Math.round(value))} s`;
  return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

export function clip(text, length) {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > length ? `${line.slice(0, length - 1)}\u2026` : line;
}

/** What is written from right to left, so that it does not turn the words beside it; `label` in ui/charts/template.py. */
export function isolated(text) {
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(text) ? `\u2068${text}\u2069` : text;
}

/** Digits that show a spread of this size with two or three significant figures. */
export function digitsFor(spread) {
  if (!(spread > 0)) return 3;
  return Math.min(5, Math.max(2, 1 - Math.floor(Math.log10(spread))));
}
