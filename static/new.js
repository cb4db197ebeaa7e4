// A new order: customer, currency and items. The service reports errors; the page shows each beside its field.

import { createOrder, Problem, view } from './api.js';
import { products } from './store.js';
import { busy, describe, field, h, icon, money, notice, plural, title, toast } from './dom.js';
import { productPicker, quantityStepper } from './picker.js';

const USUAL = ['EUR', 'USD', 'GBP', 'CHF', 'JPY'];

export default function newOrderView({ signal, navigate }) {
  const customer = field('Customer', h('input', { type: 'text', maxlength: '200', autocomplete: 'off', spellcheck: 'false', required: true }),
    { hint: 'Your id for the customer. Up to 64 characters.' }).name('customer');
  const currency = field('Currency', h('select', {}, USUAL.map((code) => h('option', {}, code))), { hint: 'One currency for the whole order.' }).name('currency');
  const items = [];
  let catalogue = [];

  const list = h('ol', { class: 'lines', id: 'items', 'aria-label': 'Items' });
  const none = h('p', { class: 'quiet none' }, 'No items yet. You can also add items later, while the order is open.');
  const add = h('button', { id: 'add-item', type: 'button', class: 'button', click: () => addRow().picker.input.focus() }, icon('plus'), 'Add another item');
  const total = h('output', { id: 'total', class: 'grand', for: 'items' });
  const units = h('span', { class: 'quiet' });
  const create = h('button', { id: 'create', type: 'submit', class: 'button primary' }, 'Create order');
  const catalogueError = h('div', {});
  const createError = h('div', {});
  const form = h('form', { novalidate: true, class: 'card form', 'aria-labelledby': 'heading', submit: (event) => {
    event.preventDefault();
    busy(create, submit);
  } },
  h('div', { class: 'pair' }, customer.element, currency.element),
  h('fieldset', { id: 'items-group' }, h('legend', {}, 'Items'), list, none, add),
  catalogueError,
  createError,
  h('div', { class: 'form-foot' }, h('div', { class: 'sum' }, units, total), h('div', { class: 'buttons' }, h('a', { class: 'button plain', href: view() }, 'Discard'), create)));

  title('New order');
  currency.input.addEventListener('change', offer);
  form.addEventListener('input', () => createError.replaceChildren());
  addRow();
  load();
  return h('div', { class: 'narrow' }, h('a', { class: 'back', href: view() }, icon('back'), 'All orders'),
    h('h1', { id: 'heading', tabindex: '-1' }, 'New order'), form);

  async function load() {
    try {
      catalogue = await products();
    } catch (problem) {
      if (!signal.aborted) catalogueError.replaceChildren(notice('alarm', `The products could not be loaded. ${describe(problem)}`,
        h('button', { type: 'button', class: 'button small', click: (event) => busy(event.currentTarget, load) }, 'Try again')));
      return;
    }
    catalogueError.replaceChildren();
    const others = new Set(catalogue.map((product) => product.currency).filter((code) => !USUAL.includes(code)));
    currency.input.append(...[...others].sort().map((code) => h('option', {}, code)));
    offer();
  }

  function offer() {
    for (const item of items) item.picker.offer(catalogue, currency.input.value);
    update();
  }

  function addRow() {
    const price = h('p', { class: 'line-price' });
    const picker = productPicker(update);
    const stepper = quantityStepper(1, 'of this item', update);
    const product = field('Product', picker);
    const quantity = field('Quantity', stepper);
    const remove = h('button', { type: 'button', class: 'button plain square', click: () => removeRow(item) }, icon('trash'));
    const element = h('li', { class: 'line' }, product.element, quantity.element, price, remove);
    const item = { picker, stepper, product, quantity, remove, price, element };
    items.push(item);
    list.append(element);
    picker.offer(catalogue, currency.input.value);
    number();
    return item;
  }

  function removeRow(item) {
    const at = items.indexOf(item);
    items.splice(at, 1);
    item.element.remove();
    number();
    (items[at] ?? items.at(-1))?.remove.focus();
    if (items.length === 0) add.focus();
  }

  function number() {
    items.forEach((item, at) => {
      item.product.name(`product-${at}`);
      item.quantity.name(`quantity-${at}`);
      item.remove.id = `remove-${at}`;
      item.remove.setAttribute('aria-label', `Remove item ${at + 1}`);
    });
    update();
  }

  function update() {
    let sum = 0n;
    let count = 0;
    let decimals = 2;
    for (const { picker, stepper, price } of items) {
      const product = picker.chosen;
      price.textContent = '';
      if (!product) continue;
      decimals = product.price.split('.')[1]?.length ?? 0;
      const cost = BigInt(product.price.replace('.', '')) * BigInt(stepper.quantity());
      price.textContent = money(decimal(cost, decimals), product.currency);
      sum += cost;
      count += stepper.quantity();
    }
    total.textContent = money(decimal(sum, decimals), currency.input.value);
    units.textContent = count === 0 ? 'Total' : `Total of ${plural(count, 'unit')}`;
    none.hidden = items.length > 0;
    add.lastChild.textContent = items.length > 0 ? 'Add another item' : 'Add an item';
  }

  async function submit() {
    for (const one of [customer, currency, ...items.flatMap(({ product, quantity }) => [product, quantity])]) one.fail('');
    createError.replaceChildren();
    try {
      const order = await createOrder({
        customer_id: customer.input.value,
        currency: currency.input.value,
        items: items.map(({ picker, stepper }) => ({ sku: picker.sku, quantity: stepper.quantity() })),
      });
      toast(`Order created for ${order.customer_id}.`);
      if (!signal.aborted) navigate(`${view('orders/')}${order.order_id}`, { replace: true });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (!signal.aborted) showErrors(problem);
    }
  }

  function showErrors(problem) {
    const first = problem.errors.map(({ pointer, detail }) => {
      const target = fieldAt(pointer ?? '');
      target?.fail(target.input.role === 'combobox' && target.input.value.trim() === '' ? 'Choose a product, or remove this item.' : detail);
      return target?.input;
    }).find(Boolean);
    const count = problem.errors.length;
    createError.replaceChildren(notice('alarm', first ? `The order was not created. Correct ${plural(count, 'field')}, then try again.` : describe(problem)));
    first?.focus();
  }

  // The form's field for a JSON pointer into the request.
  function fieldAt(pointer) {
    const [, name, index, part] = pointer.split('/');
    if (name === 'customer_id') return customer;
    if (name === 'currency') return currency;
    const item = name === 'items' && items[index];
    return item && (part === 'quantity' ? item.quantity : item.product);
  }
}

function decimal(minor, decimals) {
  const digits = String(minor).padStart(decimals + 1, '0');
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
