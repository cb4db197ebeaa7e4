//! Properties of the domain, tested with random values.

use orders::domain::{
    Action, Amount, CancelReason, Context, Currency, CustomerId, KeyId, KeyName, MAX_LINES, Order, OrderError,
    OrderEvent, OrderEventKind, OrderId, OrderRules, Price, ProductName, Quantity, ReplayError, Scope, Scopes, Sku,
    Stamp, Status, Subject, TenantId,
};
use proptest::{prelude::*, test_runner::FileFailurePersistence};
use rust_decimal::Decimal;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// proptest appends the seed of each failed case to this file, and tries the seeds of the file before new cases. Commit the
/// file together with the correction, so that the case is tried for ever.
const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/domain.regressions");

fn config() -> ProptestConfig {
    ProptestConfig::with_failure_persistence(FileFailurePersistence::Direct(REGRESSIONS))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_sku_reads_back_as_it_is_shown(text in " ?[a-zA-Z0-9]{8,12} ?") {
        let sku: Sku = text.parse().unwrap();
        prop_assert_eq!(sku.to_string().parse(), Ok(sku.clone()));
        prop_assert_eq!(sku.as_str(), text.trim().to_ascii_uppercase());
    }

    #[test]
    fn an_accepted_text_reads_back_as_the_same_value(text in ".{0,70}") {
        if let Ok(customer) = text.parse::<CustomerId>() { prop_assert_eq!(customer.to_string().parse(), Ok(customer)); }
        if let Ok(reason) = text.parse::<CancelReason>() { prop_assert_eq!(reason.to_string().parse(), Ok(reason)); }
        if let Ok(name) = text.parse::<ProductName>() { prop_assert_eq!(name.to_string().parse(), Ok(name)); }
        if let Ok(quantity) = text.parse::<Quantity>() { prop_assert_eq!(quantity.to_string().parse(), Ok(quantity)); }
        if let Ok(order) = text.parse::<OrderId>() { prop_assert_eq!(order.to_string().parse(), Ok(order)); }
        if let Ok(status) = text.parse::<Status>() { prop_assert_eq!(status.to_string().parse(), Ok(status)); }
        if let Ok(sku) = text.parse::<Sku>() { prop_assert_eq!(sku.to_string().parse(), Ok(sku)); }
        if let Ok(name) = text.parse::<KeyName>() { prop_assert_eq!(name.to_string().parse(), Ok(name)); }
        if let Ok(subject) = text.parse::<Subject>() { prop_assert_eq!(subject.to_string().parse(), Ok(subject)); }
        if let Ok(id) = text.parse::<KeyId>() { prop_assert_eq!(id.to_string().parse(), Ok(id)); }
        if let Ok(scope) = text.parse::<Scope>() { prop_assert_eq!(scope.to_string().parse(), Ok(scope)); }
        if let Ok(tenant) = text.parse::<TenantId>() { prop_assert_eq!(tenant.to_string().parse(), Ok(tenant)); }
        if let Ok(price) = Price::parse(&text, Currency::EUR) { prop_assert_eq!(Price::parse(&price.to_string(), Currency::EUR), Ok(price)); }
    }

    #[test]
    fn a_price_reads_back_as_it_is_shown(cents in 0..=50_000_000_000_i64) {
        let price = Price::new(Decimal::new(cents, 2), Currency::EUR).unwrap();
        prop_assert_eq!(Price::parse(&price.to_string(), Currency::EUR), Ok(price));
        prop_assert_eq!(price.to_string().split_once('.').unwrap().1.len(), 2);
    }

    #[test]
    fn a_quantity_is_from_1_to_999(number in prop_oneof![any::<i64>(), -10..1010_i64]) {
        let taken = Quantity::try_from(number).map(|quantity| i64::from(quantity.get()));
        prop_assert_eq!(taken.ok(), Some(number).filter(|number| (1..=999).contains(number)));
    }

    #[test]
    fn an_order_is_the_fold_of_its_events(moves in prop::collection::vec(item(), 0..40)) {
        let (order, events) = lived(&moves);
        prop_assert_eq!(events.len(), order.state().version as usize);
        prop_assert_eq!(Order::replay(&events).unwrap(), order);
    }

    #[test]
    fn any_order_is_the_fold_of_its_events_and_a_refusal_records_nothing(moves in prop::collection::vec(any_move(), 0..60)) {
        let (mut order, mut events) = lived(&[]);
        for next in moves {
            let before = order.clone();
            let allowed = next.action().check(order.state().status, order.state().items_count(), OrderRules::DEFAULT).is_ok();
            match next.make(&mut order) {
                Ok(()) => {
                    prop_assert!(allowed, "{next:?} was accepted");
                    let recorded = order.take_events();
                    prop_assert_eq!(recorded.len(), 1);
                    events.extend(recorded);
                }
                // An unknown line is the only refusal that does not follow from the status and the number of lines.
                Err(refused) => {
                    prop_assert!(!allowed || matches!(refused, OrderError::NoSuchLine(_)), "{next:?} was refused: {refused}");
                    prop_assert_eq!(&order, &before);
                }
            }
        }
        prop_assert_eq!(Order::replay(&events).unwrap(), order);
    }

    #[test]
    fn a_total_is_exact_to_the_last_cent(moves in prop::collection::vec(item(), 0..200)) {
        let (order, _) = lived(&moves);
        let cents: i64 = moves.iter().map(|(cents, quantity, _)| cents * i64::from(*quantity)).sum();
        prop_assert_eq!(order.state().total_amount().value(), Decimal::new(cents, 2));
        let units: u32 = moves.iter().map(|(_, quantity, _)| u32::from(*quantity)).sum();
        prop_assert_eq!(order.state().units_count(), units);
    }

    #[test]
    fn ids_sort_by_the_times_of_their_orders(a in micros(), b in micros(), left: u64, right: u64) {
        let (first, second) = (OrderId::new(a, left), OrderId::new(b, right));
        if a != b { prop_assert_eq!(first < second, a < b); }
        prop_assert_eq!(first >= OrderId::first_at(b), a >= b);
        prop_assert_eq!(first.as_uuid().get_version_num(), 7);
        prop_assert_eq!(first.to_string().parse(), Ok(first));
    }
}

