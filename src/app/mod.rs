//! The use cases: each takes a request, asks the domain to decide, and finishes one unit of work.
//!
//! What they need from outside is a port, a trait that `infra` implements. One use case a file: request, error, `execute`.

mod adapters;
mod add_item;
mod cancel_order;
mod change_order;
mod change_quantity;
mod conditions;
mod create_order;
mod create_orders;
mod follow_events;
mod follow_log;
mod forget_keys;
mod fulfil_order;
mod get_history;
mod get_order;
mod idempotency;
mod list_orders;
mod list_products;
mod logged_event;
mod order_view;
mod place_order;
mod ports;
mod read_events;
mod remove_item;
mod uow;

pub use adapters::{Adapters, Ports, Store};
pub use add_item::{AddItemError, AddItemRequest, AddItemToOrder};
pub use cancel_order::{CancelOrder, CancelOrderError, CancelOrderRequest};
pub use change_order::ChangeError;
pub use change_quantity::{ChangeQuantity, ChangeQuantityError, ChangeQuantityRequest};
pub use conditions::{Conditions, Expected};
pub use create_order::{CreateOrder, CreateOrderError, CreateOrderRequest, ItemProblem, NewItem, NewOrder};
pub use create_orders::{BatchPolicy, BatchResult, CreateOrders, CreateOrdersError, CreateOrdersRequest};
pub use follow_events::{EventStream, EventStreamError, FollowEvents, FollowEventsRequest};
pub use follow_log::FollowLog;
pub use forget_keys::ForgetKeys;
pub use fulfil_order::{FulfilOrder, FulfilOrderError, FulfilOrderRequest};
pub use get_history::{GetHistory, GetHistoryRequest, HistoryPage};
pub use get_order::{GetOrder, GetOrderError};
pub use idempotency::{Answered, KeyError, KeyRecord, KeyedRequest, Outcome, Recorded};
pub use list_orders::{ListOrders, ListOrdersError, ListOrdersRequest, OrderPage};
pub use list_products::ListProducts;
pub use logged_event::{EventFilter, LoggedEvent};
pub use order_view::{OrderDetails, OrderSummary};
pub use place_order::{PlaceOrder, PlaceOrderError, PlaceOrderRequest};
pub use ports::{
    Answer, AsOf, Backlog, BoxError, Changes, Clock, EventBus, EventLog, HistoricalOrder, IdGenerator, IdempotencyKeys,
    Lagged, Lock, LogBounds, LogSlice, OrderFilter, OrderQueries, OrderRepo, PricingError, PricingService, Product,
    RepoError, Subscription, Telemetry, UnitOfWork,
};
pub use read_events::{EventPage, ReadEvents, ReadEventsError, ReadEventsRequest};
pub use remove_item::{RemoveItem, RemoveItemError, RemoveItemRequest};
pub use uow::Uow;
