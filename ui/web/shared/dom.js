// Elements without a framework. Text goes in as text nodes, never as markup.
const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * The element of that kind which has the focus, or has what has it.
 * @param {string} selector
 * @returns {HTMLElement | null | undefined}
 */
export function focusedIn(selector) {
  return document.activeElement?.closest(selector);
}

/** Change an element's text only where it differs: no needless layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function button(label, onclick, attributes = {}) {
  return h('button', { type: 'button', class: 'ro-button', onclick, ...attributes }, label);
}

/** A round "i" that explains a number on hover and focus. */
export function info(text) {
  return h('button', { type: 'button', class: 'ro-info', 'aria-label': text, 'data-tip': text }, 'i');
}

let choices = 0;

/** A choice of one; `choose(value)` is called on a change, `.set(value)` shows one. */
export function segmented(label, options, choose) {
  choices += 1;
  const radios = options.map(([value]) =>
    h('input', { type: 'radio', name: `ro-choice-${choices}`, value, onchange: () => choose(value) }));
  const element = h('div', { class: 'ro-segmented', role: 'radiogroup', 'aria-label': label },
    options.map(([value, text, tip], at) => h('label', { class: 'ro-segment', 'data-value': value, 'data-tip': tip }, radios[at], text)));
  element.set = (value) => {
    for (const radio of radios) radio.checked = radio.value === value;
  };
  element.set(options[0][0]);
  return element;
}

/** One tooltip for all of `root`: whatever carries data-tip, on hover and focus. */
export function tooltips(root) {
  const tip = h('div', { class: 'ro-tip', role: 'tooltip', hidden: true });
  root.append(tip);
  const show = (event) => {
    const target = event.target.closest?.('[data-tip]');
    const text = target?.dataset.tip;
    if (!text) { tip.hidden = true; return; }
    setText(tip, text);
    tip.hidden = false;
    const box = target.getBoundingClientRect();
    const own = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - own.width / 2),
      window.innerWidth - own.width - 8);
    const above = box.top - own.height - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 60 ? above : box.bottom + 8}px`;
  };
  const hide = () => { tip.hidden = true; };
  root.addEventListener('pointerover', show);
  root.addEventListener('focusin', show);
  root.addEventListener('focusout', hide);
  root.addEventListener('pointerleave', hide);
  root.addEventListener('pointerdown', hide);
  root.addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });
}
