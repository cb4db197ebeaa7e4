//! The orders in the examples of the OpenAPI document.

use serde_json::{Value, json};

use crate::domain::{Action, OrderRules, Status};

pub(super) fn summary_example() -> Value {
    let is_allowed = |action: &Action| action.check(Status::Open, 1, OrderRules::DEFAULT).is_ok();
    let allowed: Vec<&str> = Action::ALL.into_iter().filter(is_allowed).map(Action::as_str).collect();
    json!({
        "order_id": "01890a5d-ac96-774b-bcce-b302099a8057", "customer_id": "customer-7", "status": "open",
        "currency": "EUR", "items_count": 1, "units_count": 1, "total_amount": "999.99", "version": 2,
        "created_at": "2026-01-31T12:00:00Z", "updated_at": "2026-01-31T12:00:00Z",
        "allowed_actions": allowed,
    })
}

pub(super) fn order_example() -> Value {
    let item = json!({
        "line": 1, "sku": "LAPTOP123", "name": "Laptop", "quantity": 1, "price": "999.99", "subtotal": "999.99",
    });
    let mut example = summary_example();
    if let Some(order) = example.as_object_mut() {
        let fulfil = json!({
            "action": "fulfil", "code": "order_not_placed",
            "reason": "The order is open; it can be fulfilled only while it is placed.",
        });
        order.insert("disallowed_actions".to_owned(), json!([fulfil]));
        order.insert("items".to_owned(), json!([item]));
    }
    example
}
