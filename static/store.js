// What all views share: the connection and its changes, the catalogue, and lists to come back to.
//
// One tab of the browser holds the stream and passes on what it says, because a browser opens only few connections
// to one host. The tab that holds the lock is that tab; when it goes, the next one gets the lock and goes on from
// the last position it heard of.

import { listProducts } from './api.js';
import { follow } from './stream.js';

const OFFLINE_AFTER = 6; // failed attempts
const QUIET_MS = 400; // after this long without an event, the catching up is over
const LONGEST_CATCH_UP_MS = 5000;

export const connection = { state: 'connecting', position: null, eventId: undefined };
export const visited = new Map(); // the lists that were shown, by their query

const hub = new EventTarget();
const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('orders.live') : null;
let wake = null;

// Kinds: 'state', 'change' (an event), 'caught-up' (a count), 'resync' (read everything again), 'position'.
export function on(kind, listener, signal) {
  hub.addEventListener(kind, ({ detail }) => listener(detail), { signal });
}

export function start() {
  channel?.addEventListener('message', ({ data }) => receive(data));
  tell('hello');
  if (navigator.locks) navigator.locks.request('orders.live', () => lead());
  else lead();
  addEventListener('online', () => hurry());
  addEventListener('offline', () => hurry(true));
  // A page that the browser kept and shows again has heard nothing meanwhile.
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload();
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) hurry();
  });
}

// Data that is read after this cannot miss a change: the stream was there first. If the stream is late, the page
// does not wait for it, and reads again when it comes.
let late = false;
export function streamFirst(ms = 400) {
  if (connection.position !== null) return Promise.resolve();
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

function hurry(inDoubt = false) {
  if (wake) wake(inDoubt);
  else tell('hurry', inDoubt);
}

// The promise never settles: the lock is held until the tab goes.
function lead() {
  const leaving = new AbortController();
  addEventListener('pagehide', () => leaving.abort());
  let counting = null;
  wake = follow(connection, {
    opened({ position, resumed }) {
      const wasLost = connection.state === 'reconnecting' || connection.state === 'offline';
      setPosition(position);
      setState('live');
      if (!wasLost) return;
      if (resumed) counting = startCounting(() => { counting = null; });
      else tell('resync');
    },
    event(event, position) {
      setPosition(position, event.id);
      counting?.add();
      tell('change', event);
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
    tell('caught-up', count);
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
  tell('state', state);
}

function tell(kind, detail) {
  emit(kind, detail);
  channel?.postMessage({ kind, detail, position: connection.position, eventId: connection.eventId });
}

function receive({ kind, detail, position, eventId }) {
  if (kind === 'hello') {
    if (wake) channel.postMessage({ kind: 'state', detail: connection.state, position: connection.position, eventId: connection.eventId });
  } else if (kind === 'hurry') {
    wake?.(detail);
  } else {
    if (kind === 'state') connection.state = detail;
    if (position !== null) setPosition(position, eventId);
    emit(kind, detail);
  }
}

function emit(kind, detail) {
  hub.dispatchEvent(new CustomEvent(kind, { detail }));
}
