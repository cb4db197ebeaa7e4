"""What a program does with the Python client that is generated from the OpenAPI document. Usage: client.py URL NUMBER-OF-EVENTS

The service has a product and an event type that the document does not name."""

import sys
import uuid

from orders_client import Client
from orders_client.api.events import read_events
from orders_client.api.orders import add_item, create_order, get_history, get_order, list_orders, place_order
from orders_client.api.products import list_products
from orders_client.models.item import Item
from orders_client.models.new_item import NewItem
from orders_client.models.new_order import NewOrder

url, events_before = sys.argv[1], int(sys.argv[2])
client = Client(base_url=url)


def check(is_right, *what):
    if not is_right:
        raise SystemExit(f"{what}")


products = [product.sku for product in list_products.sync(client=client).products]
check("ROBOTARM01" in products, products)

# The new product, in lower case.
body = NewOrder(customer_id="python", items=[NewItem(sku="robotarm01", quantity=2)])
created = create_order.sync_detailed(client=client, body=body, idempotency_key=str(uuid.uuid4()))
check(created.status_code == 201, created)
order = created.parsed
check([(item.sku, item.quantity) for item in order.items] == [("ROBOTARM01", 2)], order)

added = add_item.sync(order.order_id, client=client, body=NewItem(sku="MOUSE456", quantity=1), if_match=f'"{order.version}"')
check(all(isinstance(item, Item) for item in added.items) and added.version == order.version + 1, added)
placed = place_order.sync(order.order_id, client=client)
check(placed.status == "placed" and placed.disallowed_actions, placed)
check(get_order.sync(order.order_id, client=client).version == placed.version)
check(order.order_id in [listed.order_id for listed in list_orders.sync(client=client).orders])

# A page with events before and behind the one of the unknown type.
page = read_events.sync(client=client, limit=1000)
types = [event.type_ for event in page]
check(types.index("order.noted.v1") in range(1, len(types) - 1), types)
check([event.sequence for event in page] == [f"{n + 1:019}" for n in range(events_before + 4)], page)
check(page[types.index("order.noted.v1")].data["note"] == "too small", page)
history = get_history.sync(order.order_id, client=client).events
check([event.orderversion for event in history] == [1, 2, 3, 4], history)

unknown = NewOrder(customer_id="python", items=[NewItem(sku="NOSUCHSKU1", quantity=1)])
refused = create_order.sync_detailed(client=client, body=unknown)
check((refused.status_code, refused.parsed.code) == (422, "unknown_product"), refused)
