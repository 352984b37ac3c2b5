// What samples of a group have in common and nobody else has: the position table moves each
// by its own step alone and cannot know what such samples do to each other.

export const ALIKE = 0.2; // share of wording that mostly the group has, from which its curve is no guide
const WORDS = 3; // in a row, to count as wording

/** How many are exact copies of each other, and the share of wording that several of them have and mostly they. */
export function likeness(run, ids) {
  const group = new Set(ids);
  const copies = ids.filter((id) => run.samples[id].copies.filter((other) => group.has(other)).length > 1).length;
  const texts = [...new Set(ids.map((id) => run.samples[id].copies[0]))]; // one of each text
  const inside = new Map();
  for (const id of texts) for (const words of wording(run, id)) inside.set(words, (inside.get(words) ?? 0) + 1);
  const everywhere = counts(run);
  let [own, all] = [0, 0];
  for (const id of texts) {
    for (const words of wording(run, id)) {
      all += 1;
      if (inside.get(words) > 1 && 2 * inside.get(words) >= everywhere.get(words)) own += 1;
    }
  }
  return { copies, shared: all ? own / all : 0 };
}

/** In how many different texts of the run each wording occurs; counted at first use. */
function counts(run) {
  if (run.wordings) return run.wordings;
  run.wordings = new Map();
  for (const { id, copies } of run.samples) {
    if (copies[0] !== id) continue;
    for (const words of wording(run, id)) run.wordings.set(words, (run.wordings.get(words) ?? 0) + 1);
  }
  return run.wordings;
}

function wording(run, id) {
  const words = run.samples[id].text.toLowerCase().split(/\s+/);
  return new Set(words.slice(0, 1 - WORDS).map((_, at) => words.slice(at, at + WORDS).join(' ')));
}
