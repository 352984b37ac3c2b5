// Bent axes are Python's (golden cases that tests/web_cases.py wrote); a table's CSV is safe to open.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { bendOf, bentAxis } from '../../ui/web/figures/bent.js';
import { csvOf } from '../../ui/web/shared/files.js';

const golden = JSON.parse(readFileSync(new URL('cases.json', import.meta.url), 'utf8'));

test('a bent axis has the bend, the range and the ticks that Python gives it', () => {
  assert.equal(golden.bent.length, 4);
  for (const { values, bend, ends, axis } of golden.bent) {
    assert.equal(bendOf(values), bend);
    const found = bentAxis(ends, bend);
    assert.deepEqual(found.ticktext, axis.ticktext);
    for (const key of ['range', 'tickvals']) {
      assert.equal(found[key].length, axis[key].length);
      found[key].forEach((value, i) => assert.ok(Math.abs(value - axis[key][i]) < 1e-9, `${key} ${value} ${axis[key][i]}`));
    }
  }
});

test('CSV quotes what needs it, leaves out what is not known, and starts no formula', () => {
  const rows = [{ cells: ['a, "b"', 0.5, NaN] }, { cells: ['=1+1', -0.25, undefined] }];
  assert.equal(csvOf({ head: ['name', 'value', 'truth'], rows }), 'name,value,truth\r\n"a, ""b""",0.5,\r\n\'=1+1,-0.25,');
});
