use lapin::{
    BasicProperties, Channel, PublisherConfirm,
    options::BasicPublishOptions,
    types::{AMQPValue, FieldTable},
};

use crate::app::{AttributeValue, Audience, LoggedEvent};

/// The durable topic exchange that receives every event.
pub(super) const EXCHANGE: &str = "orders.events";

const PERSISTENT: u8 = 2;

pub(super) async fn publish(channel: &Channel, event: &LoggedEvent) -> lapin::Result<PublisherConfirm> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let (key, payload) = (routing_key(&event.event_type).into(), event.data.as_bytes());
    channel.basic_publish(EXCHANGE.into(), key, options, payload, properties(event)).await
}

/// The type of the event without the version of its data: `order.created`.
pub(super) fn routing_key(event_type: &str) -> &str {
    let is_version = |suffix: &str| suffix.strip_prefix('v').is_some_and(|digits| digits.parse::<u32>().is_ok());
    let name = event_type.rsplit_once('.').filter(|(_, suffix)| is_version(suffix)).map(|(name, _)| name);
    name.unwrap_or(event_type)
}

/// The binary mode of CloudEvents. Its AMQP binding is for AMQP 1.0; its prefix for headers suits this version too.
fn properties(event: &LoggedEvent) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in event.attributes(Audience::AllTenants) {
        let value = match value {
            AttributeValue::Integer(integer) => AMQPValue::LongLongInt(integer.into()),
            value => AMQPValue::LongString(value.to_string().into()),
        };
        if name != "datacontenttype" {
            headers.insert(format!("cloudEvents_{name}").into(), value);
        }
    }
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(event.event_id.to_string().into())
        .with_timestamp(event.occurred_at.unix_timestamp().cast_unsigned())
        .with_type(event.event_type.as_str().into())
        .with_app_id("orders".into())
        .with_headers(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routing_key_is_the_type_without_its_version() {
        for (event_type, key) in [
            ("order.created.v1", "order.created"),
            ("order.item_added.v12", "order.item_added"),
            ("order.version", "order.version"),
            ("order.v", "order.v"),
        ] {
            assert_eq!(routing_key(event_type), key);
        }
    }
}
