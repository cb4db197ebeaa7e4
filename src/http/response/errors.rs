//! The problem of each error of a use case.

use crate::{
    app::{
        ActionRefusal, AddItemError, ChangeError, CreateKeyError, CreateOrderError, CreateOrdersError, GetOrderError,
        GetOrderStatsError, ItemProblem, KeyError, ManageKeyError, ManageSinkError, PricingError, ReadEventsError,
        RepoError,
    },
    domain::OrderError,
};

use super::{
    code::Code,
    problem::{FieldError, LogBound, Problem, sentence, shortened},
};

impl From<RepoError> for Problem {
    fn from(error: RepoError) -> Self {
        match error {
            RepoError::Conflict | RepoError::KeyTaken => {
                Self::new(Code::LostRace, "Other writers kept changing the order. Read it and try again.")
            }
            RepoError::Unavailable(cause) => {
                Self::new(Code::StoreUnavailable, "The database did not answer. Try again in a moment.")
                    .caused_by(cause)
            }
            RepoError::NewerRelease(cause) => Self::new(
                Code::NewerRelease,
                "A newer release of the service wrote this order, and this release cannot act on it or replay it. \
                 Try again: an instance of the newer release can.",
            )
            .caused_by(cause),
            RepoError::Backend(cause) => Self::internal(cause),
        }
    }
}

impl From<PricingError> for Problem {
    fn from(PricingError(cause): PricingError) -> Self {
        Self::new(Code::PricingUnavailable, "The pricing service did not answer. Try again in a moment.")
            .caused_by(cause)
    }
}

impl From<OrderError> for Code {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::NotOpen(_) => Self::OrderNotOpen,
            OrderError::TooManyLines { .. } => Self::TooManyLines,
            OrderError::CurrencyMismatch { .. } => Self::CurrencyMismatch,
            OrderError::Empty => Self::OrderEmpty,
            OrderError::NotCancellable(_) => Self::OrderNotCancellable,
            OrderError::NotPlaced(_) => Self::OrderNotPlaced,
            OrderError::NoSuchLine(_) => Self::LineNotFound,
        }
    }
}

