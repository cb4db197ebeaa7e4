//! What only the store in PostgreSQL has: transactions that are shared, plans, the schema, and `orders verify`.

mod chain;
mod connections;
mod corrupt_rows;
mod group_commit;
mod held;
mod instances;
mod newer_release;
mod order_stats;
mod plans;
mod positions;
mod proxy;
mod refusals;
mod relay;
mod restored;
mod schema;
mod silence;
mod upgrades;
mod verify;
