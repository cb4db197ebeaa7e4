// A page to take an order and to see the latest ones. Data enters the page as text only.

const form = document.querySelector('#form');
const message = document.querySelector('#message');
const rows = document.querySelector('#orders');
const more = document.querySelector('#more');
let cursor = null;

async function call(path, options) {
  const response = await fetch(path, options);
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail ?? `The service answered ${response.status}.`);
  return body;
}

function say(text, alarm = false) {
  message.textContent = text;
  message.classList.toggle('alarm', alarm);
}

function row(order) {
  const element = document.createElement('tr');
  const cells = [
    [order.order_id, 'id'],
    [order.customer_id, ''],
    [order.status, ''],
    [order.items_count, ''],
    [`${order.total_amount} ${order.currency}`, 'money'],
  ];
  for (const [text, kind] of cells) {
    const cell = element.insertCell();
    cell.textContent = text;
    cell.className = kind;
  }
  return element;
}

async function load() {
  const page = await call(cursor ? `/orders?limit=20&cursor=${cursor}` : '/orders?limit=20');
  rows.append(...page.orders.map(row));
  cursor = page.next_cursor;
  more.hidden = cursor === null;
  document.querySelector('#empty').hidden = rows.children.length > 0;
}

async function create() {
  const fields = new FormData(form);
  const item = { sku: fields.get('sku'), quantity: Number(fields.get('quantity')) };
  const order = await call('/orders', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ customer_id: fields.get('customer_id'), items: [item] }),
  });
  rows.prepend(row(order));
  document.querySelector('#empty').hidden = true;
  say(`Order ${order.order_id} is taken: ${order.total_amount} ${order.currency}.`);
}

// One request at a time: the button rests while one is under way.
async function attempt(button, action) {
  button.disabled = true;
  try {
    await action();
  } catch (error) {
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  attempt(form.querySelector('button'), create);
});
more.addEventListener('click', () => attempt(more, load));

const { products } = await call('/products');
for (const product of products) {
  form.elements.sku.append(new Option(`${product.name}, ${product.price} ${product.currency}`, product.sku));
}
await attempt(more, load);
