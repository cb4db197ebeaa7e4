use std::{collections::HashMap, fmt};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{
    app::CredentialError,
    domain::{Principal, PrincipalKind, Scopes},
};

/// The names of the claims that say who the caller is.
#[derive(Clone, Debug)]
pub(super) struct ClaimNames {
    pub(super) tenant: String,
    pub(super) subject: String,
    pub(super) scope: String,
    pub(super) customer: String,
}

/// The claims of a token. No claim is there twice: two readers might choose differently.
#[derive(Debug)]
pub(super) struct Claims(HashMap<String, Value>);

impl Claims {
    /// The caller. A customer that cannot be read refuses the token: it must not see all customers.
    pub(super) fn principal(&self, names: &ClaimNames) -> Result<Principal, CredentialError> {
        let wrong = CredentialError::WrongClaim;
        let text = |name: &str| match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(wrong),
        };
        let tenant = text(&names.tenant)?.and_then(|tenant| tenant.parse().ok()).ok_or(wrong)?;
        let subject = text(&names.subject)?.and_then(|subject| subject.parse().ok()).ok_or(wrong)?;
        let customer = text(&names.customer)?.map(|customer| customer.parse().map_err(|_| wrong)).transpose()?;
        Ok(Principal { tenant, kind: PrincipalKind::User(subject), scopes: self.scopes(&names.scope)?, customer })
    }

    /// A text with spaces in between (RFC 8693, section 4.2), or a list. Other systems' scopes are ignored.
    fn scopes(&self, name: &str) -> Result<Scopes, CredentialError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(Scopes::NONE),
            Some(Value::String(text)) => Ok(Scopes::known(text.split(' '))),
            Some(Value::Array(names)) => {
                let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
                Ok(Scopes::known(names.ok_or(CredentialError::WrongClaim)?))
            }
            Some(_) => Err(CredentialError::WrongClaim),
        }
    }

    /// `exp` (RFC 7519, section 4.1.4).
    #[expect(clippy::cast_possible_truncation, reason = "it saturates, and the fraction of a second does not count")]
    pub(super) fn expires_at(&self) -> Result<OffsetDateTime, CredentialError> {
        let seconds = self.0.get("exp").and_then(Value::as_f64).ok_or(CredentialError::WrongClaim)?;
        // Times after the year 9999 cannot be shown, and are as good as that one.
        let last = OffsetDateTime::from_unix_timestamp(253_402_300_799);
        OffsetDateTime::from_unix_timestamp(seconds as i64).or(last).map_err(|_| CredentialError::WrongClaim)
    }
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueNames).map(Self)
    }
}

struct UniqueNames;

impl<'de> Visitor<'de> for UniqueNames {
    type Value = HashMap<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut claims = HashMap::new();
        while let Some((name, value)) = entries.next_entry::<String, Value>()? {
            if claims.insert(name, value).is_some() {
                return Err(A::Error::custom("a claim is there twice"));
            }
        }
        Ok(claims)
    }
}
