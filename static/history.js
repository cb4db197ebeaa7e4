// The history of an order: one line of text for each event.

import { view } from './api.js';
import { h, money, plural, time } from './dom.js';

// How the actors of events are known.
const KINDS = { api_key: 'key', user: 'user' };

const FIRST = 25; // the page shows older events on demand

// Every event type of the API and its text. The functions receive the event's data, and the item of the data's line.
// tests/browser/texts.rs fails if a type is missing.
export const EVENT_TEXTS = {
  'order.created.v1': (data) => `Created for ${data.customer_id} in ${data.currency}`,
  'order.item_added.v1': (data) => `${data.quantity} × ${data.name ?? data.sku} added at ${money(data.price, data.currency)}`,
  'order.quantity_changed.v1': (data, item) => `${item?.name ?? `Line ${data.line}`}: quantity changed${item ? ` from ${item.quantity}` : ''} to ${data.quantity}`,
  'order.item_removed.v1': (data, item) => `${item ? `${item.quantity} × ${item.name}` : `Line ${data.line}`} removed`,
  'order.placed.v1': () => 'Placed',
  'order.cancelled.v1': (data) => (data.reason ? `Cancelled: ${data.reason}` : 'Cancelled'),
  'order.fulfilled.v1': () => 'Fulfilled',
};

// A type that this release does not know shows its name.
export function inWords(events) {
  const items = new Map();
  return events.map((event) => {
    const words = EVENT_TEXTS[event.type]?.(event.data, items.get(event.data.line)) ?? event.type;
    remember(items, event);
    return { event, words };
  });
}

// Later events name only the line of an item. The event that added the item has its name.
function remember(items, { type, data }) {
  if (type === 'order.item_added.v1') items.set(data.line, { name: data.name ?? data.sku, quantity: data.quantity });
  else if (type === 'order.quantity_changed.v1' && items.has(data.line)) items.get(data.line).quantity = data.quantity;
}

export function timeline(order, events, shownVersion) {
  const entries = inWords(events).reverse();
  const list = h('ol', { class: 'timeline', id: 'history' }, entries.slice(0, FIRST).map(entry));
  const rest = entries.length - FIRST;
  const all = rest > 0 && h('button', { type: 'button', class: 'button small', click: () => {
    list.append(...entries.slice(FIRST).map(entry));
    list.children[FIRST].querySelector('a').focus();
    all.remove();
  } }, `Show ${plural(rest, 'earlier event')}`);
  return h('section', { class: 'card', id: 'history-card', 'aria-labelledby': 'history-heading' }, h('h2', { id: 'history-heading' }, 'History'), list, all);

  function entry({ event, words: text }, at) {
    const version = event.orderversion;
    const shown = shownVersion === version;
    const destination = at === 0 ? 'Show the current order' : 'Show the order at this version';
    return h('li', { class: shown || (at === 0 && !shownVersion) ? 'shown' : undefined, 'data-type': event.type },
      h('p', { class: 'what' }, text),
      h('p', { class: 'when' }, time(event.time), event.authid && h('span', { class: 'actor' }, `by ${KINDS[event.authtype] ?? event.authtype} `, h('bdi', {}, event.authid)),
        at === 0 && !shownVersion ? h('span', {}, `Version ${version}, shown here`)
          : shown ? h('span', { 'aria-current': 'true' }, `Version ${version}, shown here`)
            : h('a', { href: `${view('orders/')}${order.order_id}${at === 0 ? '' : `?as_of=${version}`}`, 'aria-label': `Version ${version}. ${destination}`, title: destination }, `Version ${version}`)));
  }
}
