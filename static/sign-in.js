// Signing in: loaded where a service wants to know who the caller is.

import { can, credential, getCaller, keepCredential, pause, session } from './api.js';
import { field, h } from './dom.js';

let asking = null;
let refused; // the last credential that the service refused

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 4000;

// Finds out who the caller is, however long the service is away: the tabs of two callers share nothing.
export async function begin() {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    const sent = credential();
    try {
      know(await getCaller(sent));
      return;
    } catch (problem) {
      if (problem.status === 401) {
        await signIn(sent);
        return;
      }
      await pause(problem.retryAfter ? problem.retryAfter * 1000 : wait);
    }
  }
}

// Several requests share one question.
export function signIn(sent) {
  // Another request has asked meanwhile.
  if (sent !== credential() && credential() !== refused) return Promise.resolve();
  refused = sent;
  asking ??= ask().finally(() => { asking = null; });
  return asking;
}

function ask() {
  let accepted = false;
  const input = h('input', { id: 'credential', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true, autofocus: true });
  const given = field('API key or token', input, { hint: 'It is kept in this tab only, until you sign out or close the tab.' }).name('credential');
  const button = h('button', { id: 'sign-in', type: 'submit', class: 'button primary' }, 'Sign in');
  return new Promise((resolve) => {
    const form = h('form', { submit: async (event) => {
      event.preventDefault();
      if (button.getAttribute('aria-busy') === 'true') return;
      const text = input.value.trim();
      if (!/^[!-~]+$/.test(text)) {
        given.fail('A key or token has letters, digits and signs only, without white space.');
        input.focus();
        return;
      }
      button.setAttribute('aria-busy', 'true');
      let caller;
      try {
        caller = await getCaller(text);
      } catch (problem) {
        given.fail(problem.message);
        input.focus();
        return;
      } finally {
        button.removeAttribute('aria-busy');
      }
      const before = session.caller;
      keepCredential(text);
      know(caller);
      accepted = true;
      dialog.close();
      // The page, and what the tabs share, belong to one caller. Before the first one there is nothing to lose.
      if (isSame(before, caller)) resolve();
      else location.reload();
    } }, given.element, h('div', { class: 'buttons end' }, button));
    const text = session.caller ? 'Your credential is no longer accepted. Nothing that you typed is lost.' : 'This service asks who you are.';
    const dialog = h('dialog', { id: 'sign-in-dialog', class: 'dialog', 'aria-labelledby': 'sign-in-heading' },
      h('div', { class: 'dialog-head' }, h('h2', { id: 'sign-in-heading' }, 'Sign in')), h('div', {}, h('p', {}, text), form));
    // There is nothing to see without a credential. Some browsers close a dialog on the second Escape whatever the page wants.
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    dialog.addEventListener('close', () => (accepted ? dialog.remove() : dialog.showModal()));
    document.body.append(dialog);
    dialog.showModal();
  });
}

const isSame = (one, other) => one?.tenant === other.tenant && one.kind === other.kind && one.subject === other.subject;

function know(caller) {
  session.caller = caller;
  document.documentElement.dataset.write = can('orders:write') ? 'yes' : 'no';
  const of = caller.customer_id ? `${caller.tenant}, customer ${caller.customer_id}` : caller.tenant;
  const shown = document.getElementById('caller');
  shown.replaceChildren(h('span', { class: 'hidden-text' }, 'Signed in as '), h('bdi', {}, caller.subject ?? caller.kind), h('span', { class: 'quiet' }, ' at '), h('bdi', {}, of));
  shown.hidden = false;
  document.getElementById('sign-out').hidden = false;
}
