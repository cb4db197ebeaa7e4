use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{app::Product, domain::Sku};

use super::product::{ProductError, product};

/// An answer of the pricing service that is not as docs/API.md has it.
#[derive(Debug, thiserror::Error)]
pub(super) enum MalformedAnswer {
    #[error("it is not {{\"products\": [{{sku, name, price, currency}}]}}")]
    Json(#[from] serde_json::Error),
    #[error("its product {sku:?} is not one")]
    Product { sku: String, source: ProductError },
    #[error("it has {0}, which was not asked for")]
    NotAskedFor(Sku),
    #[error("it has {0} twice")]
    Twice(Sku),
}

// Unknown fields are no mistake: the service may tell others more than we need.
#[derive(Deserialize)]
struct Answer {
    products: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    sku: String,
    name: String,
    price: String,
    currency: String,
}

/// The products of an answer. Without `asked`, it may have any.
pub(super) fn parse(body: &[u8], asked: Option<&[Sku]>) -> Result<BTreeMap<Sku, Product>, MalformedAnswer> {
    let answer: Answer = serde_json::from_slice(body)?;
    let mut products = BTreeMap::new();
    for Entry { sku, name, price, currency } in answer.products {
        let product =
            product(&sku, &name, &price, &currency).map_err(|source| MalformedAnswer::Product { sku, source })?;
        if asked.is_some_and(|asked| !asked.contains(&product.sku)) {
            return Err(MalformedAnswer::NotAskedFor(product.sku));
        }
        if let Some(twice) = products.insert(product.sku.clone(), product) {
            return Err(MalformedAnswer::Twice(twice.sku));
        }
    }
    Ok(products)
}
