//! Constraints that the database enforces for every writer.

use sqlx::{Acquire, PgConnection, query};

use crate::support::Database;

/// The constraint that refuses an order with a line, if one does.
async fn refusal(connection: &mut PgConnection, tenant: &str, currency: &str, sku: &str) -> Option<String> {
    let mut transaction = connection.begin().await.unwrap();
    let order = query(
        "insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count, total_amount,
            last_line, version, created_at, updated_at)
        values ($1, '01890a5d-ac96-774b-bcce-b302099a8057', 'customer', 'open', $2, 1, 1, 1, 1, 2, now(), now())",
    );
    let line = query(
        "insert into order_items (tenant_id, order_id, line, sku, name, quantity, unit_price)
        values ($1, '01890a5d-ac96-774b-bcce-b302099a8057', 1, $2, 'name', 1, 1)",
    );
    let written = match order.bind(tenant).bind(currency).execute(&mut *transaction).await {
        Ok(_) => line.bind(tenant).bind(sku).execute(&mut *transaction).await,
        refused => refused,
    };
    transaction.rollback().await.unwrap();
    written.err().map(|error| error.as_database_error().unwrap().constraint().unwrap().to_owned())
}

#[tokio::test]
async fn the_database_checks_tenants_currencies_and_skus_as_the_domain_does() {
    let database = Database::new().await;
    let mut connection = database.connect().await;
    let (longest, longer) = ("a".repeat(64), "a".repeat(65));
    for tenant in ["a", "0", "-", "_", "tenant_7-b", &longest] {
        assert_eq!(refusal(&mut connection, tenant, "EUR", "LAPTOP123").await, None, "{tenant:?}");
    }
    for tenant in ["", "A", "a b", "a\n", "\u{e4}", "a.b", &longer] {
        let refused = refusal(&mut connection, tenant, "EUR", "LAPTOP123").await;
        assert_eq!(refused.as_deref(), Some("orders_tenant_id_check"), "{tenant:?}");
    }
    for currency in ["", "EU", "EURO", "eur", "EU1", "EU\n", "EU\u{c4}", "\u{c4}U"] {
        let refused = refusal(&mut connection, "a", currency, "LAPTOP123").await;
        assert_eq!(refused.as_deref(), Some("orders_currency_check"), "{currency:?}");
    }
    for sku in ["ABCD1234", "ABCDEFGH1234"] {
        assert_eq!(refusal(&mut connection, "a", "EUR", sku).await, None, "{sku:?}");
    }
    for sku in ["", "ABCD123", "ABCDEFGH12345", "abcd1234", "ABCD-123", "ABCD123\n", "ABCD12\u{c4}"] {
        let refused = refusal(&mut connection, "a", "EUR", sku).await;
        assert_eq!(refused.as_deref(), Some("order_items_sku_check"), "{sku:?}");
    }
}

#[tokio::test]
async fn every_constraint_is_validated() {
    let database = Database::new().await;
    let left = "select count(*) from pg_constraint where not convalidated";
    let unproven: i64 = sqlx::query_scalar(left).fetch_one(&mut database.connect().await).await.unwrap();
    assert_eq!(unproven, 0);
}
