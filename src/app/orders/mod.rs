//! The use cases of orders.

mod add_item;
mod cancel_order;
mod change_order;
mod change_quantity;
mod conditions;
mod create_order;
mod create_orders;
mod fulfil_order;
mod get_history;
mod get_order;
mod get_order_stats;
mod list_orders;
mod order_view;
mod place_order;
mod remove_item;
mod retry;

pub use add_item::{AddItemError, AddItemRequest, AddItemToOrder};
pub use cancel_order::{CancelOrder, CancelOrderRequest};
pub use change_order::ChangeError;
pub use change_quantity::{ChangeQuantity, ChangeQuantityRequest};
pub use conditions::{Conditions, Versions};
pub use create_order::{CreateOrder, CreateOrderError, CreateOrderRequest, ItemProblem, NewItem, NewOrder};
pub use create_orders::{BatchPolicy, BatchResult, CreateOrders, CreateOrdersError, CreateOrdersRequest};
pub use fulfil_order::{FulfilOrder, FulfilOrderRequest};
pub use get_history::{GetHistory, GetHistoryRequest, HistoryPage};
pub use get_order::{GetOrder, GetOrderError};
pub use get_order_stats::{GetOrderStats, GetOrderStatsError, GetOrderStatsRequest};
pub use list_orders::{ListOrders, ListOrdersRequest, OrderPage};
pub use order_view::{ActionRefusal, OrderDetails, OrderSummary, StoredStatus};
pub use place_order::{PlaceOrder, PlaceOrderRequest};
pub use remove_item::{RemoveItem, RemoveItemRequest};
