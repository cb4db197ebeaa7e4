// The list of orders. The address holds the filters; the stream reports changes.

import { getOrder, listOrders, view } from './api.js';
import { on, streamFirst, visited } from './store.js';
import { busy, describe, h, icon, money, notice, plural, statusChip, STATUSES, time, title } from './dom.js';

const PAGE = 50;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const FLUSH_MS = 200;
const MAX_SINGLE_READS = 6; // if more orders changed, the list reads a page
const COLUMNS = ['Order', 'Customer', 'Status', 'Items', 'Created', 'Total'];

export default function listView({ url, signal, navigate }) {
  const filter = filterOf(url);
  const key = new URLSearchParams(filter).toString();
  const list = visited.get(key) ?? { orders: [], cursor: null, loaded: false };
  const rows = new Map();
  const changed = new Set();
  let flushing = false;
  let failed = false;

  const body = h('div', { role: 'rowgroup' });
  const table = h('div', { class: 'orders', role: 'table', 'aria-label': 'Orders', 'aria-busy': 'true' },
    h('div', { role: 'rowgroup' }, h('div', { class: 'row heads', role: 'row' }, COLUMNS.map((name) => h('span', { role: 'columnheader' }, name)))), body);
  const state = h('div', { class: 'list-state' });
  const more = h('button', { id: 'more', type: 'button', class: 'button', hidden: true, click: () => busy(more, loadMore) }, 'Load more');
  const count = h('p', { class: 'quiet', role: 'status', id: 'count' });

  title('All orders');
  if (list.loaded) render();
  else body.append(...skeletons());
  load();
  on('change', receive, signal);
  on('resync', load, signal);
  on('caught-up', () => failed && load(), signal);
  document.addEventListener('visibilitychange', flushSoon, { signal });

  return h('div', {},
    h('div', { class: 'head' }, h('h1', { tabindex: '-1' }, 'Orders'), h('a', { id: 'new-order', class: 'button primary needs-write', href: view('new') }, icon('plus'), 'New order')),
    h('div', { class: 'tools' }, statusFilter(filter), searchForm(filter, navigate)),
    filter.customer_id && h('p', { class: 'filtered' }, 'Orders of customer ', h('b', { class: 'break' }, filter.customer_id),
      h('a', { id: 'clear-customer', class: 'button small', href: href({ status: filter.status }) }, icon('x'), 'Show all customers')),
    table, state, h('div', { class: 'foot' }, count, more));

  async function load() {
    try {
      await streamFirst();
      const page = await listOrders({ ...filter, limit: PAGE }, signal);
      merge(page);
      failed = false;
      render();
    } catch (error) {
      if (signal.aborted) return;
      failed = true;
      if (!list.loaded) body.replaceChildren();
      table.setAttribute('aria-busy', 'false');
      state.replaceChildren(notice('alarm', describe(error), h('button', { type: 'button', class: 'button small', click: (event) => busy(event.target, load) }, 'Try again')));
    }
  }

  async function loadMore() {
    try {
      const page = await listOrders({ ...filter, limit: PAGE, cursor: list.cursor }, signal);
      const known = new Set(list.orders.map((order) => order.order_id));
      const first = page.orders.find((order) => !known.has(order.order_id));
      list.orders.push(...page.orders.filter((order) => !known.has(order.order_id)));
      list.cursor = page.next_cursor;
      render();
      if (first) rows.get(first.order_id).link.focus();
    } catch (error) {
      if (!signal.aborted) state.replaceChildren(notice('alarm', describe(error)));
    }
  }

  // The first page replaces all orders from its last one upwards. Older orders stay as the list loaded them,
  // unless the page is all new: then orders between it and the older ones could be missing.
  function merge(page) {
    const end = page.orders.at(-1);
    const older = end && page.next_cursor ? list.orders.filter((order) => isNewer(end, order)) : [];
    const joins = list.loaded && older.length < list.orders.length && older.length > 0;
    const fresh = page.orders.map((order) => newest(order, list.orders));
    list.orders = joins ? [...fresh, ...older] : fresh;
    if (!joins) list.cursor = page.next_cursor;
    list.loaded = true;
    visited.set(key, list);
  }

  function receive(event) {
    const known = rows.has(event.subject);
    const other = filter.customer_id && event.type === 'order.created.v1' && event.data.customer_id !== filter.customer_id;
    if (other && !known) return;
    changed.add(event.subject);
    flushSoon();
  }

  // Events come in bursts, for example an order with its items. A hidden page waits until the user returns.
  function flushSoon() {
    if (flushing || changed.size === 0 || document.hidden) return;
    flushing = true;
    setTimeout(flush, FLUSH_MS);
  }

  async function flush() {
    if (signal.aborted) return;
    const ids = [...changed];
    changed.clear();
    try {
      await (ids.length > MAX_SINGLE_READS ? load() : Promise.all(ids.map(refresh)));
      render();
    } catch { /* the next event or the next connection reads it again */ }
    flushing = false;
    flushSoon();
  }

  async function refresh(id) {
    const order = await getOrder(id, { signal });
    const without = list.orders.filter((other) => other.order_id !== id);
    const old = list.orders.find((other) => other.order_id === id);
    if (old && old.version > order.version) return;
    if (!matches(order, filter)) list.orders = without;
    else if (list.cursor === null || !isNewer(list.orders.at(-1) ?? order, order)) {
      const at = without.findIndex((other) => isNewer(order, other));
      list.orders = without.toSpliced(at < 0 ? without.length : at, 0, order);
    }
  }

  // Reuses the rows: the focus stays, and only changed rows flash.
  function render() {
    if (signal.aborted) return;
    const first = table.getAttribute('aria-busy') === 'true';
    if (first) body.replaceChildren();
    const ids = new Set(list.orders.map((order) => order.order_id));
    for (const [id, row] of rows) if (!ids.has(id)) { row.element.remove(); rows.delete(id); }
    let next = body.firstElementChild;
    for (const order of list.orders) {
      let row = rows.get(order.order_id);
      const isChanged = !row || row.version !== order.version;
      if (!row) rows.set(order.order_id, (row = makeRow(order)));
      if (isChanged) fill(row, order);
      if (isChanged && !first) flash(row.element);
      if (row.element === next) next = next.nextElementSibling;
      else body.insertBefore(row.element, next);
    }
    table.setAttribute('aria-busy', 'false');
    more.hidden = list.cursor === null;
    count.textContent = list.orders.length === 0 ? '' : `${plural(list.orders.length, 'order')} shown${list.cursor === null ? '' : '; load more to see older ones'}`;
    table.hidden = list.orders.length === 0;
    state.replaceChildren(...(list.orders.length === 0 ? [empty(filter)] : []));
  }
}

