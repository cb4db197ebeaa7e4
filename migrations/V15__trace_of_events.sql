-- The traceparent of the request that caused an event (the Distributed Tracing extension of CloudEvents). Null where the request
-- had none, and for older events.
alter table order_events add column traceparent text;
