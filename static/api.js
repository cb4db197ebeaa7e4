// The REST API. Every request of the page goes through `send`.

// The path in front of every path of the service, e.g. /shop behind a proxy that removes it; usually empty.
export const base = new URL('..', import.meta.url).pathname.slice(0, -1);

// Who is signed in: the answer of the service to GET /me. Null while nobody is, also where nobody has to be.
export const session = { caller: null };

// The credential is kept in the session storage of this tab, and nowhere else: it ends with the tab.
const STORED = 'orders.credential';
let unstored = null; // where the browser forbids storage

export function credential() {
  try { return sessionStorage.getItem(STORED) ?? unstored; } catch { return unstored; }
}

export function keepCredential(text) {
  unstored = text;
  try {
    if (text) sessionStorage.setItem(STORED, text);
    else sessionStorage.removeItem(STORED);
  } catch { /* it is kept in memory */ }
}

// The headers of a request, with the credential if there is one.
export const authorized = (headers, text = credential()) => (text ? { ...headers, Authorization: `Bearer ${text}` } : headers);

// Asks the user for a credential, because the service refused the one that was sent. Resolves when one is accepted. The page
// behind the question stays as it is.
export const signIn = (sent) => loadSignIn().then((module) => module.signIn(sent));

// Only a service with access control needs the module. If the service goes away at that moment, the page waits for it.
export async function loadSignIn() {
  for (;;) {
    try { return await import('./sign-in.js'); } catch { await pause(LOAD_AGAIN_MS); }
  }
}

const LOAD_AGAIN_MS = 1000;

// Whether the caller may do this.
export const can = (scope) => session.caller === null || session.caller.scopes.includes(scope);

// The order as the caller may use it.
export const usable = (order) => (can('orders:write') ? order : { ...order, allowed_actions: [] });

// The path of a view.
export const view = (path = '') => `${base}/app/${path}`;

// A restart of the service takes a few seconds. The page repeats requests for that long; each is safe to repeat.
const RETRY_AFTER_MS = [300, 700, 1500, 2500];
const LONGEST_RETRY_MS = 5000;

export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.detail ?? body.title ?? `The service returned status ${status} without an explanation. Try again; if it fails again, ask your administrator.`);
    this.status = status;
    this.code = body.code ?? '';
    this.errors = body.errors ?? [];
    this.requestId = body.request_id;
    this.currentVersion = body.current_version;
    this.retryAfter = retryAfter;
  }

  // The service may be back soon, and the request may or may not have been carried out.
  get temporary() {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

// Returns the caller that this credential belongs to. Throws a problem; its status is 401 if the service refuses the credential.
export const getCaller = (text) => sendOnce('GET', '/me', { as: text });

export const listOrders = (query, signal) => send('GET', `/orders?${new URLSearchParams(query)}`, { signal });
export const listProducts = () => send('GET', '/products').then((body) => body.products);

export function getOrder(id, { asOf, signal } = {}) {
  const query = asOf ? `?as_of=${encodeURIComponent(asOf)}` : '';
  return send('GET', order(id) + query, { signal });
}

export async function getEvents(id, after = 0, signal) {
  const events = [];
  for (let next = after; next !== null;) {
    const page = await send('GET', `${order(id)}/events?after=${next}&limit=1000`, { signal });
    events.push(...page.events);
    next = page.next_after;
  }
  return events;
}

export const createOrder = (body) => write('POST', '/orders', { body });
export const addItem = (id, version, body) => write('POST', `${order(id)}/items`, { version, body });
export const changeQuantity = (id, version, line, quantity) => write('PATCH', `${order(id)}/items/${line}`, { version, body: { quantity } });
export const removeItem = (id, version, line) => write('DELETE', `${order(id)}/items/${line}`, { version });
export const placeOrder = (id, version) => write('POST', `${order(id)}/place`, { version });
export const cancelOrder = (id, version, reason) => write('POST', `${order(id)}/cancel`, { version, body: reason ? { reason } : {} });
export const fulfilOrder = (id, version) => write('POST', `${order(id)}/fulfil`, { version });

const order = (id) => `/orders/${encodeURIComponent(id)}`;

// The idempotency key belongs to the content of a write, not to the click. While the outcome is unknown, the same
// content sends the same key, and the service carries it out once. A definite response ends the key.
const keys = new Map();

async function write(method, path, { version, body }) {
  const content = JSON.stringify([method, path, version, body]);
  if (!keys.has(content)) keys.set(content, randomKey());
  try {
    const result = await send(method, path, { version, body, key: keys.get(content) });
    keys.delete(content);
    return result;
  } catch (problem) {
    if (!problem.temporary && problem.status < 500) keys.delete(content);
    throw problem;
  }
}

// Browsers offer `crypto.randomUUID` on secure origins only.
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function send(method, path, options = {}) {
  for (let attempt = 0; ; attempt += 1) {
    const sent = credential();
    try {
      return await sendOnce(method, path, options);
    } catch (problem) {
      // The same request goes on after the user has signed in, with the same idempotency key.
      if (problem.status === 401) {
        await signIn(sent);
        continue;
      }
      if (!(problem instanceof Problem) || !problem.temporary || attempt >= RETRY_AFTER_MS.length) throw problem;
      const wait = problem.retryAfter ? problem.retryAfter * 1000 : RETRY_AFTER_MS[attempt];
      await pause(Math.min(wait, LONGEST_RETRY_MS), options.signal);
    }
  }
}

async function sendOnce(method, path, { as, body, key, version, signal }) {
  const headers = authorized({ Accept: 'application/json, application/problem+json' }, as);
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (key) headers['Idempotency-Key'] = key;
  if (version !== undefined) headers['If-Match'] = `"${version}"`;
  let response;
  let text;
  try {
    response = await fetch(base + path, { method, headers, body: body && JSON.stringify(body), signal, cache: 'no-store' });
    text = await response.text();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, { code: 'unreachable', detail: 'The service cannot be reached. Check your network, then try again. Nothing is done twice.' });
  }
  const content = parse(text);
  if (!response.ok) throw new Problem(response.status, content, Number(response.headers.get('Retry-After')) || undefined);
  return content;
}

// A proxy in front of the service may respond with a page that is not JSON.
function parse(text) {
  try { return JSON.parse(text); } catch { return {}; }
}

export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
