// What Python writes of a figure is drawn in the theme that is on.
import assert from 'node:assert/strict';
import test from 'node:test';
import { coloured, escaped } from '../../ui/web/figures/plotly.js';

test('colours stand by their names until the theme is known, see-through where they say so', () => {
  const colours = { ink: '#102030', 'domain-3': '#ff0080' };
  const text = JSON.stringify({ name: 'an @ink/1 of words', color: '@ink/1', marker: ['@domain-3/0.4', '@domain-3/1'] });
  assert.deepEqual(JSON.parse(coloured(text, colours)),
    { name: 'an @ink/1 of words', color: '#102030', marker: ['rgba(255,0,128,0.4)', '#ff0080'] });
});

test('text is text to plotly, which reads some HTML', () => {
  assert.equal(escaped('<b>a & b</b>\u0007'), '&lt;b&gt;a &amp; b&lt;/b&gt;\ufffd');
});
