// The parts of the order page: header, items, the form that adds an item, and actions.

import { view } from './api.js';
import { copyButton, exactTime, field, h, icon, money, plural, statusChip, time } from './dom.js';
import { productPicker, quantityStepper } from './picker.js';

// Every action of the API and the label of its button. The card of actions has a button for each action with a `kind`;
// the items and the form below them have the others. tests/browser/texts.rs fails if an action is missing.
export const ACTIONS = {
  add_item: { label: 'Add item' },
  change_quantity: { label: 'Save' },
  remove_item: { label: 'Remove' },
  place: { label: 'Place order', kind: 'primary' },
  fulfil: { label: 'Mark as fulfilled', kind: 'primary' },
  cancel: { label: 'Cancel order', kind: 'danger' },
};

export function header(order) {
  const fact = (name, ...value) => h('div', { class: 'fact' }, h('dt', {}, name), h('dd', {}, value));
  const onPaper = (iso) => h('span', { class: 'print-only' }, exactTime(iso));
  return h('header', { class: 'card order-head' },
    h('div', { class: 'order-title' },
      h('p', { class: 'order-status' }, statusChip(order.status)),
      h('h1', { tabindex: '-1', class: 'break' }, `Order for ${order.customer_id}`),
      h('dl', { class: 'facts' },
        fact('Order', h('span', { class: 'id break', id: 'order-id' }, order.order_id), copyButton(order.order_id, 'the order id')),
        fact('Customer', h('a', { class: 'break', href: `${view('?')}${new URLSearchParams({ customer_id: order.customer_id })}`, title: 'Show all orders of this customer' }, order.customer_id), copyButton(order.customer_id, 'the customer id')),
        fact('Created', time(order.created_at), onPaper(order.created_at)),
        fact('Changed', time(order.updated_at), onPaper(order.updated_at)),
        fact('Version', h('span', { id: 'version' }, order.version)))),
    h('div', { class: 'order-sum' },
      h('p', { class: 'quiet' }, 'Total'),
      h('p', { class: 'grand', id: 'order-total' }, money(order.total_amount, order.currency)),
      h('p', { class: 'quiet' }, `${plural(order.items_count, 'item')}, ${plural(order.units_count, 'unit')}`),
      h('button', { type: 'button', id: 'print', class: 'button small', click: () => print() }, icon('print'), 'Print')));
}

// Without `edit` the items are read-only.
export function itemsCard(order, drafts, edit) {
  const allowed = (action) => edit && order.allowed_actions.includes(action);
  const closed = edit && order.disallowed_actions?.find(({ action }) => action === 'add_item');
  const editable = allowed('change_quantity');
  const heads = [['Product', ''], ['Price', 'money'], ['Quantity', editable ? '' : 'money'], ['Subtotal', 'money'], ...(allowed('remove_item') ? [['', '']] : [])];
  // Narrow screens lay the table out as a grid. Browsers may then drop the table's roles, so the page sets them.
  const rows = order.items.map((item) => h('tr', { id: `line-${item.line}`, role: 'row' },
    h('th', { scope: 'row', role: 'rowheader' }, h('span', { class: 'item-name' }, item.name ?? item.sku), h('span', { class: 'id quiet' }, item.sku)),
    h('td', { role: 'cell', class: 'money cell-price' }, money(item.price)),
    h('td', { role: 'cell', class: `cell-quantity ${editable ? '' : 'money'}` }, editable ? quantityEditor(item, drafts.get(item.line), edit) : h('span', { class: 'fixed-quantity' }, item.quantity)),
    h('td', { role: 'cell', class: 'money cell-subtotal' }, money(item.subtotal)),
    allowed('remove_item') && h('td', { role: 'cell', class: 'cell-remove' }, removeButton(item, edit))));
  const foot = h('tr', { role: 'row' }, h('th', { scope: 'row', role: 'rowheader', colspan: '3' }, 'Total'), h('td', { role: 'cell', class: 'money' }, money(order.total_amount, order.currency)), allowed('remove_item') && h('td', { role: 'cell' }));
  return h('section', { class: 'card', 'aria-labelledby': 'items-heading' },
    h('h2', { id: 'items-heading', tabindex: '-1' }, 'Items'),
    order.items.length === 0 ? h('p', { class: 'quiet none' }, 'This order has no items.')
      : h('table', { class: 'items', id: 'order-items', role: 'table', 'aria-labelledby': 'items-heading' },
        h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, heads.map(([name, kind]) => (name ? h('th', { scope: 'col', role: 'columnheader', class: kind }, name) : h('td', { role: 'cell' }))))),
        h('tbody', { role: 'rowgroup' }, rows), h('tfoot', { role: 'rowgroup' }, foot)),
    closed && h('p', { class: 'quiet reason' }, closed.reason));
}

