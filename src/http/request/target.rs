use actix_web::http::Uri;

use crate::http::response::problem::Problem;

/// Refuses percent-encoded bytes that are not UTF-8 (RFC 3629): every text of the API is UTF-8, and a replacement could
/// match something else.
pub(crate) fn check_encoding(uri: &Uri) -> Result<(), Problem> {
    let refused = |name: &str| Problem::parameter(name, "The percent-encoded bytes are not UTF-8.");
    if !is_utf8(uri.path()) {
        return Err(refused("path"));
    }
    let wrong = uri.query().and_then(|query| query.split('&').find(|pair| !is_utf8(pair)));
    wrong.map_or(Ok(()), |pair| Err(refused(pair.split('=').next().unwrap_or_default())))
}

fn is_utf8(text: &str) -> bool {
    // Most targets have nothing to decode.
    !text.contains('%') || std::str::from_utf8(&decoded(text.as_bytes())).is_ok()
}

/// A `%` without two hexadecimal digits is a character like others.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        let encoded = match rest {
            [b'%', high, low, ..] => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.push(encoded.unwrap_or(*first));
        rest = if encoded.is_some() { rest.get(3..).unwrap_or_default() } else { behind };
    }
    bytes
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf_8_are_refused_by_the_name_of_their_parameter() {
        for good in ["/orders", "/%C3%A9?a=%c3%a9&%C3%A9", "/?a=%&b=%4&c=%zz&d=100%", "/%EF%BF%BD", "/%00"] {
            assert!(check_encoding(&good.parse().unwrap()).is_ok(), "{good}");
        }
        for (bad, name) in [
            ("/%ff", "path"),
            ("/orders/caf%E9/events?a=%E9", "path"),
            ("/?a=1&b=caf%E9&c=%E9", "b"),
            ("/?a=%C3&b=%A9", "a"),
            ("/?%E9=1", "%E9"),
            ("/?a=%ED%A0%80", "a"),
            ("/?a=%C0%AF", "a"),
        ] {
            let problem = check_encoding(&bad.parse().unwrap()).unwrap_err();
            assert_eq!(problem.errors[0].parameter.as_deref(), Some(name), "{bad}");
        }
    }
}
