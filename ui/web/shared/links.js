// Addresses: of other pages, and what this one keeps beside the order.

const CURVES = ['heldout', 'training', 'sample'];

/** What an address says of the view: the sample selected, the curve, whether to present. */
export function viewInAddress(count) {
  const query = new URLSearchParams(window.location.search);
  const text = query.get('s') ?? '';
  const sample = /^\d{1,9}$/.test(text) && Number(text) < count ? Number(text) : null;
  const curve = CURVES.includes(query.get('c')) ? query.get('c') : null;
  return { sample, curve, talk: query.get('talk') === '1' };
}

/** This page's address with the view written into it; Python keeps run, order and moves there. */
export function addressOf(run, { selected, curve, talk = false }) {
  const address = new URL(window.location.href);
  const put = (key, value) => (value ? address.searchParams.set(key, value) : address.searchParams.delete(key));
  put('run', run.id);
  put('s', selected === null ? '' : String(selected));
  put('c', curve === CURVES[0] ? '' : curve);
  put('talk', talk ? '1' : '');
  return address.href;
}

/** Note in the address, without a step in the browser's history, what the numbers on screen know. */
export function markKnown(stamp) {
  mark('k', new URL(window.location.href).searchParams.has('o') ? stamp : '');
}

/** Note there, too, whether this is a talk. */
export function markTalk(on) { mark('talk', on ? '1' : ''); }

function mark(key, value) {
  const address = new URL(window.location.href);
  if ((address.searchParams.get(key) ?? '') === (value ?? '')) return;
  if (value) address.searchParams.set(key, value);
  else address.searchParams.delete(key);
  window.history.replaceState(window.history.state, '', address);
}
