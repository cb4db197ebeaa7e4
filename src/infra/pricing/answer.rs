use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{app::Product, domain::Sku};

use super::product::{ProductError, product};

/// A response of the pricing service that does not have the form of docs/API.md.
#[derive(Debug, thiserror::Error)]
pub(super) enum MalformedResponse {
    #[error("the response is not of the form {{\"products\": [{{sku, name, price, currency}}]}}")]
    Json(#[from] serde_json::Error),
    #[error("the product {sku:?} is invalid")]
    Product { sku: String, source: ProductError },
    #[error("the response has {0}, which was not requested")]
    NotRequested(Sku),
    #[error("the response has {0} twice")]
    Twice(Sku),
}

// Unknown fields are allowed: the service may send other clients more than we need.
#[derive(Deserialize)]
struct Response {
    products: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    sku: String,
    name: String,
    price: String,
    currency: String,
}

/// The products of a response, which may have no others than the `requested` ones. `None` allows all.
pub(super) fn parse(body: &[u8], requested: Option<&[Sku]>) -> Result<BTreeMap<Sku, Product>, MalformedResponse> {
    let response: Response = serde_json::from_slice(body)?;
    let mut products = BTreeMap::new();
    for Entry { sku, name, price, currency } in response.products {
        let product =
            product(&sku, &name, &price, &currency).map_err(|source| MalformedResponse::Product { sku, source })?;
        if requested.is_some_and(|requested| !requested.contains(&product.sku)) {
            return Err(MalformedResponse::NotRequested(product.sku));
        }
        if let Some(twice) = products.insert(product.sku.clone(), product) {
            return Err(MalformedResponse::Twice(twice.sku));
        }
    }
    Ok(products)
}
