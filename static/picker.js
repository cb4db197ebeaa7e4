// Controls for an item: a product picker with search (the ARIA combobox pattern) and a quantity field with buttons.

import { h, icon, money } from './dom.js';

let lists = 0;

// Calls `onChange` with the product, or null, when the choice changes.
export function productPicker(onChange) {
  const listId = `products-${(lists += 1)}`;
  const input = h('input', {
    type: 'text', role: 'combobox', autocomplete: 'off', spellcheck: 'false', placeholder: 'Name or SKU', maxlength: '80',
    'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': listId,
  });
  const list = h('ul', { id: listId, role: 'listbox', class: 'options', 'aria-label': 'Products', hidden: true });
  const root = h('div', { class: 'picker' }, input, icon('search'), list);
  let products = [];
  let emptyText = 'Loading the products…';
  let matches = [];
  let active = -1;
  let chosen = null;

  input.addEventListener('focus', open);
  input.addEventListener('click', open);
  input.addEventListener('blur', () => {
    if (!chosen) choose(products.find((product) => product.sku === text().toUpperCase()));
    close();
  });
  input.addEventListener('input', (event) => {
    if (!event.isTrusted) return; // `choose` sends this one
    if (chosen) setChosen(null);
    open();
  });
  input.addEventListener('keydown', (event) => {
    if (handleKey(event.key)) event.preventDefault();
  });
  // Keeps the focus in the field. A blur would close the list before the click.
  list.addEventListener('pointerdown', (event) => event.preventDefault());
  list.addEventListener('click', (event) => {
    const option = event.target.closest('[role=option][data-at]');
    if (option) choose(matches[option.dataset.at]);
  });

  return {
    root,
    input,
    get chosen() { return chosen; },
    // The chosen product, or the text of the field. The service checks either.
    get sku() { return chosen?.sku ?? text(); },
    offer(all, currency) {
      products = all.filter((product) => product.currency === currency);
      emptyText = products.length === 0 ? `No product has a price in ${currency}.` : 'No product matches. Check the name or the SKU.';
      if (chosen && chosen.currency !== currency) clear();
      if (!list.hidden) open();
    },
    clear,
  };

  function text() {
    return input.value.trim();
  }

  // Returns whether the key does something here.
  function handleKey(key) {
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      if (list.hidden) open();
      activate((active + (key === 'ArrowDown' ? 1 : -1) + matches.length) % matches.length);
    } else if (key === 'Enter' && !list.hidden && (active >= 0 || (matches.length === 1 && text() && !chosen))) {
      choose(matches[Math.max(active, 0)]);
    } else if (key === 'Escape' && !list.hidden) {
      close();
    } else if (key === 'Escape' && input.value) {
      clear();
    } else {
      return false;
    }
    return true;
  }

  function open() {
    const words = chosen ? [] : text().toLowerCase().split(/\s+/);
    matches = products.filter((product) => words.every((word) => `${product.name} ${product.sku}`.toLowerCase().includes(word)));
    list.replaceChildren(...matches.map(option));
    if (matches.length === 0) list.append(h('li', { role: 'option', 'aria-disabled': 'true', class: 'none' }, emptyText));
    list.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    activate(-1);
  }

  function option(product, at) {
    return h('li', { id: `${listId}-${at}`, role: 'option', 'aria-selected': 'false', 'data-at': at },
      h('span', { class: 'option-name' }, product.name), h('span', { class: 'option-sku id' }, product.sku),
      h('span', { class: 'option-price' }, money(product.price, product.currency)));
  }

  function activate(at) {
    active = Number.isNaN(at) ? -1 : Math.max(at, -1);
    [...list.children].forEach((element, index) => element.setAttribute('aria-selected', String(index === active)));
    if (active < 0) return input.removeAttribute('aria-activedescendant');
    input.setAttribute('aria-activedescendant', `${listId}-${active}`);
    list.children[active].scrollIntoView({ block: 'nearest' });
  }

  function close() {
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  }

  function choose(product) {
    if (!product) return;
    input.value = product.name;
    setChosen(product);
    close();
    input.dispatchEvent(new Event('input'));
  }

  function setChosen(product) {
    chosen = product;
    onChange(product);
  }

  function clear() {
    input.value = '';
    close();
    if (chosen) setChosen(null);
  }
}

// A number field with two buttons for the pointer. The field itself takes the arrow keys. `what` completes the
// buttons' label: "Increase the quantity of Mouse".
export function quantityStepper(value, what, change = () => {}) {
  const input = h('input', { type: 'text', inputmode: 'numeric', autocomplete: 'off', maxlength: '5', class: 'quantity', value });
  const less = h('button', { type: 'button', class: 'button square', 'aria-label': `Decrease the quantity ${what}`, click: () => step(-1) }, icon('minus'));
  const more = h('button', { type: 'button', class: 'button square', 'aria-label': `Increase the quantity ${what}`, click: () => step(1) }, icon('plus'));
  input.addEventListener('input', () => change(quantity()));
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
    event.preventDefault();
    step(event.key === 'ArrowUp' ? 1 : -1);
  });
  return { root: h('div', { class: 'stepper' }, less, input, more), input, quantity };

  // Text that is no whole number becomes 0. The service refuses 0 and explains the limits.
  function quantity() {
    const text = input.value.trim();
    return /^\d{1,6}$/.test(text) ? Number(text) : 0;
  }

  function step(by) {
    input.value = Math.max(1, Math.min(999, quantity() + by));
    input.dispatchEvent(new Event('input'));
  }
}
