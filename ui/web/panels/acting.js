// What the parts that Python describes do when they are clicked, sent, pointed at.
import { acting, patch } from '../shared/tree.js';

export class Acting {
  /** owner: { send(type, more), select(id, go), highlight(ids | null), foresee(move | null), selected, curve } */
  constructor(owner, root) {
    this.owner = owner;
    this.root = root;
    this.pointed = null;
    root.addEventListener('click', ({ target }) => this.click(acting(target, ['send', 'select', 'opens', 'apply', 'take'])));
    root.addEventListener('change', ({ target }) => this.change(acting(target, ['choose']), target));
    root.addEventListener('submit', (event) => this.submit(event, acting(event.target, ['submit'])));
    root.addEventListener('keydown', (event) => { if (event.key === 'Escape') this.close(event.target.closest('form[data-folds]')); });
    for (const kind of ['pointerover', 'focusin']) root.addEventListener(kind, ({ target }) => this.point(target));
    for (const kind of ['pointerleave', 'focusout']) root.addEventListener(kind, () => this.point(null));
  }

  /** Lay a part out anew. */
  lay(element, nodes) {
    patch(element, nodes);
    this.mark(element);
    if (this.pointed && !this.pointed.isConnected) this.point(null); // what goes sends no pointerleave
  }

  click(found) {
    if (!found) return;
    const { element, on } = found;
    if (on.opens) { this.open(element, on); return; }
    if (on.apply) { this.owner.suggestions.apply(on.apply, on.words); return; }
    if (on.take) { this.owner.sharing.take(on.take); return; }
    if (on.sure && this.asked !== element) { // there is no undo: the first click only asks
      this.asked = element;
      element.textContent = on.sure;
      return;
    }
    this.asked = null;
    this.obey(on);
  }

  /** @param {{ send?: [string, any], select?: number }} on */
  obey({ send, select }) {
    if (send) this.owner.send(...send);
    if (select !== undefined) this.owner.select(select, true);
  }

  /** A choice: what is sent stands with the option. */
  change(found, choice) {
    if (found) this.owner.send(found.on.choose, acting(choice.selectedOptions[0], ['more']).on.more);
  }

  /** A form: its fields go along, and where it says so what is selected and shown. */
  submit(event, found) {
    if (!found) return;
    event.preventDefault();
    const { element, on } = found;
    const fields = Object.fromEntries([...new FormData(element)].map(([name, value]) => [name, String(value).trim()]));
    if (fields.name === '') return;
    const { selected, curve } = this.owner;
    this.owner.send(on.submit, { ...fields, ...(on.view ? { selection: selected, metric: curve } : {}) });
    if (!on.keep) element.reset();
    this.close(element);
  }

  /** Show or hide a form of the same panel, with these values. */
  open(opener, { opens, fill = {} }) {
    const form = opener.closest('[role=tabpanel]').querySelector(`form[data-folds=${opens}]`);
    if (!form.hidden && !Object.keys(fill).length) { this.close(form); return; }
    form.opener = opener;
    form.hidden = false;
    for (const [name, value] of Object.entries(fill)) form.elements[name].value = value;
    form.querySelector('input:not([type=hidden])').focus();
  }

  close(form) {
    if (!form?.dataset.folds) return;
    form.hidden = true;
    form.opener?.focus();
  }

  /** What is under the pointer, or has the focus, shows on the board. */
  point(target) {
    const found = target && acting(target, ['move', 'samples']);
    const element = found?.element ?? null;
    if (element === this.pointed) return;
    this.pointed = element;
    this.owner.highlight(found?.on.samples ?? null);
    const move = found?.on.move ?? null;
    if (move || this.foreseen) this.owner.foresee(move);
    this.foreseen = move;
  }

  /** Mark what stands for the order on screen: its view, its slide, its retraining. */
  mark(within = this.root) {
    const hash = this.owner.view?.hash;
    for (const one of /** @type {NodeListOf<HTMLElement>} */ (within.querySelectorAll('[data-order]'))) {
      const on = one.dataset.order === hash;
      if (one.dataset.mark === 'disabled') one.toggleAttribute('disabled', on);
      else one.setAttribute(one.dataset.mark, String(on));
    }
  }
}
