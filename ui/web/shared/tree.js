// What Python describes (ui/timeline/panels/tree.py), put on the page. A node is a text, or
// [tag, attributes, ...children]. Only what differs is changed: an update never takes a click, the
// focus or a text that is being typed.

const before = new WeakMap(); // element -> the attributes it was given last
const actions = new WeakMap(); // element -> what it does

/** The nearest element, from `target` outwards, that does something of these kinds: { element, on }; null: none. */
export function acting(target, kinds) {
  for (let element = target; element; element = element.parentElement) {
    const on = actions.get(element);
    if (on && kinds.some((kind) => kind in on)) return { element, on };
  }
  return null;
}

/** Make the children of `parent` these nodes; elements with the same `key` are the same. */
export function patch(parent, nodes) {
  nodes.forEach((node, i) => {
    const here = parent.childNodes[i] ?? null;
    if (typeof node === 'string') text(parent, here, node);
    else dress(found(parent, here, node), node);
  });
  while (parent.childNodes.length > nodes.length) parent.lastChild.remove();
}

function text(parent, here, words) {
  if (here?.nodeType !== Node.TEXT_NODE) parent.insertBefore(document.createTextNode(words), here);
  else if (here.data !== words) here.data = words;
}

/** The element for a node at its place: the one that is there, one with its key, or a new one. */
function found(parent, here, [tag, { key }]) {
  const same = (one) => one?.localName === tag && before.get(one)?.key === key;
  if (same(here)) return here;
  const moved = key === undefined ? null : [...parent.children].find(same);
  return parent.insertBefore(moved ?? document.createElement(tag), here);
}

/** `on`: what it does; `once`: attributes that it begins with, and that are the page's from then on. */
function dress(element, [, attributes, ...children]) {
  const { key, on, once = {}, ...given } = attributes;
  const last = before.get(element);
  for (const [name, value] of Object.entries(last ? given : { ...given, ...once })) put(element, name, value);
  for (const name of Object.keys(last ?? {})) if (!(name in given)) put(element, name, false);
  before.set(element, { ...given, key });
  actions.set(element, on);
  patch(element, children);
}

function put(element, name, value) {
  if (name === 'key') return;
  if (name === 'selected') element.selected = value; // the attribute alone does not move a choice made by hand
  const written = value === true ? '' : String(value);
  if (value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== written) element.setAttribute(name, written);
}