function quantityEditor(item, draft, { save, draft: keepDraft }) {
  const name = item.name ?? item.sku;
  const stepper = quantityStepper(draft ?? item.quantity, `of ${name}`, (quantity) => {
    keepDraft(item, quantity);
    showButton();
  });
  const row = field(`Quantity of ${name}`, stepper, { compact: true }).name(`quantity-${item.line}`);
  const done = h('button', { id: `save-${item.line}`, type: 'button', class: 'button small primary', 'data-action': 'change_quantity', 'aria-label': `Save the quantity of ${name}`, click: send }, ACTIONS.change_quantity.label);
  stepper.input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') send();
    else if (event.key === 'Escape') {
      stepper.input.value = item.quantity;
      stepper.input.dispatchEvent(new Event('input'));
    }
  });
  showButton();
  return h('div', { class: 'quantity-editor' }, row.element, done, h('span', { class: 'print-only' }, item.quantity));

  // The hidden button keeps its place, so that nothing moves when it appears.
  function showButton() {
    done.classList.toggle('away', stepper.input.value.trim() === String(item.quantity));
  }

  function send() {
    if (stepper.input.value.trim() !== String(item.quantity)) save(done, item, { ...row, quantity: stepper.quantity });
  }
}

function removeButton(item, { remove }) {
  const { label } = ACTIONS.remove_item;
  const button = h('button', { id: `remove-${item.line}`, type: 'button', class: 'button plain square', 'data-action': 'remove_item', 'aria-label': `${label} ${item.name ?? item.sku}`, title: label, click: () => remove(button, item) }, icon('trash'));
  return button;
}

// The page keeps this card when it renders the other parts again, so that the user's input stays.
export function addCard(add) {
  const picker = productPicker(() => {});
  const stepper = quantityStepper(1, 'to add');
  const product = field('Product', picker).name('product');
  const quantity = field('Quantity', stepper).name('quantity');
  const button = h('button', { id: 'add-item', type: 'submit', class: 'button', 'data-action': 'add_item' }, icon('plus'), ACTIONS.add_item.label);
  const element = h('section', { class: 'card', 'aria-labelledby': 'add-heading' }, h('h2', { id: 'add-heading' }, 'Add an item'),
    h('form', { class: 'add', novalidate: true, submit: (event) => {
      event.preventDefault();
      if (picker.sku === '') return showErrors({ errors: [{ pointer: '/sku', detail: 'Choose a product.' }] });
      add(button, { sku: picker.sku, quantity: stepper.quantity() });
    } }, product.element, quantity.element, button));
  return {
    element,
    showErrors,
    offer: picker.offer,
    fail: product.fail,
    hasInput: () => picker.input.value !== '',
    clear() {
      picker.clear();
      stepper.input.value = 1;
      picker.input.focus();
    },
  };

  // Returns whether there was an error to show.
  function showErrors({ errors }) {
    if (errors.length === 0) return false;
    const fields = errors.map(({ pointer, detail }) => {
      const target = pointer?.endsWith('/quantity') ? quantity : product;
      target.fail(detail);
      return target;
    });
    fields[0].input.focus();
    return true;
  }
}

// `run` has a function for each action of the card.
export function actionsCard(order, run) {
  return h('section', { class: 'card actions', 'aria-labelledby': 'actions-heading' }, h('h2', { id: 'actions-heading' }, 'Actions'),
    Object.entries(ACTIONS).filter(([, { kind }]) => kind).map(([action, { label, kind }]) => {
      const reason = order.disallowed_actions?.find((other) => other.action === action)?.reason;
      const allowed = order.allowed_actions.includes(action);
      // Not `disabled`: a screen reader can reach the button and read why the order does not allow the action.
      const button = h('button', {
        id: `action-${action}`, type: 'button', class: `button ${allowed ? kind : ''}`, 'data-action': action,
        'aria-disabled': allowed ? undefined : 'true', 'aria-describedby': allowed ? undefined : `why-not-${action}`,
        'aria-haspopup': action === 'cancel' ? 'dialog' : undefined, click: () => allowed && run[action](button),
      }, label);
      return h('div', { class: 'action' }, button, !allowed && h('p', { class: 'hint', id: `why-not-${action}` }, reason ?? 'The order does not allow this now.'));
    }));
}

// What the page shows while the order loads. The heading exists from the start, because it takes the focus.
export function skeleton() {
  const card = (count) => h('div', { class: 'card skeleton', 'aria-hidden': 'true' }, Array.from({ length: count }, () => h('span', { class: 'bone' })));
  return [h('h1', { class: 'hidden-text', tabindex: '-1' }, 'Loading the order'), card(5), card(6)];
}
