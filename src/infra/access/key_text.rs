use std::{fmt, str::FromStr};

use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

use crate::{
    app::{NewSecret, SecretHash},
    domain::{KeyId, KeyIdError},
};

/// An API key as callers send it: `ord_`, the id, `_`, and a secret of 256 bits in hexadecimal digits.
#[derive(Clone)]
pub struct KeyText {
    pub(super) id: KeyId,
    secret: String,
}

/// The beginning of every key, by which people and scanners recognise one.
pub(super) const PREFIX: &str = "ord_";

const SECRET_DIGITS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an API key is ord_, 16 hexadecimal digits, _, and 64 hexadecimal digits")]
pub struct KeyTextError;

impl From<KeyIdError> for KeyTextError {
    fn from(_: KeyIdError) -> Self {
        Self
    }
}

impl KeyText {
    pub(super) fn hash(&self) -> SecretHash {
        Sha256::digest(&self.secret).into()
    }

    pub fn into_secret(self) -> NewSecret {
        let hash = self.hash();
        NewSecret::new(self.id, self.secret, hash)
    }

    /// A new id and a new secret.
    #[expect(clippy::expect_used, reason = "hexadecimal digits of these lengths are a key")]
    pub(super) fn random() -> Self {
        let (id, secret) = (hex(&random_bytes::<8>()), hex(&random_bytes::<32>()));
        let text = format!("{PREFIX}{id}_{secret}");
        text.parse().expect("hexadecimal digits of these lengths are a key")
    }
}

impl FromStr for KeyText {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        let (id, secret) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(KeyTextError)?;
        let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if secret.len() != SECRET_DIGITS || !secret.bytes().all(is_digit) {
            return Err(KeyTextError);
        }
        Ok(Self { id: id.parse()?, secret: secret.to_owned() })
    }
}

impl fmt::Debug for KeyText {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyText").field("id", &self.id).finish_non_exhaustive()
    }
}

#[expect(clippy::expect_used, reason = "without random numbers no key may be made")]
fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system has random bytes");
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_reads_back_and_no_two_are_equal() {
        let (one, other) = (KeyText::random(), KeyText::random());
        let text = one.clone().into_secret().key_text(&one.id);
        let read: KeyText = text.parse().unwrap();
        assert_eq!((&read.id, read.hash()), (&one.id, one.hash()));
        assert!(one.id != other.id && one.hash() != other.hash());
        assert!(!format!("{one:?}").contains(&one.secret));
    }

    #[test]
    fn only_the_documented_form_is_a_key() {
        let (id, secret) = ("0123456789abcdef", "0".repeat(64));
        assert!(format!("ord_{id}_{secret}").parse::<KeyText>().is_ok());
        for text in [
            format!("ord_{id}_{}", &secret[1..]),
            format!("ord_{id}_{secret}0"),
            format!("ORD_{id}_{secret}"),
            format!("ord_{}_{secret}", id.to_uppercase()),
            format!("ord_{id}{secret}"),
            format!("ord_{id}_{}", "g".repeat(64)),
            String::new(),
        ] {
            assert_eq!(text.parse::<KeyText>().unwrap_err(), KeyTextError, "{text}");
        }
    }
}
