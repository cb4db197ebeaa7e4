// Dialogs. Each is created when it opens and removed when it closes. The browser closes it on Escape and restores the focus.

import { describe, h, icon, notice, setting } from './dom.js';

function open(heading, content, buttons) {
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-heading' },
    h('div', { class: 'dialog-head' }, h('h2', { id: 'dialog-heading' }, heading),
      h('button', { type: 'button', class: 'button plain square', 'aria-label': 'Close', click: () => dialog.close() }, icon('x'))),
    content, h('div', { class: 'buttons end' }, buttons));
  dialog.addEventListener('close', () => dialog.remove());
  // A press on the backdrop targets the dialog itself.
  dialog.addEventListener('pointerdown', (event) => {
    const box = dialog.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (event.target === dialog && !inside) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

const KEYS = [
  [['n'], 'New order'],
  [['/'], 'Search'],
  [['j'], ['↓'], 'Next order in the list'],
  [['k'], ['↑'], 'Previous order in the list'],
  [['Enter'], 'Open the selected order'],
  [['g', 'l'], 'Back to the list'],
  [['?'], 'Show this help'],
  [['Esc'], 'Close the dialog'],
];

// `offSetting` is the name of the setting that turns the keys off.
export function helpDialog(offSetting) {
  const off = setting.get(offSetting) === '1';
  const use = h('input', { type: 'checkbox', id: 'use-keys', checked: !off, change: () => setting.set(offSetting, use.checked ? '0' : '1') });
  const rows = KEYS.map((row) => {
    const alternatives = row.slice(0, -1).map((keys) => keys.map((key) => h('kbd', {}, key)));
    return h('div', {}, h('dt', {}, alternatives.flatMap((keys, at) => (at === 0 ? keys : [' or ', ...keys]))), h('dd', {}, row.at(-1)));
  });
  const done = h('button', { type: 'button', class: 'button', click: () => dialog.close() }, 'Done');
  const dialog = open('Keyboard shortcuts', h('div', {}, h('dl', { class: 'keys' }, rows),
    h('p', {}, h('label', { class: 'check', for: 'use-keys' }, use, 'Use these keys outside text fields'))), [done]);
}

// `cancel(button, reason, showRefusal)` cancels the order and returns whether it did. The dialog shows a refusal.
export function cancelDialog(cancel) {
  const failure = h('div', { class: 'failure' });
  const reason = h('textarea', { id: 'cancel-reason', rows: '3', maxlength: '500', autofocus: true, 'aria-describedby': 'cancel-hint' });
  const keep = h('button', { id: 'cancel-keep', type: 'button', class: 'button', click: () => dialog.close() }, 'Keep the order');
  const confirm = h('button', { id: 'cancel-confirm', type: 'submit', class: 'button danger' }, 'Cancel the order');
  const form = h('form', { id: 'cancel-form', submit: async (event) => {
    event.preventDefault();
    failure.replaceChildren();
    const done = await cancel(confirm, reason.value.trim().replace(/\s+/g, ' '), (problem) => {
      failure.replaceChildren(notice('alarm', describe(problem)));
      return true;
    });
    if (done) dialog.close();
  } }, h('div', { class: 'field' }, h('label', { for: 'cancel-reason' }, 'Reason (optional)'), reason,
    h('p', { class: 'hint', id: 'cancel-hint' }, 'Up to 500 characters. The order history shows it.')), failure);
  confirm.setAttribute('form', 'cancel-form');
  const dialog = open('Cancel this order?', h('div', {}, h('p', {}, 'You cannot reopen a cancelled order.'), form), [keep, confirm]);
}

// `shown` and `current` are versions; `changes` are the texts of the events between them.
export function conflictDialog({ shown, current, changes, reload }) {
  const stay = h('button', { id: 'conflict-stay', type: 'button', class: 'button', click: () => dialog.close() }, 'Not now');
  const showCurrent = h('button', { id: 'conflict-reload', type: 'button', class: 'button primary', autofocus: true, click: () => {
    reload();
    dialog.close();
  } }, 'Show the current version');
  const dialog = open('Somebody else changed this order', h('div', {},
    h('p', {}, `Your change was not saved. You see version ${shown}; the current version is ${current}.`),
    changes.length > 0 && h('p', { class: 'quiet' }, 'Changes since then:'),
    h('ul', { class: 'changes' }, changes.map((text) => h('li', {}, text)))), [stay, showCurrent]);
  dialog.id = 'conflict';
}
