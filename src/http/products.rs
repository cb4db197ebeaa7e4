use actix_web::{HttpResponse, web::Data};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::app::{ListProducts, Ports, Product};

use super::{
    app_state::AppState,
    request::query::NoQuery,
    response::{code::Code, problem::HttpResult},
    routing::doc::Doc,
};

pub(super) async fn list<P: Ports>(app: Data<AppState<P>>, _: NoQuery) -> HttpResult {
    let products = ListProducts(app.ports()).execute().await?;
    Ok(HttpResponse::Ok().json(CatalogueBody { products: products.iter().map(ProductBody::from).collect() }))
}

pub(super) fn list_doc() -> Doc {
    let example = json!({"products": [{"sku": "LAPTOP123", "name": "Laptop", "price": "999.99", "currency": "EUR"}]});
    Doc::new("Products", "list_products", "List the products, by name")
        .response::<CatalogueBody>(200, "Every product", &example)
        .problems(&[Code::PricingUnavailable])
}

/// The catalogue.
#[derive(Serialize, ToSchema)]
#[schema(as = Catalogue)]
struct CatalogueBody {
    products: Vec<ProductBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Product)]
struct ProductBody {
    #[schema(pattern = "^[A-Z0-9]{8,12}$")]
    sku: String,
    name: String,
    /// The price of one unit, with the decimals of the currency.
    #[schema(pattern = r"^\d+(\.\d+)?$")]
    price: String,
    /// An ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: &'static str,
}

impl From<&Product> for ProductBody {
    fn from(product: &Product) -> Self {
        Self {
            sku: product.sku.to_string(),
            name: product.name.to_string(),
            price: product.price.to_string(),
            currency: product.price.currency().code(),
        }
    }
}
