//! Constraints that the database enforces for every writer.

use std::fs;

use orders::domain::Status;
use sha2::{Digest, Sha256};
use sqlx::{Acquire, PgConnection, query};

use crate::support::{Database, project};

/// Each landed migration, with the beginning of the SHA-256 of its file. A new migration adds a row; no row ever changes.
const LANDED: &[(&str, &str)] = &[
    ("V1__orders.sql", "69c43eb79e09cc37"),
    ("V2__idempotency_keys.sql", "d2cbca9e130ac512"),
    ("V3__retired_positions.sql", "af209b744fe4de0e"),
    ("V4__cheaper_checks.sql", "e773a37eeeaf7d55"),
    ("V5__checks_validated.sql", "9e1ef93c9e1b2433"),
    ("V6__keys_by_key.sql", "99de348e6fdf310c"),
    ("V7__keys_by_key_first.sql", "c68b8eade682d5e2"),
    ("V8__sequences_and_actors.sql", "7409c3a4c9643c1e"),
    ("V9__events_by_sequence.sql", "5ac88d679dd0d040"),
    ("V10__events_by_sequence_only.sql", "484bb99428d00fb9"),
    ("V11__api_keys.sql", "7a0f3a725ce95e4f"),
    ("V12__events_by_order.sql", "7b4501e6fe2f57f7"),
    ("V13__lines_by_order.sql", "fb8a2ecbd2c47610"),
    ("V14__by_order_first.sql", "848d13ea963cb29b"),
    ("V15__trace_of_events.sql", "71e4d06fd4e75821"),
    ("V16__sinks.sql", "5e0e0b39abd6e52e"),
    ("V17__order_stats.sql", "b1cb7c9238586a2f"),
];

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

#[tokio::test]
async fn the_database_stores_every_status_of_the_domain_and_no_other_one() {
    let database = Database::new().await;
    let mut connection = database.connect().await;
    let mut store = async |status: &str| {
        let mut transaction = connection.begin().await.unwrap();
        let order = query(
            "insert into orders (tenant_id, order_id, customer_id, status, currency, items_count, units_count,
                total_amount, last_line, version, created_at, updated_at)
            values ('a', '01890a5d-ac96-774b-bcce-b302099a8057', 'customer', $1, 'EUR', 0, 0, 0, 0, 1, now(), now())",
        );
        let stored = order.bind(status).execute(&mut *transaction).await;
        transaction.rollback().await.unwrap();
        stored.is_ok()
    };
    for status in Status::ALL {
        assert!(store(status.as_str()).await, "a migration has to allow {status} in orders_status_check");
    }
    assert!(!store("lost").await);
}

/// A database that has a migration already refuses another one under its number: the service would not start.
#[test]
fn no_landed_migration_was_edited() {
    let mut files: Vec<String> = fs::read_dir(project().join("migrations"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort_by_key(|name| name.strip_prefix('V').and_then(|name| name.split_once("__")?.0.parse::<u32>().ok()));
    let mut found = Vec::new();
    for name in files {
        let digest = Sha256::digest(fs::read(project().join("migrations").join(&name)).unwrap());
        let start = format!("{:016x}", u64::from_be_bytes(digest[..8].try_into().unwrap()));
        found.push((name, start));
    }
    let landed: Vec<(String, String)> = LANDED.iter().map(|(name, start)| ((*name).into(), (*start).into())).collect();
    assert_eq!(found, landed, "write another migration instead; add a row to LANDED only for a new one");
}
