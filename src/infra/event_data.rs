//! The `data` of each event as JSON: what the log stores, and what every reader of the log gets.

use serde::Serialize;

use crate::domain::Fact;

#[derive(Serialize)]
struct OrderCreated<'a> {
    customer_id: &'a str,
    currency: &'a str,
}

#[derive(Serialize)]
struct ItemAdded<'a> {
    line: u32,
    sku: &'a str,
    name: &'a str,
    quantity: u16,
    /// Of one unit, with the decimals of the currency.
    price: String,
    currency: &'a str,
}

pub(crate) fn encode(fact: &Fact) -> Result<String, serde_json::Error> {
    match fact {
        Fact::OrderCreated { customer_id, currency } => {
            serde_json::to_string(&OrderCreated { customer_id: customer_id.as_str(), currency: currency.code() })
        }
        Fact::ItemAdded { line, sku, name, quantity, unit_price } => serde_json::to_string(&ItemAdded {
            line: *line,
            sku: sku.as_str(),
            name: name.as_str(),
            quantity: quantity.get(),
            price: unit_price.to_string(),
            currency: unit_price.currency().code(),
        }),
    }
}
