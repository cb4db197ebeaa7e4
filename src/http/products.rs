use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;

use crate::app::{ListProducts, Ports, Product};

use super::{app::App, parameters::no_query, problem::Problem};

pub(super) async fn list<P: Ports>(app: Data<App<P>>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let products = ListProducts(app.ports()).execute().await?;
    Ok(HttpResponse::Ok().json(CatalogueBody { products: products.iter().map(ProductBody::from).collect() }))
}

#[derive(Serialize)]
struct CatalogueBody {
    products: Vec<ProductBody>,
}

#[derive(Serialize)]
struct ProductBody {
    sku: String,
    name: String,
    price: String,
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
