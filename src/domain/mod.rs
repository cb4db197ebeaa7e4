//! The rules of an order: value objects, the aggregate root [`Order`] and the events it records.
//!
//! Pure and synchronous: no I/O, no serialisation, no clock. The caller passes in times, ids and prices.

mod access;
mod money;
mod order;
mod product;
mod tenant_id;

pub use access::{
    Actor, ApiKey, KeyId, KeyIdError, KeyName, KeyNameError, Principal, PrincipalKind, Scope, Scopes, Subject,
    SubjectError, UnknownScope,
};
pub use money::{Amount, Currency, CurrencyError, Price, PriceError};
pub use order::{
    Action, CancelReason, CancelReasonError, Context, CustomerId, CustomerIdError, Line, MAX_LINES, Order, OrderError,
    OrderEvent, OrderEventKind, OrderId, OrderIdError, OrderRules, OrderRulesError, OrderState, Quantity,
    QuantityError, Replay, ReplayError, Stamp, Status, StatusError,
};
pub use product::{ProductName, ProductNameError, Sku, SkuError};
pub use tenant_id::{TenantId, TenantIdError};
