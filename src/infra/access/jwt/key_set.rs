use std::collections::HashMap;

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use super::crypto::is_supported;

/// The keys of an identity provider by their ids.
#[derive(Debug, Default)]
pub(super) struct KeySet(HashMap<String, SigningKey>);

/// A key, and the only algorithm that it is for. A token cannot choose another one.
#[derive(Clone, Debug)]
pub(super) struct SigningKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517, section 5). Keys that this service cannot use are left out, as the RFC asks. A shared secret
    /// (HS256) counts only where it cannot have come over the network.
    pub(super) fn parse(json: &[u8], with_secrets: bool) -> Result<Self, serde_json::Error> {
        let Document { keys } = serde_json::from_slice(json)?;
        let usable = keys.into_iter().filter_map(|key| {
            let key: Jwk = serde_json::from_value(key).ok()?;
            let id = key.common.key_id.clone()?;
            Some((id, SigningKey::new(&key, with_secrets)?))
        });
        Ok(Self(usable.collect()))
    }

    pub(super) fn find(&self, id: &str) -> Option<&SigningKey> {
        self.0.get(id)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl SigningKey {
    fn new(key: &Jwk, with_secrets: bool) -> Option<Self> {
        let algorithm = match &key.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
            AlgorithmParameters::OctetKey(_) if with_secrets => Algorithm::HS256,
            _ => return None,
        };
        let named = key.common.key_algorithm;
        let is_named = named.is_none_or(|named| named == KeyAlgorithm::from(algorithm));
        let is_for_signatures =
            key.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
        let key =
            DecodingKey::from_jwk(key).ok().filter(|_| is_named && is_for_signatures && is_supported(algorithm))?;
        Some(Self { algorithm, key })
    }
}