#[test]
fn names_of_callers_and_keys_have_no_characters_that_hide_or_break_a_part_of_a_line() {
    for text in ["", "  ", "a\nb", "a\u{0}", "a\u{7f}", "a\u{200b}", "\u{202e}nimda", "\u{feff}a", "a\u{2028}b"] {
        assert!(text.parse::<Subject>().is_err() && text.parse::<KeyName>().is_err(), "{text:?}");
    }
    for text in ["ann", "auth0|5f7c", "a \"b\"", "größer", "\u{1f600}"] {
        assert!(text.parse::<Subject>().is_ok() && text.parse::<KeyName>().is_ok(), "{text:?}");
    }
    assert!("a".repeat(255).parse::<Subject>().is_ok() && "a".repeat(256).parse::<Subject>().is_err());
    assert!("a".repeat(64).parse::<KeyName>().is_ok() && "a".repeat(65).parse::<KeyName>().is_err());
    assert!("0123456789abcdef".parse::<KeyId>().is_ok());
    for text in ["0123456789ABCDEF", "0123456789abcde", "0123456789abcdefa", "0123456789abcdeg"] {
        assert!(text.parse::<KeyId>().is_err(), "{text}");
    }
}

#[test]
fn a_set_of_scopes_has_those_that_were_put_in() {
    let scopes: Scopes = [Scope::OrdersRead, Scope::KeysManage].into_iter().collect();
    assert_eq!(scopes.to_string(), "orders:read keys:manage");
    assert!(scopes.has(Scope::OrdersRead) && !scopes.has(Scope::OrdersWrite));
    assert_eq!(Scopes::known(["keys:manage", "orders:read", "openid", "later:scope"]), scopes);
    assert_eq!(Scopes::all().iter().collect::<Vec<_>>(), Scope::ALL);
    assert_eq!(scopes.beyond(Scopes::known(["orders:read"])), Scopes::known(["keys:manage"]));
    assert!(scopes.beyond(Scopes::all()).is_empty() && Scopes::NONE.beyond(scopes).is_empty());
}

#[test]
fn the_largest_order_has_an_exact_total_that_fits_eighteen_digits() {
    let largest = vec![(50_000_000_000, 999, 0); 200];
    let (mut order, _) = lived(&largest);
    assert_eq!(order.state().total_amount().to_string(), "99900000000000.00");
    assert_eq!(add(&mut order, (1, 1, 0)), Err(OrderError::TooManyLines { max: 200 }));
}

#[test]
fn an_order_with_more_lines_than_a_new_limit_can_only_shrink() {
    let (mut order, _) = lived(&[(1, 1, 0), (2, 1, 0), (3, 1, 0)]);
    let rules = OrderRules::new(2).unwrap();
    let context = |order: &Order| Context { rules, ..at(order.state().updated_at) };
    let price = Price::parse("1", Currency::EUR).unwrap();
    let add = |order: &mut Order| order.add_item(sku(), name(), 1.try_into().unwrap(), price, context(order));
    assert_eq!(add(&mut order), Err(OrderError::TooManyLines { max: 2 }));
    assert_eq!(add(&mut order).unwrap_err().to_string(), "an order has at most 2 lines");
    for line in [1, 2] {
        order.remove_item(line, context(&order)).unwrap();
    }
    add(&mut order).unwrap();
    assert_eq!(add(&mut order), Err(OrderError::TooManyLines { max: 2 }));
    order.place(context(&order)).unwrap();
    assert!(OrderRules::new(0).is_err() && OrderRules::new(MAX_LINES + 1).is_err());
}

