//! Who may do what.

mod actor;
mod principal;
mod scope;
mod subject;

pub use actor::Actor;
pub use principal::{Principal, PrincipalKind};
pub use scope::{Scope, Scopes, UnknownScope};
pub use subject::{Subject, SubjectError};
