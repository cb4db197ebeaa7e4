use std::borrow::Cow;

/// Who caused an event, in the terms of the Auth Context extension of CloudEvents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The kind of the actor, e.g. `user` or `api_key`. A newer release may know more kinds.
    pub authtype: Cow<'static, str>,
    /// The subject, within the tenant of the event.
    pub authid: String,
}
