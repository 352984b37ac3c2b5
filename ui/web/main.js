// Entry: Streamlit calls this for every mount and every change of data.
import { collect, publish } from './shared/channels.js';
import { Pictures } from './shared/pictures.js';
import { Timeline } from './timeline.js';

const VIEWS = { pictures: Pictures, timeline: Timeline };
const instances = new WeakMap(); // parentElement -> view; the element outlives each rerun

export default function render({ data, parentElement, setTriggerValue }) {
  if (data.view === 'channel') {
    publish(data.channel, data.value);
    return undefined;
  }
  if (data.view === 'part') {
    collect(data.channel, data.value);
    return undefined;
  }
  let view = instances.get(parentElement);
  if (!view) {
    view = new VIEWS[data.view](parentElement);
    instances.set(parentElement, view);
  }
  view.update(data, (event) => setTriggerValue('event', event));
  return () => {
    view.destroy();
    instances.delete(parentElement);
  };
}
