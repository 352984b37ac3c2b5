// Buttons that save a plotly chart as a picture: with its title, its own ground, and its footer.
import { plotly } from '../figures/plotly.js';
import { h } from './dom.js';
import { saveUrl } from './files.js';

const TITLE = 34; // pixels above the plot
const SCALE = 3; // pixels of the PNG per CSS pixel: enough for print at column width

export class Pictures {
  constructor(parent) {
    this.root = h('span', { class: 'ro ro-saves' });
    parent.append(this.root);
  }

  /** chart: the key of the Streamlit element; title: what to call it. */
  update({ chart, title }) {
    const one = (format) => h('button', { type: 'button', class: 'ro-save', 'aria-label': `Save “${title}” as ${format.toUpperCase()}`,
      onclick: () => picture(chart, format) }, format.toUpperCase());
    this.root.replaceChildren(one('svg'), one('png'));
  }

  destroy() { this.root.remove(); }
}

async function picture(chart, format) {
  const drawn = /** @type {any} */ (document.querySelector(`.st-key-${CSS.escape(chart)} .js-plotly-plot`));
  if (!drawn) return;
  const { data, layout } = drawn;
  const { title, file } = layout.meta;
  const { width, height } = drawn.getBoundingClientRect();
  const whole = { ...layout, title: { text: title, x: 0, xref: 'paper', xanchor: 'left', y: 1, yref: 'container',
    yanchor: 'top', pad: { t: 10 }, font: { size: 15 } }, margin: { ...layout.margin, t: (layout.margin?.t ?? 34) + TITLE } };
  const library = await plotly();
  const url = await library.toImage({ data, layout: whole },
    { format, width: Math.round(width), height: Math.round(height) + TITLE, scale: format === 'png' ? SCALE : 1 });
  saveUrl(url, `${file}.${format}`);
}
