use crate::domain::{CustomerId, TenantId};

use super::{Actor, ApiKey, KeyId, Scope, Scopes, Subject};

/// Who sent a request, and what that caller may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub tenant: TenantId,
    pub kind: PrincipalKind,
    pub scopes: Scopes,
    /// The only customer whose orders the caller sees. `None` for all customers of the tenant.
    pub customer: Option<CustomerId>,
}

/// How a caller is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// By an API key.
    Key(KeyId),
    /// By a token of an identity provider.
    User(Subject),
    /// Not at all.
    Anonymous,
}

impl Principal {
    /// Everybody, where nobody is authenticated.
    pub fn anonymous() -> Self {
        Self { tenant: TenantId::anonymous(), kind: PrincipalKind::Anonymous, scopes: Scopes::all(), customer: None }
    }

    /// The callers who use this key.
    pub fn from_key(key: ApiKey) -> Self {
        let ApiKey { id, tenant, scopes, customer, .. } = key;
        Self { tenant, kind: PrincipalKind::Key(id), scopes, customer }
    }

    pub const fn may(&self, scope: Scope) -> bool {
        self.scopes.has(scope)
    }

    /// Whether the caller may see the orders of this customer.
    pub fn sees(&self, customer: &CustomerId) -> bool {
        self.customer.as_ref().is_none_or(|own| own == customer)
    }

    /// Whether the caller may see and revoke this key, if it may manage keys at all.
    pub fn manages(&self, key: &ApiKey) -> bool {
        self.tenant == key.tenant && (self.customer.is_none() || self.customer == key.customer)
    }

    /// `None` for nobody in particular.
    pub fn subject(&self) -> Option<&str> {
        match &self.kind {
            PrincipalKind::Key(id) => Some(id.as_str()),
            PrincipalKind::User(subject) => Some(subject.as_str()),
            PrincipalKind::Anonymous => None,
        }
    }

    /// The caller within its tenant, in one text. An API key and a user never have the same one.
    pub fn caller(&self) -> String {
        match &self.kind {
            PrincipalKind::Key(id) => format!("key:{id}"),
            PrincipalKind::User(subject) => format!("user:{subject}"),
            PrincipalKind::Anonymous => "anonymous".to_owned(),
        }
    }

    /// `None` for nobody in particular.
    pub fn actor(&self) -> Option<Actor> {
        let authtype = match &self.kind {
            PrincipalKind::Key(_) => "api_key",
            PrincipalKind::User(_) => "user",
            PrincipalKind::Anonymous => return None,
        };
        self.subject().map(|subject| Actor { authtype: authtype.into(), authid: subject.to_owned() })
    }
}