function filterOf(url) {
  const status = url.searchParams.get('status');
  const customer = url.searchParams.get('customer_id')?.trim();
  return { ...(status in STATUSES && { status }), ...(customer && { customer_id: customer }) };
}

function href(filter) {
  const given = Object.entries(filter).filter(([, value]) => value);
  return given.length === 0 ? view() : `${view('?')}${new URLSearchParams(given)}`;
}

const matches = (order, { status, customer_id: customer }) => (!status || order.status === status) && (!customer || order.customer_id === customer);
const isNewer = (a, b) => a.created_at > b.created_at || (a.created_at === b.created_at && a.order_id > b.order_id);
const newest = (order, among) => among.find((other) => other.order_id === order.order_id && other.version > order.version) ?? order;

function statusFilter(filter) {
  const choices = [['', 'All'], ...Object.entries(STATUSES)];
  return h('nav', { id: 'filter-status', class: 'segments', 'aria-label': 'Filter by status' }, choices.map(([status, name]) => h('a', {
    id: `status-${status || 'all'}`, href: href({ ...filter, status }), 'aria-current': (filter.status ?? '') === status ? 'true' : undefined,
  }, name)));
}

function searchForm(filter, navigate) {
  const field = h('input', { id: 'search', type: 'search', maxlength: '64', placeholder: 'Order id or customer id', autocomplete: 'off', spellcheck: 'false', value: filter.customer_id });
  const submit = h('button', { type: 'submit', class: 'button' }, 'Search');
  return h('form', { role: 'search', class: 'search', submit: (event) => {
    event.preventDefault();
    busy(submit, () => find(field.value.trim()));
  } }, h('label', { class: 'hidden-text', for: 'search' }, 'Search by order id or customer id'), icon('search'), field, submit);

  async function find(text) {
    if (UUID.test(text)) {
      const order = await getOrder(text.toLowerCase()).catch(() => null);
      if (order) return navigate(`${view('orders/')}${order.order_id}`);
    }
    navigate(href({ status: filter.status, customer_id: text }));
  }
}

function makeRow(order) {
  const link = h('a', { class: 'row-link id', href: `${view('orders/')}${order.order_id}` }, h('span', { class: 'id-start' }, order.order_id.slice(0, -12)), order.order_id.slice(-12));
  // A click anywhere in the row opens the order. Cells with a tooltip lie above the link.
  const element = h('div', { class: 'row', role: 'row', click: ({ target }) => target.closest('a') ?? link.click() }, h('span', { role: 'cell', class: 'cell-id' }, link));
  return { element, link };
}

function fill(row, order) {
  row.version = order.version;
  while (row.element.children.length > 1) row.element.lastElementChild.remove(); // the link stays, because it may have the focus
  row.element.append(
    h('span', { role: 'cell', class: 'cell-customer', title: order.customer_id }, order.customer_id),
    h('span', { role: 'cell', class: 'cell-status' }, statusChip(order.status)),
    h('span', { role: 'cell', class: 'cell-items', title: plural(order.units_count, 'unit') }, plural(order.items_count, 'item')),
    h('span', { role: 'cell', class: 'cell-time' }, time(order.created_at)),
    h('span', { role: 'cell', class: 'cell-total' }, money(order.total_amount, order.currency)));
}

function flash(element) {
  element.classList.remove('flash');
  void element.offsetWidth; // a layout without the class restarts the animation
  element.classList.add('flash');
}

function skeletons() {
  return Array.from({ length: 8 }, () => h('div', { class: 'row skeleton', role: 'row' }, COLUMNS.map((_, at) => h('span', { role: 'cell', class: `bone bone-${at}` }))));
}

function empty(filter) {
  const filtered = filter.status || filter.customer_id;
  return h('div', { class: 'empty' },
    h('h2', {}, filtered ? 'No orders match' : 'There are no orders yet'),
    h('p', {}, filtered ? 'Orders that match will appear here automatically.' : 'Create one for a customer, with or without products. New orders appear here automatically.'),
    filtered ? h('a', { class: 'button', href: view() }, 'Show all orders') : h('a', { class: 'button primary needs-write', href: view('new') }, icon('plus'), 'Create the first order'));
}
