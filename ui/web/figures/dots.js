// Label, dot, interval, retrained: one row a thing; as `dots` in ui/charts/dots.py draws it.
import { clip, isolated, signed } from '../shared/format.js';
import { ends } from '../shared/scales.js';
import { escaped, faint } from './plotly.js';

const LEAST = 0.004; // nats per token that the axis is wide at least
const NARROW = 480; // pixels of a figure with fewer ticks
const NAMES = 0.44; // share of a figure that names may take
const LETTER = 6.7; // pixels of a letter of a row's name, about

/** Whether the interval leaves the retrained value out. */
export function missed({ truth, lo, hi }) { return truth < lo || truth > hi; }

/**
 * Data and layout of rows { label, value, lo, hi, truth, colour }, from above, in so many pixels.
 * @param {any} shell
 * @param {number} digits
 * @param {number} width
 */
export function dots(shell, rows, digits, width) {
  const letters = Math.floor((NAMES * width) / LETTER);
  const placed = rows.map((row, i) => ({ ...row, at: -i || 0, shade: shell.colours[row.colour] }));
  const known = (row) => [row.value, row.lo, row.hi, row.truth];
  const range = ends(placed.flatMap(known), LEAST);
  const retrained = (out) => placed.filter((row) => Number.isFinite(row.truth) && missed(row) === out);
  const { diamond, missed: filled, key, retrainedName, missedName, dot } = shell.marks;
  const data = [
    ...[...new Set(placed.map((row) => row.shade))].map((shade) => bars(placed.filter((row) => row.shade === shade), faint(shade, 0.4))),
    { ...points(placed, 'value', digits), name: 'estimate', legendgroup: 'estimate', legendrank: 1, cliponaxis: false, showlegend: false,
      marker: { ...dot, size: 11, symbol: placed.map(() => 'circle'), color: placed.map((row) => row.shade) } },
    ...[[false, diamond, retrainedName], [true, filled, missedName]].map(([out, marker, name]) => (
      { ...points(retrained(out), 'truth', digits), name, marker })).filter(({ x }) => x.length),
    ...(placed.some((row) => Number.isFinite(row.lo)) ? [key] : []),
  ];
  const longest = Math.min(letters, Math.max(...placed.map((row) => row.label.length)));
  return { data, layout: {
    xaxis: { range, ...(width < NARROW ? { nticks: 3 } : {}) },
    yaxis: { tickvals: placed.map((row) => row.at), ticktext: placed.map((row) => isolated(escaped(clip(row.label, letters)))), automargin: false },
    margin: { ...shell.layouts.generalization.margin, l: 16 + LETTER * longest, r: 74 },
    annotations: placed.map((row) => ({ text: `<b>${signed(row.value, digits)}</b>`, showarrow: false, align: 'left',
      xref: 'paper', x: 1, xanchor: 'left', xshift: 8, y: row.at })),
  } };
}

function bars(rows, shade) {
  return { type: 'scatter', mode: 'lines', hoverinfo: 'skip', legendgroup: 'estimate', showlegend: false, line: { color: shade, width: 6 },
    x: rows.flatMap((row) => [row.lo, row.hi, NaN]), y: rows.flatMap((row) => [row.at, row.at, NaN]) };
}

function points(rows, which, digits) {
  return { type: 'scatter', mode: 'markers', x: rows.map((row) => row[which]), y: rows.map((row) => row.at),
    customdata: rows.map((row) => row.label), hovertext: rows.map((row) => told(row, digits)), hovertemplate: '%{hovertext}<extra></extra>' };
}

/** What the pointer is told of a row; the retraining leads. */
function told(row, digits) {
  const known = Number.isFinite(row.truth);
  const range = Number.isFinite(row.lo) ? ` [${signed(row.lo, digits)}, ${signed(row.hi, digits)}]` : '';
  return [`<b>${escaped(row.label)}</b>`,
    known ? `retrained ${signed(row.truth, digits)}${missed(row) ? ', outside the interval' : ''}` : '',
    `${known ? 'estimated ' : ''}${signed(row.value, digits)}${range}`].filter(Boolean).join('<br>');
}
