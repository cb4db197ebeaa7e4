use std::{fmt, str::FromStr};

/// Makes everything that depends on the list of scopes.
macro_rules! scopes {
    ($($name:ident = $text:literal, $description:literal;)+) => {
        /// A right that a route demands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope { $($name),+ }

        impl Scope {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What it allows.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $description),+ }
            }
        }
    };
}

scopes! {
    OrdersRead = "orders:read", "Read orders, their histories and the products";
    OrdersWrite = "orders:write", "Create and change orders";
    EventsRead = "events:read", "Read and follow the events of the own tenant";
    EventsReadAll = "events:read:all", "Read and follow the events of all tenants: for operators";
    EventsManage = "events:manage", "See and manage the sinks of the event log";
    WebhooksManage = "webhooks:manage", "See and manage webhooks";
    KeysManage = "keys:manage", "Create, list, rotate and revoke the API keys of the own tenant";
    MetricsRead = "metrics:read", "Read the metrics";
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope {0:?}; the scopes are {list}", list = Scope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", "))]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == text).ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A set of scopes. It remembers whether it has scopes that only a newer release knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u16);

impl Scopes {
    pub const NONE: Self = Self(0);

    const OF_A_NEWER_RELEASE: u16 = 1 << 15;

    pub fn all() -> Self {
        Scope::ALL.iter().copied().collect()
    }

    /// The known scopes of a list that also has those of other systems.
    pub fn known<'t>(names: impl IntoIterator<Item = &'t str>) -> Self {
        names.into_iter().filter_map(|name| name.parse::<Scope>().ok()).collect()
    }

    /// The scopes that a key was granted. A newer release may have granted ones that this release does not know.
    pub fn granted<'t>(names: impl IntoIterator<Item = &'t str>) -> Self {
        let bit = |name: &str| name.parse().map_or(Self::OF_A_NEWER_RELEASE, Self::bit);
        Self(names.into_iter().fold(0, |set, name| set | bit(name)))
    }

    pub const fn has(self, scope: Scope) -> bool {
        self.0 & Self::bit(scope) != 0
    }

    /// In the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.has(*scope))
    }

    /// The scopes of this set that the other one lacks. Those of a newer release may be others in each set.
    #[must_use]
    pub const fn beyond(self, other: Self) -> Self {
        Self(self.0 & (!other.0 | Self::OF_A_NEWER_RELEASE))
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn bit(scope: Scope) -> u16 {
        1 << scope as u16
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | Self::bit(scope)))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let newer = (self.0 & Self::OF_A_NEWER_RELEASE != 0).then_some("(a scope of a newer release)");
        f.write_str(&self.iter().map(Scope::as_str).chain(newer).collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_a_newer_release_are_beyond_those_of_everybody() {
        let [known, newer] = [["orders:read"], ["orders:fly"]].map(Scopes::granted);
        assert!(known.beyond(Scopes::all()).is_empty());
        for other in [Scopes::NONE, Scopes::all(), newer] {
            let beyond = newer.beyond(other);
            assert!(!beyond.is_empty() && beyond.to_string() == "(a scope of a newer release)");
        }
        assert_eq!(newer.iter().next(), None);
    }
}
