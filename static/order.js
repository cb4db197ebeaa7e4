// One order: loads it, shows the current or a historical version, writes changes, and follows the stream.
//
// Every write names the version on the screen. If somebody else changed the order first, the service refuses the
// write, and the page shows the changes since.

import { can, usable, view } from './api.js';
import * as api from './api.js';
import { on, products, streamFirst } from './store.js';
import { busy, describe, exactTime, h, icon, notice, plural, title, toast } from './dom.js';
import { actionsCard, addCard, header, itemsCard, skeleton } from './order-parts.js';
import { cancelDialog, conflictDialog } from './dialogs.js';
import { inWords, timeline } from './history.js';

export default function orderView({ url, id, signal }) {
  const asOf = url.searchParams.get('as_of');
  const drafts = new Map(); // quantities that the user typed and did not save, by line
  let order; // the current version
  let historical; // the version of `as_of`, if the address has one
  let events = [];
  let latest = 0; // the newest version that the stream or a response reported
  let writing = false;
  let refreshing = null;

  const slot = (name) => h('div', { class: `slot-${name}` });
  const changeNotice = h('div', { role: 'status' });
  const [head, items, adding, actions, banner, history] = ['head', 'items', 'add', 'actions', 'banner', 'history'].map(slot);
  const adder = asOf ? null : addCard(add);
  const back = h('a', { class: 'back', href: view() }, icon('back'), 'All orders');
  const columns = h('div', { class: `columns ${asOf ? 'historical' : ''}` }, actions, h('div', { class: 'column-main' }, items, adding), history);
  const page = h('div', { class: 'order', 'aria-busy': 'true' }, back, ...skeleton());

  title('Order');
  load();
  on('change', receive, signal);
  on('resync', () => (order ? refresh() : load()), signal);
  on('caught-up', () => order ?? load(), signal);
  return page;

  async function load() {
    try {
      await streamFirst();
      let loaded;
      [loaded, events, historical] = await Promise.all([api.getOrder(id, { signal }), api.getEvents(id, 0, signal), asOf && api.getOrder(id, { asOf, signal })]);
      order = usable(loaded);
      if (adder) adding.append(adder.element);
      fill(() => {
        page.replaceChildren(back, banner, changeNotice, head, columns);
        render();
      });
      if (adder) offer();
    } catch (problem) {
      if (!signal.aborted) fail(problem);
    }
  }

  function offer() {
    products().then((all) => adder.offer(all, order.currency), (problem) => adder.fail(problem.message));
  }

  function fail(problem) {
    const gone = problem.status === 404 || problem.status === 400;
    title(gone ? 'Order not found' : 'Order');
    const text = gone && asOf && problem.status === 404 ? 'The order does not exist, or it never had this version. Check the address.' : problem.message;
    fill(() => page.replaceChildren(back, h('div', { class: 'empty' },
      h('h1', { tabindex: '-1' }, gone ? 'Order not found' : 'The order could not be loaded'), h('p', { role: 'alert' }, text),
      gone && asOf ? h('a', { class: 'button', href: `${view('orders/')}${encodeURIComponent(id)}` }, 'Show the current version')
        : h('button', { type: 'button', class: 'button', click: (event) => busy(event.currentTarget, load) }, 'Try again'))));
  }

  // If the heading of the skeleton has the focus, the new heading takes it.
  function fill(show) {
    const focused = document.activeElement;
    const wasHeading = page.contains(focused) && focused.tagName === 'H1';
    page.removeAttribute('aria-busy');
    show();
    if (wasHeading) page.querySelector('h1').focus({ preventScroll: true });
  }

  function render() {
    const shown = historical ?? order;
    const focused = document.activeElement;
    const hadFocus = page.contains(focused) && focused.id;
    title(`Order for ${shown.customer_id}`);
    banner.replaceChildren(...(historical ? [historicalBanner()] : []));
    head.replaceChildren(header(shown));
    items.replaceChildren(itemsCard(shown, drafts, historical || !can('orders:write') ? null : { save, remove, draft }));
    if (adder) adding.hidden = !order.allowed_actions.includes('add_item');
    actions.replaceChildren(...(historical || !can('orders:write') ? [] : [actionsCard(order, { place, fulfil, cancel })]));
    history.replaceChildren(timeline(order, events, historical?.version));
    // The focused element was replaced. Its successor takes the focus, or else the heading of the items.
    if (hadFocus && document.activeElement !== focused) (document.getElementById(hadFocus) ?? document.getElementById('items-heading')).focus();
  }

  function historicalBanner() {
    return h('div', { id: 'historical-banner', class: 'notice info', role: 'status' }, icon('history'),
      h('p', {}, `You see version ${historical.version} of ${order.version}, from ${exactTime(historical.updated_at)}. You can change only the current version.`),
      h('a', { id: 'back-to-now', class: 'button small', href: `${view('orders/')}${order.order_id}` }, 'Back to the current version'));
  }

  // Changes that others make

  function receive(event) {
    if (!order || event.subject !== order.order_id) return;
    latest = Math.max(latest, event.orderversion);
    if (!writing) catchUp();
  }

  function catchUp() {
    if (latest <= order.version) return;
    if (!historical && (drafts.size > 0 || adder.hasInput() || document.querySelector('dialog[open]'))) return showChangeNotice();
    refreshing ??= refresh().finally(() => {
      refreshing = null;
      if (!writing) catchUp();
    });
  }

  function showChangeNotice() {
    const unsaved = drafts.size > 0 ? ' If you show it, you lose the quantities that you have not saved.' : '';
    changeNotice.replaceChildren(notice('info', `Somebody else changed this order. You see version ${order.version}; the current version is ${latest}.${unsaved}`,
      h('button', { id: 'show-changes', type: 'button', class: 'button small', click: (event) => busy(event.currentTarget, reload) }, 'Show the current version')));
  }

  async function refresh() {
    try {
      const [current, newer] = await Promise.all([api.getOrder(id, { signal }), api.getEvents(id, events.at(-1)?.orderversion ?? 0, signal)]);
      const known = order.version;
      order = usable(current);
      latest = Math.max(latest, known);
      if (latest > current.version) latest = current.version;
      events.push(...newer.filter((event) => event.orderversion > (events.at(-1)?.orderversion ?? 0)));
      changeNotice.replaceChildren();
      render();
      if (current.version > known) head.firstElementChild.classList.add('flash');
    } catch { /* the next event or the next connection reads it again */ }
  }

  function reload() {
    drafts.clear();
    return refresh();
  }

  // Changes that the user makes: one at a time, because each makes a new version

  // `showRefusal` returns whether it showed the problem; otherwise a message shows it.
  async function write(button, change, message, showRefusal = () => false) {
    if (writing) return false;
    writing = true;
    let done = false;
    await busy(button, async () => {
      try {
        order = await change(order.version);
        done = true;
        events.push(...await api.getEvents(id, events.at(-1)?.orderversion ?? 0, signal));
        if (message) toast(message);
      } catch (problem) {
        if (done || signal.aborted) return;
        if (problem.status === 412) await showConflict(problem);
        else if (!showRefusal(problem)) toast(describe(problem), 'alarm');
      }
    });
    writing = false;
    if (done) {
      changeNotice.replaceChildren();
      render();
    }
    catchUp();
    return done;
  }

  async function showConflict(problem) {
    const newer = await api.getEvents(id, order.version, signal).catch(() => []);
    const changes = inWords([...events.filter((event) => event.orderversion <= order.version), ...newer]).slice(-newer.length);
    latest = Math.max(latest, problem.currentVersion ?? 0);
    document.querySelector('dialog[open]:not(#sign-in-dialog)')?.close();
    conflictDialog({ shown: order.version, current: problem.currentVersion ?? newer.at(-1)?.orderversion, changes: newer.length > 0 ? changes.map(({ words }) => words) : [], reload });
  }

  function draft(item, quantity) {
    if (quantity === item.quantity) drafts.delete(item.line);
    else drafts.set(item.line, quantity);
    if (!writing) catchUp();
  }

  function save(button, item, row) {
    const quantity = row.quantity();
    return write(button, async (version) => {
      const changed = await api.changeQuantity(id, version, item.line, quantity);
      drafts.delete(item.line);
      return changed;
    }, `The quantity of ${item.name} is now ${quantity}.`, (problem) => {
      if (problem.errors.length === 0) return false;
      row.fail(problem.errors[0].detail);
      row.input.focus();
      return true;
    });
  }

  function remove(button, item) {
    return write(button, async (version) => {
      const changed = await api.removeItem(id, version, item.line);
      drafts.delete(item.line);
      return changed;
    }, `${plural(item.quantity, 'unit')} of ${item.name} removed.`);
  }

  async function add(button, body) {
    const done = await write(button, (version) => api.addItem(id, version, body), 'Item added.', (problem) => adder.showErrors(problem));
    if (done) adder.clear();
  }

  function place(button) {
    return write(button, (version) => api.placeOrder(id, version), 'The order is placed.');
  }

  function fulfil(button) {
    return write(button, (version) => api.fulfilOrder(id, version), 'The order is fulfilled.');
  }

  function cancel() {
    cancelDialog((button, reason, showRefusal) => write(button, (version) => api.cancelOrder(id, version, reason), 'The order is cancelled.', showRefusal));
  }
}
