// Builds elements, texts and messages. Data enters the page as text nodes and attributes only; nothing parses HTML.

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

export const hiddenText = (text) => h('span', { class: 'hidden-text' }, text);

export function title(text) {
  document.title = `${text} · Orders`;
}

// Amounts are decimal strings. As numbers they could lose digits.
export function money(amount, currency) {
  const [whole, cents] = String(amount).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return `${grouped}${cents === undefined ? '' : `.${cents}`}${currency ? ` ${currency}` : ''}`;
}

export const plural = (count, one, many = `${one}s`) => `${money(count)} ${count === 1 ? one : many}`;

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const STEPS = [[60, 1, 'second'], [3600, 60, 'minute'], [86400, 3600, 'hour'], [7 * 86400, 86400, 'day']];

function ago(iso) {
  const seconds = (Date.now() - Date.parse(iso)) / 1000;
  if (seconds < 45) return 'just now';
  const step = STEPS.find(([limit]) => seconds < limit);
  return step ? relative.format(-Math.max(1, Math.round(seconds / step[1])), step[2]) : day.format(Date.parse(iso));
}

export function time(iso) {
  return h('time', { datetime: iso, title: exact.format(Date.parse(iso)) }, ago(iso));
}

export const exactTime = (iso) => exact.format(Date.parse(iso));

setInterval(() => {
  for (const element of document.querySelectorAll('time')) {
    const text = ago(element.dateTime);
    if (element.textContent !== text) element.textContent = text;
  }
}, 15000);

// Every status of the API and its label. The status also names the icon (#i-...) and the chip's class.
// tests/browser/texts.rs fails if a status is missing.
export const STATUSES = { open: 'Open', placed: 'Placed', fulfilled: 'Fulfilled', cancelled: 'Cancelled' };

export function statusChip(status) {
  const known = status in STATUSES;
  return h('span', { class: `chip ${known ? status : ''}` }, known && icon(status), STATUSES[status] ?? status);
}

export function copyButton(text, what) {
  const button = h('button', { type: 'button', class: 'button plain square small', 'aria-label': `Copy ${what}`, title: `Copy ${what}`, click: copy }, icon('copy'));
  return button;

  async function copy() {
    const copied = await toClipboard(text);
    toast(copied ? `Copied ${what}.` : `The browser blocked the copy. Select ${what} and copy it yourself.`);
    if (!copied) return;
    button.replaceChildren(icon('check'));
    setTimeout(() => button.replaceChildren(icon('copy')), 1500);
  }
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Browsers offer the clipboard on secure origins only. Elsewhere the page copies from a text field.
    const area = h('textarea', { class: 'hidden-text' }, text);
    document.body.append(area);
    const focused = document.activeElement;
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    focused?.focus();
    return copied;
  }
}

// The browser may forbid storage. The page then works without stored settings.
export const setting = {
  get(key) {
    try { return localStorage.getItem(key); } catch { return null; }
  },
  set(key, value) {
    try { localStorage.setItem(key, value); } catch { /* the setting is lost on reload */ }
  },
};

const TOAST_MS = 5000;

export function toast(text, kind = 'note') {
  const message = h('div', { class: `toast ${kind}` }, icon(kind === 'alarm' ? 'alert' : 'check'), h('p', {}, text),
    h('button', { type: 'button', class: 'button plain square small', 'aria-label': 'Close this message', click: () => message.remove() }, icon('x')));
  const toasts = document.getElementById('toasts');
  toasts.append(message);
  while (toasts.children.length > 3) toasts.firstElementChild.remove();
  // Alarms stay until the user closes them. Other messages stay while the pointer or the focus is on them.
  if (kind === 'alarm') return;
  const expire = () => (message.matches(':hover, :focus-within') ? setTimeout(expire, 2000) : message.remove());
  setTimeout(expire, TOAST_MS);
}

// Runs the action once: a second click does nothing while the first action runs.
export async function busy(button, action) {
  if (button.getAttribute('aria-busy') === 'true' || button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-busy', 'true');
  try {
    await action();
  } finally {
    button.removeAttribute('aria-busy');
  }
}

export function notice(kind, text, ...more) {
  return h('div', { class: `notice ${kind}`, role: kind === 'alarm' ? 'alert' : undefined }, icon(kind === 'alarm' ? 'alert' : 'history'), h('p', {}, text), ...more);
}

export function describe(problem) {
  return problem.requestId ? `${problem.message} (request ${problem.requestId})` : problem.message;
}

// A field with its label, a hint and a place for an error. The place exists before the error, so that screen readers announce it.
export function field(label, control, { hint, compact } = {}) {
  const error = h('p', { class: 'error' });
  const note = hint && h('p', { class: 'hint' }, hint);
  const text = h('label', { class: compact ? 'hidden-text' : undefined }, label);
  const element = h('div', { class: 'field' }, text, control.root ?? control, note, error);
  const input = control.input ?? control;
  input.addEventListener('input', () => fail(''));
  return { element, input, fail, name };

  // The user can remove rows of a form. The rows below move up and get new ids.
  function name(id) {
    input.id = id;
    text.htmlFor = id;
    error.id = `${id}-error`;
    if (note) note.id = `${id}-hint`;
    describeBy();
    return this;
  }

  function fail(message) {
    error.textContent = message;
    input.toggleAttribute('aria-invalid', message !== '');
    if (message) input.setAttribute('aria-invalid', 'true');
    describeBy();
  }

  function describeBy() {
    const ids = [note?.id, error.textContent && error.id].filter(Boolean);
    if (ids.length > 0) input.setAttribute('aria-describedby', ids.join(' '));
    else input.removeAttribute('aria-describedby');
  }
}
