//! The rules of an order: value objects, the aggregate root [`Order`] and the events it records.
//!
//! Pure and synchronous: no I/O, no serialisation, no clock. What a rule needs from outside (a time, an id, a price) is handed in.

mod action;
mod amount;
mod cancel_reason;
mod currency;
mod customer_id;
mod event;
mod order;
mod order_id;
mod order_state;
mod price;
mod product_name;
mod quantity;
mod replay;
mod sku;
mod status;
mod tenant_id;

pub use action::Action;
pub use amount::Amount;
pub use cancel_reason::{CancelReason, CancelReasonError};
pub use currency::{Currency, CurrencyError};
pub use customer_id::{CustomerId, CustomerIdError};
pub use event::{OrderEvent, OrderEventKind, Stamp};
pub use order::{Order, OrderError};
pub use order_id::{OrderId, OrderIdError};
pub use order_state::{Line, MAX_LINES, OrderState};
pub use price::{Price, PriceError};
pub use product_name::{ProductName, ProductNameError};
pub use quantity::{Quantity, QuantityError};
pub use replay::{Replay, ReplayError};
pub use sku::{Sku, SkuError};
pub use status::{Status, StatusError};
pub use tenant_id::{TenantId, TenantIdError};
