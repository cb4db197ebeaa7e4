use crate::{app::Cause, domain::Actor, trace::TraceContext};

/// What the events of the current request are caused by.
pub(super) fn current_cause(actor: Option<Actor>) -> Cause {
    Cause { actor, traceparent: TraceContext::current().and_then(TraceContext::traceparent_of_caller) }
}
