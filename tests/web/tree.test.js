// What Python describes is put on the page; an update changes what differs and keeps the rest.
import assert from 'node:assert/strict';
import test from 'node:test';

/** As much of a document as `patch` needs. */
class Fake {
  constructor(name, data) { Object.assign(this, { localName: name, data, childNodes: [], written: new Map(), nodeType: name ? 1 : 3, parentElement: null }); }

  get children() { return this.childNodes.filter(({ nodeType }) => nodeType === 1); }

  get lastChild() { return { remove: () => this.childNodes.pop() }; }

  insertBefore(node, at) {
    node.parentElement?.childNodes.splice(node.parentElement.childNodes.indexOf(node), 1);
    this.childNodes.splice(at ? this.childNodes.indexOf(at) : this.childNodes.length, 0, node);
    node.parentElement = this;
    return node;
  }

  getAttribute(name) { return this.written.get(name) ?? null; }

  setAttribute(name, value) { this.written.set(name, value); }

  removeAttribute(name) { this.written.delete(name); }

  get text() { return this.data ?? this.childNodes.map(({ text }) => text).join(''); }
}
Object.assign(globalThis, { Node: { TEXT_NODE: 3 },
  document: { createElement: (name) => new Fake(name), createTextNode: (data) => new Fake(undefined, data) } });
const { acting, patch } = await import('../../ui/web/shared/tree.js');

const row = (key, words, more = {}) => ['li', { key, class: 'row', ...more }, words];
const list = (...rows) => [['ol', {}, ...rows]];

test('an update keeps the elements whose place or key is the same, and changes their words', () => {
  const root = new Fake('div');
  patch(root, list(row('a', 'one'), row('b', 'two')));
  const [ol] = root.children;
  const [a, b] = ol.children;
  patch(root, list(row('b', 'two'), row('a', 'first'), row('c', 'three')));
  assert.equal(root.children[0], ol);
  assert.deepEqual(ol.children.slice(0, 2), [b, a]);
  assert.equal(root.text, 'twofirstthree');
  patch(root, list(row('c', 'three')));
  assert.equal(root.text, 'three');
  patch(root, []);
  assert.equal(root.childNodes.length, 0);
});

test('attributes come and go; those it only begins with are the page\u2019s from then on', () => {
  const root = new Fake('div');
  patch(root, [['form', { once: { hidden: true }, disabled: true, 'data-n': 3 }]]);
  const [form] = root.children;
  assert.deepEqual([...form.written], [['disabled', ''], ['data-n', '3'], ['hidden', '']]);
  form.removeAttribute('hidden'); // opened by hand
  patch(root, [['form', { once: { hidden: true }, 'data-n': 4 }]]);
  assert.deepEqual([...form.written], [['data-n', '4']]);
});

test('what an element does is found from inside it, the nearest first, and is that of the last update', () => {
  const root = new Fake('div');
  const nodes = (name) => [['li', { on: { move: 1 } }, ['button', { on: { send: [name] } }, ['b', {}, 'x']]]];
  patch(root, nodes('jump'));
  const bold = root.children[0].children[0].children[0];
  assert.deepEqual(acting(bold, ['send']).on.send, ['jump']);
  patch(root, nodes('remove'));
  assert.deepEqual(acting(bold, ['send', 'move']).on.send, ['remove']);
  assert.equal(acting(bold, ['move']).on.move, 1);
  assert.equal(acting(bold, ['choose']), null);
});
