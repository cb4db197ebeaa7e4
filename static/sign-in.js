// Signing in: loaded where a service wants to know who the caller is.

import { base, can, credential, keepCredential, session } from './api.js';
import { field, h } from './dom.js';

let asking = null;
let refused; // the last credential that the service refused

// Finds out who the caller is. While the service is away, nobody knows; every later request asks again.
export async function begin() {
  const sent = credential();
  const answer = await who(sent).catch(() => null);
  if (answer?.caller) know(answer.caller);
  else if (answer) await signIn(sent);
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
  const input = h('input', { id: 'credential', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true, autofocus: true });
  const given = field('API key or token', input, { hint: 'It is kept in this tab only, until you sign out or close the tab.' }).name('credential');
  const button = h('button', { id: 'sign-in', type: 'submit', class: 'button primary' }, 'Sign in');
  return new Promise((resolve) => {
    const form = h('form', { submit: async (event) => {
      event.preventDefault();
      if (button.getAttribute('aria-busy') === 'true') return;
      button.setAttribute('aria-busy', 'true');
      const text = input.value.trim();
      const answer = await who(text).catch(() => ({ problem: 'The service cannot be reached. Try again in a moment.' }));
      button.removeAttribute('aria-busy');
      if (!answer.caller) {
        given.fail(answer.problem);
        input.focus();
        return;
      }
      const before = session.caller;
      keepCredential(text);
      know(answer.caller);
      dialog.close();
      // The page, and what the tabs share, belong to one caller. Before the first one there is nothing to lose.
      if (isSame(before, answer.caller)) resolve();
      else location.reload();
    } }, given.element, h('div', { class: 'buttons end' }, button));
    const text = session.caller ? 'Your credential is no longer accepted. Nothing that you typed is lost.' : 'This service asks who you are.';
    const dialog = h('dialog', { id: 'sign-in-dialog', class: 'dialog', 'aria-labelledby': 'sign-in-heading' },
      h('div', { class: 'dialog-head' }, h('h2', { id: 'sign-in-heading' }, 'Sign in')), h('div', {}, h('p', {}, text), form));
    // There is nothing to see without a credential.
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  });
}

const isSame = (one, other) => one?.tenant === other.tenant && one.kind === other.kind && one.subject === other.subject;

// {caller} if the service accepts the credential, or {problem}. Fails if the service does not answer.
async function who(text) {
  const response = await fetch(`${base}/me`, { headers: { Accept: 'application/json, application/problem+json', Authorization: `Bearer ${text}` }, cache: 'no-store' });
  const body = await response.json().catch(() => ({}));
  if (response.ok) return { caller: body };
  if (response.status >= 500) throw new Error(`The service returned ${response.status}.`);
  return { problem: body.detail ?? 'The service does not accept it.' };
}

function know(caller) {
  session.caller = caller;
  document.documentElement.dataset.write = can('orders:write') ? 'yes' : 'no';
  const of = caller.customer_id ? `${caller.tenant}, customer ${caller.customer_id}` : caller.tenant;
  const shown = document.getElementById('caller');
  shown.replaceChildren(h('span', { class: 'hidden-text' }, 'Signed in as '), h('bdi', {}, caller.subject ?? caller.kind), h('span', { class: 'quiet' }, ' at '), h('bdi', {}, of));
  shown.hidden = false;
  document.getElementById('sign-out').hidden = false;
}