#[test]
fn an_amount_has_the_decimals_of_its_currency() {
    let shown = |amount, code: &str| Price::parse(amount, code.parse().unwrap()).map(|price| price.to_string());
    assert_eq!(shown("5", "EUR").unwrap(), "5.00");
    assert_eq!(
        shown("5.10", "JPY").map_err(|error| error.to_string()),
        Err("a price in JPY has at most 0 decimals".into())
    );
    assert_eq!(shown("5.125", "KWD").unwrap(), "5.125");
    for bad in
        ["", "1,5", "1_0", "+1", "1e3", ".5", "5.", "0x1", "NaN", "-1", "-99999999999", "500000000.01", "99999999999"]
    {
        assert!(shown(bad, "EUR").is_err(), "accepted: {bad}");
    }
    assert_eq!(Amount::zero("JPY".parse().unwrap()).to_string(), "0");
    // ISO 4217 has XXX for no currency, and XAU for gold.
    for bad in ["eur", "XXX", "XAU", "EURO", "", "EUR USD"] {
        assert!(bad.parse::<Currency>().is_err(), "accepted: {bad}");
    }
}

#[test]
fn an_order_has_one_currency() {
    let (mut order, _) = lived(&[]);
    let yen = Price::parse("100", "JPY".parse().unwrap()).unwrap();
    let refused = order.add_item(sku(), name(), 1.try_into().unwrap(), yen, at(OffsetDateTime::UNIX_EPOCH));
    assert!(matches!(refused, Err(OrderError::CurrencyMismatch { .. })));
    assert!(order.take_events().is_empty());
}

#[test]
fn events_leave_an_order_once() {
    let (mut order, _) = lived(&[]);
    add(&mut order, (100, 1, 0)).unwrap();
    assert_eq!(order.take_events().len(), 1);
    assert!(order.take_events().is_empty());
}

#[test]
fn each_status_allows_its_actions_and_no_others() {
    use Action::{AddItem, Cancel, ChangeQuantity, Fulfil, Place, RemoveItem};
    let allowed = |status: Status, items_count| {
        Action::ALL
            .into_iter()
            .filter(|action| action.check(status, items_count, OrderRules::DEFAULT).is_ok())
            .collect::<Vec<_>>()
    };
    assert_eq!(allowed(Status::Open, 0), [AddItem, Cancel]);
    assert_eq!(allowed(Status::Open, 200), [ChangeQuantity, RemoveItem, Place, Cancel]);
    for status in Status::ALL {
        // A new status does not compile before its actions are decided here.
        let expected: &[Action] = match status {
            Status::Open => &[AddItem, ChangeQuantity, RemoveItem, Place, Cancel],
            Status::Placed => &[Cancel, Fulfil],
            Status::Cancelled | Status::Fulfilled => &[],
        };
        assert_eq!(allowed(status, 1), expected, "{status}");
    }
}

#[test]
fn the_number_of_a_removed_line_is_not_used_again() {
    let (mut order, _) = lived(&[(1, 1, 0), (2, 1, 0)]);
    order.remove_item(2, at(order.state().updated_at)).unwrap();
    add(&mut order, (3, 1, 0)).unwrap();
    assert_eq!(order.lines().iter().map(|line| line.number).collect::<Vec<_>>(), [1, 3]);
    let gone = order.change_quantity(2, 1.try_into().unwrap(), at(order.state().updated_at));
    assert_eq!(gone, Err(OrderError::NoSuchLine(2)));
}

#[test]
fn events_that_are_not_the_history_of_one_order_are_not_replayed() {
    let (_, events) = lived(&[(1, 1, 0), (2, 2, 1)]);
    let (_, others) = lived(&[(1, 1, 0)]);
    Order::replay(&events).unwrap();
    Order::replay(&events[..0]).unwrap_err();
    Order::replay(&events[1..]).unwrap_err();
    Order::replay([&events[0], &events[2]]).unwrap_err();
    Order::replay([&events[0], &events[0]]).unwrap_err();
    let mut foreign = others[1].clone();
    foreign.order_id = OrderId::MAX;
    Order::replay([&events[0], &foreign]).unwrap_err();
    let mut nowhere = events[1].clone();
    nowhere.kind = OrderEventKind::ItemRemoved { line: 7 };
    assert_eq!(Order::replay([&events[0], &nowhere]), Err(ReplayError::NoSuchLine(7)));
}

