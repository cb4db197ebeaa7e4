// The frame of every page: it shows the view of the address, the state of the connection, and handles keys.

import { base, can, credential, keepCredential, loadSignIn, view } from './api.js';
import { connection, on, start } from './store.js';
import { h, plural, setting, title, toast } from './dom.js';
import listView from './list.js';

const main = document.getElementById('main');
const STATES = { 'not-live': 'Not live', connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting', offline: 'Offline' };

const ROUTES = [
  [/^\/app\/?(index\.html)?$/, async () => listView],
  [/^\/app\/new$/, () => import('./new.js').then((module) => module.default)],
  [/^\/app\/orders\/([^/]+)$/, () => import('./order.js').then((module) => module.default)],
];

let leaving = new AbortController();

// A view receives {url, id, signal, navigate}. The signal aborts when the user leaves the view.
async function show({ focus = true, scroll = 0 } = {}) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const url = new URL(location.href);
  try {
    const [page, id] = await findView(url.pathname);
    if (signal.aborted) return;
    // A new filter shows the same view again. The focus stays where it was.
    const focused = focus === 'same' ? document.activeElement.id : '';
    main.replaceChildren(page({ url, id, signal, navigate }));
    scrollTo(0, scroll);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    else if (focus) main.querySelector('h1')?.focus({ preventScroll: true });
  } catch {
    if (!signal.aborted) main.replaceChildren(unreachable());
  }
}

async function findView(path) {
  for (const [pattern, load] of ROUTES) {
    const match = pattern.exec(path.slice(base.length));
    if (match) return [await load(), match[1] && decodeURIComponent(match[1])];
  }
  return [() => missing(), undefined];
}

function missing() {
  title('Page not found');
  return h('div', { class: 'empty' }, h('h1', { tabindex: '-1' }, 'Page not found'), h('p', {}, 'Check the address, or go to the list of orders.'), h('a', { class: 'button primary', href: view() }, 'All orders'));
}

function unreachable() {
  return h('div', { class: 'empty' }, h('h1', {}, 'The page could not be loaded'), h('p', {}, 'The service may be restarting. Try again in a moment.'),
    h('button', { class: 'button primary', type: 'button', click: () => location.reload() }, 'Try again'));
}

export function navigate(href, { replace = false } = {}) {
  const from = location.pathname;
  if (replace) history.replaceState(null, '', href);
  else {
    history.replaceState({ scroll: scrollY }, '');
    history.pushState(null, '', href);
  }
  show({ focus: from === location.pathname ? 'same' : true });
}

document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest('a[href]');
  if (!link || link.origin !== location.origin || !link.pathname.startsWith(view()) || link.hash || link.target) return;
  event.preventDefault();
  navigate(link.href);
});
addEventListener('popstate', ({ state }) => show({ scroll: state?.scroll ?? 0 }));
history.scrollRestoration = 'manual';

const indicator = document.getElementById('connection');
const showState = (state) => {
  indicator.dataset.state = state;
  if (indicator.textContent !== STATES[state]) indicator.textContent = STATES[state];
};
on('state', showState);
on('caught-up', (count) => toast(count === 0 ? 'Connected again. There were no changes.' : `Connected again. ${plural(count, 'change')} loaded.`));

// Keyboard shortcuts. The help can turn them off, because speech input may type single letters.
const NO_KEYS = 'orders.no-keys';
let afterG = 0;

document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest('input, textarea, select, [contenteditable], dialog') || document.querySelector('dialog[open]')) return;
  if (setting.get(NO_KEYS) === '1') return;
  if (handleKey(event.key)) event.preventDefault();
});

// Returns whether the key is a shortcut here.
function handleKey(key) {
  const goToList = key === 'l' && performance.now() - afterG < 1500;
  afterG = key === 'g' ? performance.now() : 0;
  if (goToList) navigate(view());
  else if (key === 'n' && can('orders:write')) navigate(view('new'));
  else if (key === '/') search();
  else if (key === '?') openHelp();
  else if (key === 'j' || key === 'ArrowDown') return focusOrder(1);
  else if (key === 'k' || key === 'ArrowUp') return focusOrder(-1);
  else return false;
  return true;
}

async function search() {
  if (!document.getElementById('search')) {
    history.pushState(null, '', view());
    await show();
  }
  document.getElementById('search').focus();
}

// Returns false where there is no list: there the arrow keys scroll.
function focusOrder(step) {
  const links = [...document.querySelectorAll('.orders .row-link')];
  if (links.length === 0) return false;
  const at = links.indexOf(document.activeElement);
  links[Math.max(0, Math.min(links.length - 1, at + step))].focus();
  return true;
}

async function openHelp() {
  const { helpDialog } = await import('./dialogs.js');
  helpDialog(NO_KEYS);
}
document.getElementById('help').addEventListener('click', openHelp);

document.getElementById('sign-out').addEventListener('click', () => {
  keepCredential(null);
  location.reload();
});

// Without a credential the first request shows whether the service wants one.
const known = credential() ? loadSignIn().then((module) => module.begin()) : Promise.resolve();

showState(connection.state);
known.then(() => {
  start();
  // The view may offer what the caller may not do.
  if (!can('orders:write')) show({ focus: false });
});
show({ focus: false });
