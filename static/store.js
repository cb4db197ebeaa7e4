// The state that all views share: the live connection and its changes, the catalogue, and the visited lists.
//
// A browser opens only a few connections to one host. So one tab, the leader, reads the stream and broadcasts the
// events to the other tabs. The leader is the tab that holds the lock. When it closes, the next tab gets the lock and
// resumes from the last position that it received.

import { can, listProducts, session } from './api.js';
import { follow } from './stream.js';

const OFFLINE_AFTER = 6; // failed attempts
const QUIET_MS = 400; // the stream has caught up after this long without an event
const LONGEST_CATCH_UP_MS = 5000;

export const connection = { state: 'connecting', position: null, eventId: undefined };
export const visited = new Map(); // the lists that the user visited, by their query

const hub = new EventTarget();
let channel = null;
let reconnect = null; // in the leader only

// Kinds: 'state', 'change' (an event), 'caught-up' (a count), 'resync' (read everything again), 'position'.
export function on(kind, listener, signal) {
  hub.addEventListener(kind, ({ detail }) => listener(detail), { signal });
}

// For one caller: the tabs of another one have other events.
export function start() {
  const { caller } = session;
  if (!can('events:read') || caller?.customer_id) {
    setState('not-live');
    return;
  }
  const name = caller ? `orders.live ${caller.tenant}/${caller.kind}/${caller.subject}` : 'orders.live';
  channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel(name) : null;
  channel?.addEventListener('message', ({ data }) => receive(data));
  broadcast('hello');
  if (navigator.locks) navigator.locks.request(name, () => lead());
  else lead();
  addEventListener('online', () => checkConnection());
  addEventListener('offline', () => checkConnection(true));
  // The browser may show a page again that it kept in its cache. That page has received no events in the meantime.
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload();
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) checkConnection();
  });
}

// Waits until the stream is open. Data that a view reads afterwards cannot miss a change. If the stream takes longer
// than `ms`, the view reads its data first, and again when the stream opens.
let late = false;
export function streamFirst(ms = 400) {
  if (connection.position !== null || connection.state === 'not-live') return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => { late = true; resolve(); }, ms);
    hub.addEventListener('position', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

let catalogue = null;
export function products() {
  catalogue ??= listProducts().catch((error) => {
    catalogue = null;
    throw error;
  });
  return catalogue;
}

function checkConnection(inDoubt = false) {
  if (reconnect) reconnect(inDoubt);
  else broadcast('check', inDoubt);
}

// Makes this tab the leader. The promise never settles, so the tab holds the lock until it closes.
function lead() {
  const leaving = new AbortController();
  addEventListener('pagehide', () => leaving.abort());
  let counting = null;
  reconnect = follow(connection, {
    opened({ position, resumed }) {
      const wasLost = connection.state === 'reconnecting' || connection.state === 'offline';
      setPosition(position);
      setState('live');
      if (!wasLost) return;
      if (resumed) counting = startCounting(() => { counting = null; });
      else broadcast('resync');
    },
    event(event, position) {
      setPosition(position, event.id);
      counting?.add();
      broadcast('change', event);
    },
    retired() {
      connection.position = null;
    },
    lost(failures) {
      setState(failures >= OFFLINE_AFTER || navigator.onLine === false ? 'offline' : 'reconnecting');
    },
  }, leaving.signal);
  return new Promise(() => {});
}

function startCounting(done) {
  let count = 0;
  const began = performance.now();
  const finish = () => {
    done();
    broadcast('caught-up', count);
  };
  let timer = setTimeout(finish, QUIET_MS);
  return {
    add() {
      count += 1;
      if (performance.now() - began > LONGEST_CATCH_UP_MS) return;
      clearTimeout(timer);
      timer = setTimeout(finish, QUIET_MS);
    },
  };
}

function setPosition(position, eventId = connection.eventId) {
  const first = connection.position === null;
  connection.position = position;
  connection.eventId = eventId;
  if (first) emit('position');
  if (first && late) {
    late = false;
    emit('resync');
  }
}

function setState(state) {
  connection.state = state;
  broadcast('state', state);
}

// To the views of this tab and to the other tabs.
function broadcast(kind, detail) {
  emit(kind, detail);
  channel?.postMessage({ kind, detail, position: connection.position, eventId: connection.eventId });
}

function receive({ kind, detail, position, eventId }) {
  if (kind === 'hello') {
    if (reconnect) channel.postMessage({ kind: 'state', detail: connection.state, position: connection.position, eventId: connection.eventId });
  } else if (kind === 'check') {
    reconnect?.(detail);
  } else {
    if (kind === 'state') connection.state = detail;
    if (position !== null) setPosition(position, eventId);
    emit(kind, detail);
  }
}

function emit(kind, detail) {
  hub.dispatchEvent(new CustomEvent(kind, { detail }));
}