#[test]
fn the_times_of_the_events_of_an_order_never_decrease() {
    let (mut order, _) = lived(&[]);
    let price = Price::parse("1", Currency::EUR).unwrap();
    let long_ago = at(order.state().created_at - Duration::days(1));
    order.add_item(sku(), name(), 1.try_into().unwrap(), price, long_ago).unwrap();
    assert_eq!(order.state().updated_at, order.state().created_at);
}

/// An action that an order may refuse.
#[derive(Clone, Debug)]
enum Move {
    AddItem(Item),
    ChangeQuantity(u32, u16),
    RemoveItem(u32),
    Place,
    Cancel(bool),
    Fulfil,
}

fn any_move() -> impl Strategy<Value = Move> {
    prop::strategy::Union::new_weighted(Action::ALL.map(moves_by).to_vec())
}

/// How often an action has its turn, and its moves. Each action has its place here, or this does not compile.
fn moves_by(action: Action) -> (u32, BoxedStrategy<Move>) {
    match action {
        Action::AddItem => (8, item().prop_map(Move::AddItem).boxed()),
        Action::ChangeQuantity => {
            let change = (0..10_u32, 1..=999_u16);
            (4, change.prop_map(|(line, quantity)| Move::ChangeQuantity(line, quantity)).boxed())
        }
        Action::RemoveItem => (4, (0..10_u32).prop_map(Move::RemoveItem).boxed()),
        Action::Place => (1, Just(Move::Place).boxed()),
        Action::Cancel => (1, any::<bool>().prop_map(Move::Cancel).boxed()),
        Action::Fulfil => (1, Just(Move::Fulfil).boxed()),
    }
}

impl Move {
    fn action(&self) -> Action {
        match self {
            Self::AddItem(_) => Action::AddItem,
            Self::ChangeQuantity(..) => Action::ChangeQuantity,
            Self::RemoveItem(_) => Action::RemoveItem,
            Self::Place => Action::Place,
            Self::Cancel(_) => Action::Cancel,
            Self::Fulfil => Action::Fulfil,
        }
    }

    fn make(&self, order: &mut Order) -> Result<(), OrderError> {
        let at = at(order.state().updated_at);
        match self {
            Self::AddItem(item) => add(order, *item),
            Self::ChangeQuantity(line, quantity) => {
                order.change_quantity(*line, i64::from(*quantity).try_into().unwrap(), at)
            }
            Self::RemoveItem(line) => order.remove_item(*line, at),
            Self::Place => order.place(at),
            Self::Cancel(with_reason) => order.cancel(with_reason.then(|| "No longer wanted".parse().unwrap()), at),
            Self::Fulfil => order.fulfil(at),
        }
    }
}

/// Cents, quantity, and milliseconds since the previous move.
type Item = (i64, u16, i64);

fn item() -> impl Strategy<Value = Item> {
    (0..=50_000_000_000_i64, 1..=999_u16, 0..100_000_i64)
}

fn micros() -> impl Strategy<Value = OffsetDateTime> {
    (0..4_000_000_000_000_000_i64)
        .prop_union(1_700_000_000_000_000..1_700_000_000_005_000)
        .prop_map(|micros| OffsetDateTime::UNIX_EPOCH + Duration::microseconds(micros))
}

/// An order after these moves, with all its events.
fn lived(moves: &[Item]) -> (Order, Vec<OrderEvent>) {
    let created = at(OffsetDateTime::UNIX_EPOCH + Duration::days(20_000));
    let id = OrderId::new(created.stamp.at(), 1);
    let mut order = Order::create(id, "customer".parse().unwrap(), Currency::EUR, created);
    for item in moves {
        add(&mut order, *item).unwrap();
    }
    let events = order.take_events();
    (order, events)
}

fn add(order: &mut Order, (cents, quantity, later): Item) -> Result<(), OrderError> {
    let price = Price::new(Decimal::new(cents, 2), Currency::EUR).unwrap();
    let at = at(order.state().updated_at + Duration::milliseconds(later));
    order.add_item(sku(), name(), i64::from(quantity).try_into().unwrap(), price, at)
}

fn sku() -> Sku {
    "LAPTOP123".parse().unwrap()
}

fn name() -> ProductName {
    "Laptop".parse().unwrap()
}

fn at(time: OffsetDateTime) -> Context {
    Context { rules: OrderRules::DEFAULT, stamp: Stamp::new(Uuid::from_u128(7), time) }
}
