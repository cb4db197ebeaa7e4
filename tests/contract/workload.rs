//! Random changes of shared orders.

use std::sync::Mutex;

use orders::{
    app::{
        AddItemRequest, AddItemToOrder, CancelOrder, CancelOrderRequest, ChangeError, ChangeQuantity,
        ChangeQuantityRequest, Conditions, CreateOrder, CreateOrderRequest, FulfilOrder, FulfilOrderRequest, NewItem,
        NewOrder, PlaceOrder, PlaceOrderRequest, Ports, RemoveItem, RemoveItemRequest, RepoError,
    },
    domain::{OrderId, Sku},
};

use crate::setup::anybody;

const SKUS: [&str; 4] = ["LAPTOP123", "MOUSE456", "KEYBOARD789", "MONITOR147"];

/// The orders that all writers change.
pub(crate) type Shared = Mutex<Vec<OrderId>>;

/// Makes so many moves, each chosen by the seed. An order may refuse a move; no other error may occur.
pub(crate) async fn write<P: Ports>(ports: &P, orders: &Shared, seed: u64, moves: usize) {
    let mut dice = Dice(seed);
    for _ in 0..moves {
        let known = orders.lock().unwrap().len();
        if known == 0 || dice.roll(4) == 0 {
            create(ports, orders, &mut dice).await;
        } else {
            // One of the newest orders: they are open, and other writers change them too.
            let back = dice.roll(known.min(6));
            let order_id = orders.lock().unwrap()[known - 1 - back];
            change(ports, order_id, &mut dice).await;
        }
    }
}

async fn create<P: Ports>(ports: &P, orders: &Shared, dice: &mut Dice) {
    let items = (0..dice.roll(4)).map(|_| NewItem { sku: dice.sku(), quantity: dice.quantity() }).collect();
    let customer_id = format!("customer-{}", dice.roll(9)).parse().unwrap();
    let order = NewOrder { customer_id, currency: "EUR".parse().unwrap(), items };
    let request = CreateOrderRequest { principal: anybody(), order, key: None };
    let created = CreateOrder(ports).execute(request).await.unwrap();
    orders.lock().unwrap().push(created.order.summary.order_id);
}

async fn change<P: Ports>(ports: &P, order_id: OrderId, dice: &mut Dice) {
    let (principal, conditions) = (anybody(), Conditions::default());
    let line = u32::try_from(dice.roll(5)).unwrap();
    let result = match dice.roll(10) {
        0..=4 => {
            let (sku, quantity) = (dice.sku(), dice.quantity());
            let request = AddItemRequest { principal, order_id, sku, quantity, conditions };
            match AddItemToOrder(ports).execute(request).await {
                Err(orders::app::AddItemError::Change(error)) => Err(error),
                other => other.map_err(|error| panic!("{error}")),
            }
        }
        5..=6 => {
            let request = ChangeQuantityRequest { principal, order_id, line, quantity: dice.quantity(), conditions };
            ChangeQuantity(ports).execute(request).await
        }
        7 => {
            let request = RemoveItemRequest { principal, order_id, line, conditions };
            RemoveItem(ports).execute(request).await
        }
        8 if line < 3 => {
            let request = PlaceOrderRequest { principal, order_id, conditions };
            PlaceOrder(ports).execute(request).await
        }
        8 => {
            let request =
                CancelOrderRequest { principal, order_id, reason: Some("Why not".parse().unwrap()), conditions };
            CancelOrder(ports).execute(request).await
        }
        _ => {
            let request = FulfilOrderRequest { principal, order_id, conditions };
            FulfilOrder(ports).execute(request).await
        }
    };
    match result {
        Ok(_) | Err(ChangeError::Refused(_) | ChangeError::Store(RepoError::Conflict)) => {}
        Err(error) => panic!("{error}"),
    }
}

/// Pseudo-random numbers, the same in each run (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn sku(&mut self) -> Sku {
        SKUS[self.roll(4)].parse().unwrap()
    }

    fn quantity(&mut self) -> orders::domain::Quantity {
        i64::try_from(1 + self.roll(9)).unwrap().try_into().unwrap()
    }
}
