// What a program does with the TypeScript client that is generated from the OpenAPI document.
// Usage: client.mjs URL NUMBER-OF-EVENTS
// The service has a product and an event type that the document does not name.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const [url, eventsBefore] = [process.argv[2]!, Number(process.argv[3])];
const client = createClient<paths>({ baseUrl: url });

function check(isRight: boolean, ...what: unknown[]): void {
    if (!isRight) throw new Error(JSON.stringify(what));
}

function given<T>(answer: { data?: T; error?: unknown }): T {
    if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
    return answer.data;
}

const { products } = given(await client.GET("/products"));
check(products.some(({ sku }) => sku === "ROBOTARM01"), products);

// The new product, in lower case.
const body: components["schemas"]["NewOrder"] = {
    customer_id: "typescript",
    currency: "EUR",
    items: [{ sku: "robotarm01", quantity: 2 }],
};
const order = given(
    await client.POST("/orders", { body, params: { header: { "Idempotency-Key": crypto.randomUUID() } } }),
);
check(order.items.length === 1 && order.items[0]!.sku === "ROBOTARM01", order);

const path = { order_id: order.order_id };
const added = given(
    await client.POST("/orders/{order_id}/items", {
        params: { path, header: { "If-Match": `"${order.version}"` } },
        body: { sku: "MOUSE456", quantity: 1 },
    }),
);
check(added.items.length === 2 && added.version === order.version + 1, added);
const placed = given(await client.POST("/orders/{order_id}/place", { params: { path } }));
check(placed.status === "placed" && placed.disallowed_actions.length > 0, placed);
const read = given(await client.GET("/orders/{order_id}", { params: { path } }));
check(read.version === placed.version, read);
const { orders } = given(await client.GET("/orders"));
check(orders.some((listed) => listed.order_id === order.order_id), orders);

// A page with events before and behind the one of the unknown type.
const page = given(await client.GET("/events", { params: { query: { limit: 1000 } } }));
const unknown = page.findIndex((event) => event.type === "order.noted.v1");
check(unknown > 0 && unknown < page.length - 1, page);
check(page.every((event, n) => event.sequence === String(n + 1).padStart(19, "0")) && page.length === eventsBefore + 4, page);
check((page[unknown]!.data as Record<string, unknown>)["note"] === "too small", page);
const { events } = given(await client.GET("/orders/{order_id}/events", { params: { path } }));
check(events.map((event) => event.orderversion).join() === "1,2,3,4", events);

const refused = await client.POST("/orders", { body: { ...body, items: [{ sku: "NOSUCHSKU1", quantity: 1 }] } });
check(refused.response.status === 422 && refused.error?.code === "unknown_product", refused.error);