impl From<ActionRefusal> for Code {
    fn from(refusal: ActionRefusal) -> Self {
        match refusal {
            ActionRefusal::Rule(error) => error.into(),
            ActionRefusal::UnknownStatus => Self::NewerRelease,
        }
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        Self::new(error.into(), sentence(&error))
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::UnknownOrder(id) => Self::order_not_found(id),
            ChangeError::Refused(refusal) => refusal.into(),
            ChangeError::Stale { current } => Self::stale(current),
            ChangeError::Key(error) => error.into(),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<AddItemError> for Problem {
    fn from(error: AddItemError) -> Self {
        match error {
            AddItemError::UnknownProduct(sku) => items(vec![("/sku".to_owned(), ItemProblem::UnknownProduct(sku))]),
            AddItemError::Pricing(error) => error.into(),
            AddItemError::Change(error) => error.into(),
        }
    }
}

impl From<CreateOrderError> for Problem {
    fn from(error: CreateOrderError) -> Self {
        match error {
            CreateOrderError::Items(problems) => {
                let pointer = |index| format!("/items/{index}/sku");
                items(problems.into_iter().map(|(index, problem)| (pointer(index), problem)).collect())
            }
            CreateOrderError::OtherCustomer => Self::new(
                Code::OtherCustomer,
                "The credential creates orders for its own customer only. Use that customer_id.",
            ),
            CreateOrderError::Pricing(error) => error.into(),
            CreateOrderError::Key(error) => error.into(),
            CreateOrderError::Store(error) => error.into(),
        }
    }
}

impl From<CreateOrdersError> for Problem {
    fn from(error: CreateOrdersError) -> Self {
        match error {
            CreateOrdersError::Pricing(error) => error.into(),
            CreateOrdersError::Key(error) => error.into(),
            CreateOrdersError::Store(error) => error.into(),
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Reused => Self::new(
                Code::IdempotencyKeyReused,
                "The Idempotency-Key was used with another method, path or body. Use a new key.",
            ),
            KeyError::Store(error) => error.into(),
        }
    }
}

impl From<GetOrderError> for Problem {
    fn from(error: GetOrderError) -> Self {
        match error {
            GetOrderError::UnknownOrder(id) => Self::order_not_found(id),
            GetOrderError::Retired(_) => Self::new(Code::PositionRetired, sentence(&error)),
            GetOrderError::NotThen(_) => Self::new(Code::OrderNotFound, sentence(&error)),
            GetOrderError::Store(error) => error.into(),
        }
    }
}

impl From<GetOrderStatsError> for Problem {
    fn from(error: GetOrderStatsError) -> Self {
        match error {
            GetOrderStatsError::OneCustomer => Self::new(
                Code::OtherCustomer,
                "The figures are those of all customers, and the credential sees one. List the orders instead.",
            ),
            GetOrderStatsError::Store(error) => error.into(),
        }
    }
}

impl From<ReadEventsError> for Problem {
    fn from(error: ReadEventsError) -> Self {
        match error {
            ReadEventsError::Retired { first } => Self {
                bound: Some(LogBound::Earliest(first)),
                ..Self::new(
                    Code::PositionRetired,
                    format!("The event log begins at position {first}. Read from there."),
                )
            },
            ReadEventsError::Ahead { last } => Self {
                bound: Some(LogBound::Last(last)),
                ..Self::new(
                    Code::PositionAhead,
                    format!(
                        "The event log ends at position {last}: it was restored from an older state. \
                         Read the orders as they are, and continue from there."
                    ),
                )
            },
            ReadEventsError::Store(error) => error.into(),
        }
    }
}

impl From<CreateKeyError> for Problem {
    fn from(error: CreateKeyError) -> Self {
        match error {
            CreateKeyError::BeyondMaker(scopes) => Self {
                scope: scopes.iter().next(),
                ..Self::new(
                    Code::InsufficientScope,
                    format!("A key has no scope that its maker lacks. The credential lacks {scopes}."),
                )
            },
            CreateKeyError::OtherCustomer => Self::new(
                Code::OtherCustomer,
                "The credential makes keys for its own customer only. Use that customer_id.",
            ),
            CreateKeyError::Store(error) => error.into(),
        }
    }
}

impl From<ManageKeyError> for Problem {
    fn from(error: ManageKeyError) -> Self {
        match error {
            ManageKeyError::UnknownKey(id) => {
                Self::new(Code::KeyNotFound, format!("There is no key {id}, or it is revoked. Check the id."))
            }
            ManageKeyError::BeyondCaller(scopes) => Self {
                scope: scopes.iter().next(),
                ..Self::new(
                    Code::InsufficientScope,
                    format!(
                        "Nobody gets the secret of a key with more scopes than their own. The credential lacks {scopes}."
                    ),
                )
            },
            ManageKeyError::Store(error) => error.into(),
        }
    }
}

impl From<ManageSinkError> for Problem {
    fn from(error: ManageSinkError) -> Self {
        match error {
            ManageSinkError::UnknownSink(name) => {
                let name = shortened(&name);
                Self::new(Code::SinkNotFound, format!("There is no sink {name}. GET /sinks lists them."))
            }
            ManageSinkError::OutOfRange { .. } | ManageSinkError::ReadModel(_) => {
                let detail = sentence(&error);
                let errors = vec![FieldError::at("/position", "invalid_position", detail.clone())];
                Self::new(Code::ValidationFailed, detail).with_errors(errors)
            }
            ManageSinkError::Store(error) => error.into(),
        }
    }
}

/// Items that cannot be ordered. The problem has the code of the first one and lists all.
fn items(problems: Vec<(String, ItemProblem)>) -> Problem {
    let mut listed = problems.into_iter().map(|(pointer, problem)| {
        let whole = match problem {
            ItemProblem::UnknownProduct(_) => Problem::new(Code::UnknownProduct, sentence(&problem)),
            ItemProblem::Refused(refusal) => refusal.into(),
        };
        (FieldError::at(pointer, whole.code.as_str(), whole.detail.clone()), whole)
    });
    let Some((first, whole)) = listed.next() else {
        return Problem::new(Code::ValidationFailed, "An item cannot be ordered.");
    };
    let errors = std::iter::once(first).chain(listed.map(|(error, _)| error)).collect();
    whole.with_errors(errors)
}
