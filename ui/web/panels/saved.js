// Saved views: named orders with a note, in the order of the deck.
import { focusedIn, h, button } from '../shared/dom.js';

const EMPTY = 'Nothing saved yet. A saved view keeps the order, the sample selected and the curve shown; '
  + 'in this sequence they are the slides of a talk.';

export class Saved {
  /** owner: { send(type, more), selected, curve, sharing } */
  constructor(owner) {
    this.owner = owner;
    this.name = h('input', { class: 'ro-input', type: 'text', maxlength: 80, required: true, 'aria-label': 'Name of the view',
      placeholder: 'name of this view' });
    this.note = h('textarea', { class: 'ro-input', rows: 2, maxlength: 500, 'aria-label': 'Note', placeholder: 'note, shown as caption in a talk' });
    this.form = h('form', { class: 'ro-save-form', onsubmit: (event) => this.submit(event) }, this.name, this.note,
      h('button', { type: 'submit', class: 'ro-button ro-primary', 'data-command': 'save-view' }, 'Save this view'));
    this.hint = h('p', { class: 'ro-note', hidden: true });
    this.list = h('ol', { class: 'ro-views', 'aria-label': 'Saved views' });
    this.element = h('div', { class: 'ro-saved' }, this.form, this.hint, this.list);
    this.views = null;
    this.editing = null;
    this.doomed = null;
  }

  submit(event) {
    event.preventDefault();
    const name = this.name.value.trim();
    if (!name) return;
    const { selected, curve } = this.owner;
    this.owner.send('save-view', { name, note: this.note.value, selection: selected, metric: curve });
    this.name.value = '';
    this.note.value = '';
  }

  setViews({ views, note }) {
    this.views = views;
    this.hint.hidden = !note;
    this.hint.textContent = note;
    this.draw();
  }

  show(view) {
    this.hash = view.hash;
    this.draw();
  }

  open(id) {
    this.owner.sharing.opening = id;
    this.owner.send('open-view', { id });
  }

  draw() {
    const { views } = this;
    const drawn = JSON.stringify([views, this.hash, this.editing, this.doomed]);
    if (!views || drawn === this.drawn) return; // a row drawn anew under the pointer would lose its click
    this.drawn = drawn;
    const focus = focusedIn('.ro-views [data-act]')?.dataset.act;
    this.list.replaceChildren(...views.map((view, at) => (view.id === this.editing ? this.editor(view) : this.row(view, at, views.length))));
    if (!views.length) this.list.replaceChildren(h('li', { class: 'ro-nothing' }, EMPTY));
    if (focus) this.list.querySelector(`[data-act="${focus}"]`)?.focus({ preventScroll: true });
  }

  row(view, at, count) {
    const { owner } = this;
    const small = (act, label, words, onclick, disabled = false) => h('button', { type: 'button', class: 'ro-mini',
      'data-act': `${act} ${view.id}`, 'aria-label': `${words} ${view.name}`, 'data-tip': words, disabled, onclick }, label);
    const sure = this.doomed === view.id; // a second click deletes: there is no undo
    const remove = small('delete', sure ? 'delete?' : '\u00d7', 'Delete', () => {
      this.doomed = sure ? null : view.id;
      if (sure) owner.send('delete-view', { id: view.id });
      else this.draw();
    });
    return h('li', { class: 'ro-view', 'data-view': view.id, 'aria-current': view.hash === this.hash ? 'true' : null },
      h('button', { type: 'button', class: 'ro-view-open', 'data-act': `open ${view.id}`, onclick: () => this.open(view.id) },
        h('b', {}, view.name), view.verified ? h('span', { 'data-tip': 'Really retrained' }, ' \u25c7') : null,
        view.note ? h('span', { class: 'ro-view-note' }, view.note) : null,
        h('span', { class: 'ro-view-made' }, `${view.created} UTC`)),
      h('div', { class: 'ro-view-acts' },
        small('up', '\u2191', 'Earlier in the deck:', () => owner.send('place-view', { id: view.id, place: at - 1 }), at === 0),
        small('down', '\u2193', 'Later in the deck:', () => owner.send('place-view', { id: view.id, place: at + 1 }), at === count - 1),
        small('edit', 'edit', 'Rename', () => { this.editing = view.id; this.draw(); this.list.querySelector('input').focus(); }),
        remove));
  }

  editor(view) {
    const name = h('input', { class: 'ro-input', type: 'text', maxlength: 80, required: true, value: view.name, 'aria-label': 'New name' });
    const note = h('textarea', { class: 'ro-input', rows: 2, maxlength: 500, 'aria-label': 'New note' }, view.note);
    const end = () => { this.editing = null; this.draw(); };
    return h('li', { class: 'ro-view' }, h('form', { class: 'ro-save-form', onsubmit: (event) => {
      event.preventDefault();
      this.owner.send('rename-view', { id: view.id, name: name.value, note: note.value });
      end();
    } }, name, note, h('div', { class: 'ro-group' }, h('button', { type: 'submit', class: 'ro-button ro-primary' }, 'Keep'),
      button('Cancel', end))));
  }
}
