// Figures to take away: the SVG as seen, styles written into it, and a PNG made of it.
import { s } from './dom.js';

const KEPT = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-opacity',
  'stroke-linejoin', 'stroke-linecap', 'opacity', 'font-family', 'font-size', 'font-weight',
  'font-style', 'font-variant-numeric', 'text-anchor', 'paint-order'];
const HEAD = 58; // title and the legend's first row
const ROW = 20; // each further row of the legend
const SIDE = 8;
const SCALE = 3; // pixels of the PNG per CSS pixel: enough for print at column width

function standalone(figure) {
  figure.prepare?.(); // one that is no SVG on the page becomes one now
  const live = figure.svg;
  const width = Number(live.getAttribute('width')) + 2 * SIDE;
  const legends = entries(figure.legend, width - SIDE);
  const head = HEAD + ROW * legends.further;
  const height = figure.height + head;
  const copy = live.cloneNode(true);
  const from = [live, ...live.querySelectorAll('*')];
  [copy, ...copy.querySelectorAll('*')].forEach((element, i) => {
    const style = getComputedStyle(from[i]);
    element.setAttribute('style', KEPT.map((name) => `${name}:${style.getPropertyValue(name)}`).join(';'));
    element.removeAttribute('class');
    element.removeAttribute('data-tip');
  });
  const around = getComputedStyle(figure.element);
  const title = s('text', { x: SIDE, y: 22, style: `font:600 15px ${around.fontFamily};fill:${around.color}` },
    figure.title);
  const legend = s('g', { style: `font:400 12px ${around.fontFamily};fill:${around.color}` }, ...legends.marks);
  const body = s('g', { transform: `translate(${SIDE} ${head})` });
  body.append(...copy.childNodes);
  return s('svg', {
    xmlns: 'http://www.w3.org/2000/svg', width, height, viewBox: `0 0 ${width} ${height}`,
    style: `font-family:${around.fontFamily}`,
  }, s('rect', { width, height, fill: around.backgroundColor }), title, legend, body);
}

/** The legend's marks and words in rows; a mark keeps the colour and shape it has on the page. */
function entries(legend, right) {
  let x = SIDE;
  let further = 0;
  const marks = [...legend.querySelectorAll('.ro-key li')].map((item) => {
    const mark = item.querySelector('.ro-swatch');
    const style = getComputedStyle(mark);
    const filled = style.backgroundColor !== 'rgba(0, 0, 0, 0)';
    const colour = filled ? style.backgroundColor : style.borderTopColor;
    const flat = mark.offsetHeight < 5;
    const text = item.textContent;
    const wide = flat ? 16 : Math.min(10, mark.offsetWidth || 10);
    const room = wide + 24 + text.length * 6.2;
    if (x > SIDE && x + room - 18 > right) [x, further] = [SIDE, further + 1];
    const down = ROW * further;
    const shape = { x, y: down + (flat ? 42 : 38), width: wide, height: flat ? 2 : 10, rx: style.borderRadius === '50%' ? 5 : 1,
      fill: filled || flat ? colour : 'none', stroke: filled || flat ? 'none' : colour, 'stroke-width': 1.5 };
    const entry = [s('rect', shape), s('text', { x: x + wide + 6, y: down + 47 }, text)];
    x += room;
    return entry;
  }).flat();
  return { marks, further };
}

/** The element as XML text, without what no XML file may hold: such a file has no picture. */
function xml(element) {
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  return new XMLSerializer().serializeToString(element).toWellFormed().replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '');
}

export function save(url, name) {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
}

/** A text file to keep, such as a table's numbers. */
export function saveText(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  save(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** Bytes that Python sent as base64, as a file to keep. */
export function saveBytes(name, mime, text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const url = URL.createObjectURL(new Blob([bytes], { type: mime }));
  save(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** The figure as SVG text that stands alone. */
export function svgText(figure) {
  return xml(standalone(figure));
}

/** A promise of the figure as a PNG, a data address. */
export function pngOf(figure) {
  const svg = standalone(figure);
  const text = xml(svg);
  const url = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement('canvas');
      canvas.width = svg.getAttribute('width') * SCALE;
      canvas.height = svg.getAttribute('height') * SCALE;
      canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
      resolve(canvas.toDataURL('image/png'));
    };
    image.onerror = () => reject(new Error(`${figure.name} cannot be drawn as a PNG`));
    image.src = url;
  }).finally(() => URL.revokeObjectURL(url));
}

export async function download(figure, kind) {
  if (kind === 'png') {
    save(await pngOf(figure), `${figure.name}.png`);
    return;
  }
  const url = URL.createObjectURL(new Blob([svgText(figure)], { type: 'image/svg+xml' }));
  save(url, `${figure.name}.svg`);
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
