// plotly.js, out of the installed `plotly` package (ui/app/component.py serves it), and what
// Python says of both themes (ui/charts/timeline/look.py).
import { listen } from '../shared/channels.js';

const ADDRESS = new URL('../../plotly.assets/plotly.min.js', import.meta.url);
let loading = null;

/** A promise of the library; asked for at the first call. */
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = ADDRESS.href;
    script.onload = () => resolve(/** @type {any} */ (window).Plotly);
    script.onerror = () => reject(new Error(`no plotly.js at ${ADDRESS}`));
    document.head.append(script);
  });
  return loading;
}

/** Whether the page is dark, by the colours that it gives this element. */
function isDark(element) {
  return Number(getComputedStyle(element).color.match(/\d+/)) > 127;
}

/** Calls back once started: when the looks have come, and when the theme changes. */
export class Look {
  /** @param {AbortSignal} signal */
  constructor(element, signal) {
    this.element = element;
    this.signal = signal;
  }

  start(changed) {
    const { element } = this;
    element.style.setProperty('transition', 'color 1ms', 'important'); // whose end tells that the theme was switched
    element.addEventListener('transitionend', (event) => { if (event.target === element) changed(); });
    listen('fixed', ({ look }) => { this.shells = look; changed(); }, this.signal);
  }

  /** Template and colours of the theme that is on; undefined before they have come. */
  get shell() {
    if (!this.element.isConnected) return undefined; // colours come with the page
    return this.shells?.[isDark(this.element) ? 'dark' : 'light'];
  }
}

/** A figure's JSON with this theme's colours in place of their names `@domain-3/0.4`; see `colour` in ui/charts/template.py. */
export function coloured(text, colours) {
  return text.replace(/"@([a-z-]+\d?)\/([\d.]+)"/g, (_, name, alpha) => `"${faint(colours[name], alpha)}"`);
}

/** A colour `#rrggbb` made see-through. */
function faint(shade, alpha) {
  if (alpha === '1') return shade;
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(shade.slice(at, at + 2), 16));
  return `rgba(${red},${green},${blue},${alpha})`;
}

/** Text for plotly, which reads some HTML; see `escaped` in ui/charts/template.py. */
export function escaped(text) {
  return text.replace(/[^\P{C}\n\t]/gu, '\ufffd').replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
