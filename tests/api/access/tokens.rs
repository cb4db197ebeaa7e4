//! JSON Web Tokens, signed here with keys of each kind.

use std::{fs, path::PathBuf, time::SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use orders::infra::{AccessSettings, JwtSettings, LimitSettings, MemoryStore};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{helpers::Api, support::adapters::no_limits};

use super::reason;

pub(super) const ISSUER: &str = "https://issuer.example.com";
pub(super) const AUDIENCE: &str = "orders";

/// A service that accepts tokens, and the keys that sign them.
pub(super) struct Issuer {
    api: Api,
    ecdsa: EcdsaKeyPair,
    edwards: Ed25519KeyPair,
    secret: [u8; 32],
    _dir: TempDir,
}

pub(super) fn settings(jwks: &str, issuer: &str) -> AccessSettings {
    let jwt = JwtSettings {
        jwks: jwks.to_owned(),
        issuer: issuer.to_owned(),
        audience: AUDIENCE.to_owned(),
        tenant_claim: "tenant".to_owned(),
        subject_claim: "sub".to_owned(),
        scope_claim: "scope".to_owned(),
        customer_claim: "customer".to_owned(),
    };
    AccessSettings { keys: false, jwt: Some(jwt) }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[expect(clippy::disallowed_methods, reason = "the clock of the issuer")]
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "tenant": "acme", "scope": "openid orders:read orders:write",
        "iat": now(), "nbf": now(), "exp": now() + 600,
    })
}

pub(super) fn with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

impl Issuer {
    fn start() -> Self {
        Self::start_with(no_limits())
    }

    pub(super) fn start_with(limits: LimitSettings) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ecdsa = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let edwards = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let secret = [7; 32];
        let point = ecdsa.public_key().as_ref();
        let keys = json!({"keys": [
            {"kty": "EC", "crv": "P-256", "kid": "ec", "x": encode(&point[1..33]), "y": encode(&point[33..])},
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "alg": "EdDSA", "use": "sig", "x": encode(edwards.public_key())},
            {"kty": "oct", "kid": "hs", "alg": "HS256", "k": encode(secret)},
            // What this service cannot use does not keep it from using the others.
            {"kty": "EC", "crv": "P-521", "kid": "p521", "x": "AA", "y": "AA"},
            {"kty": "EC", "crv": "secp256k1", "kid": "k1", "x": "AA", "y": "AA"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "enc", "use": "enc", "x": encode(edwards.public_key())},
            {"kty": "new", "kid": "new"},
        ]});
        let dir = tempfile::tempdir().unwrap();
        let file: PathBuf = dir.path().join("jwks.json");
        fs::write(&file, keys.to_string()).unwrap();
        let access = settings(file.to_str().unwrap(), ISSUER);
        let api = Api::builder().access(access).limits(limits).start_on(MemoryStore::default());
        Self { api, ecdsa, edwards, secret, _dir: dir }
    }

    /// A token with this header, over these claims, signed by the key of its algorithm.
    fn sign(&self, header: &Value, claims: &str) -> String {
        let message = format!("{}.{}", encode(header.to_string()), encode(claims));
        let signature = match header["alg"].as_str().unwrap() {
            "ES256" => self.ecdsa.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            "EdDSA" => self.edwards.sign(message.as_bytes()).as_ref().to_vec(),
            // The attacker's trick: the public key of the issuer as the secret.
            "HS256" if header["kid"] != "hs" => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.ecdsa.public_key().as_ref()), message.as_bytes())
                    .as_ref()
                    .to_vec()
            }
            "HS256" => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.secret), message.as_bytes()).as_ref().to_vec()
            }
            _ => Vec::new(),
        };
        format!("{message}.{}", encode(signature))
    }

    pub(super) fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "ES256", "kid": "ec", "typ": "JWT"}), &claims.to_string())
    }

    pub(super) async fn get(&self, token: &str) -> crate::helpers::Answer {
        self.api.with_credential(token).get("/orders").await
    }
}

#[tokio::test]
async fn tokens_of_every_supported_algorithm_are_accepted_and_say_who_the_caller_is() {
    let issuer = Issuer::start();
    for (alg, kid) in [("ES256", "ec"), ("EdDSA", "ed"), ("HS256", "hs")] {
        let token = issuer.sign(&json!({"alg": alg, "kid": kid}), &claims().to_string());
        let caller = issuer.api.with_credential(&token);
        let me = caller.get("/me").await;
        assert_eq!(me.status, 200, "{alg}: {me:?}");
        assert_eq!(
            (&me.body["kind"], &me.body["tenant"], &me.body["subject"], &me.body["scopes"]),
            (&json!("user"), &json!("acme"), &json!("ann"), &json!(["orders:read", "orders:write"]))
        );
    }
    let caller = issuer.api.with_credential(&issuer.token(&claims()));
    let order = caller.order_path().await;
    let event = &caller.get(&format!("{order}/events")).await.body["events"][0];
    assert_eq!((&event["authtype"], &event["authid"]), (&json!("user"), &json!("ann")));
}

#[tokio::test]
async fn a_list_of_scopes_several_audiences_and_a_customer_are_read() {
    let issuer = Issuer::start();
    let token =
        issuer.token(&with(&json!({"scope": ["orders:read", "x"], "aud": ["other", AUDIENCE], "customer": "c-7"})));
    let me = issuer.api.with_credential(&token).get("/me").await.body;
    assert_eq!((&me["scopes"], &me["customer_id"]), (&json!(["orders:read"]), &json!("c-7")));
    // Clocks may differ by 30 s.
    for changes in [json!({"exp": now() - 10}), json!({"nbf": now() + 10})] {
        assert_eq!(issuer.get(&issuer.token(&with(&changes))).await.status, 200, "{changes}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_a_401_with_the_reason() {
    let issuer = Issuer::start();
    let cases = [
        (json!({"exp": now() - 60}), "expired"),
        (json!({"exp": null}), "wrong_claim"),
        (json!({"nbf": now() + 60}), "not_yet_valid"),
        (json!({"iss": "https://evil.example.com"}), "wrong_issuer"),
        (json!({"iss": null}), "wrong_issuer"),
        (json!({"aud": "other"}), "wrong_audience"),
        (json!({"aud": null}), "wrong_audience"),
        (json!({"tenant": null}), "wrong_claim"),
        (json!({"tenant": "Not A Tenant"}), "wrong_claim"),
        (json!({"tenant": 7}), "wrong_claim"),
        (json!({"sub": null}), "wrong_claim"),
        (json!({"sub": "ann\r\nX-Evil: 1"}), "wrong_claim"),
        (json!({"sub": "\u{202e}nna"}), "wrong_claim"),
        (json!({"customer": ""}), "wrong_claim"),
        (json!({"customer": ["a"]}), "wrong_claim"),
        (json!({"scope": 7}), "wrong_claim"),
        (json!({"scope": [7]}), "wrong_claim"),
    ];
    for (changes, expected) in cases {
        let answer = issuer.get(&issuer.token(&with(&changes))).await;
        assert_eq!((answer.status.as_u16(), reason(&answer)), (401, expected), "{changes}");
        assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
    }
    // Without a scope the caller is known, and may do nothing.
    assert_eq!(issuer.get(&issuer.token(&with(&json!({"scope": null})))).await.status, 403);
}

#[tokio::test]
async fn a_forged_token_is_a_401_with_the_reason() {
    let issuer = Issuer::start();
    let good = issuer.token(&claims());
    let (message, _) = good.rsplit_once('.').unwrap();
    let sign = |header: Value| issuer.sign(&header, &claims().to_string());
    let doubled = claims().to_string().replacen('{', "{\"tenant\":\"umbrella\",", 1);
    let padded = with(&json!({"padding": "x".repeat(8 << 10)}));
    let cases = [
        (format!("{message}."), "wrong_signature"),
        (format!("{message}.{}", encode([0; 64])), "wrong_signature"),
        // The keys that a token brings with it are not read.
        (
            format!(
                "{}.{}.{}",
                encode(json!({"alg": "EdDSA", "kid": "ed", "jku": "http://127.0.0.1:1/", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}}).to_string()),
                encode(claims().to_string()),
                encode([0; 64])
            ),
            "wrong_signature",
        ),
        (good.replace('.', ""), "malformed"),
        (format!("{good}.x"), "malformed"),
        (sign(json!({"alg": "none", "kid": "ec"})), "wrong_algorithm"),
        (sign(json!({"alg": "None", "kid": "ec"})), "wrong_algorithm"),
        (sign(json!({"alg": "HS256", "kid": "ec"})), "wrong_algorithm"),
        (sign(json!({"alg": "EdDSA", "kid": "ec"})), "wrong_algorithm"),
        (sign(json!({"alg": "ES256", "kid": "ed"})), "wrong_algorithm"),
        (sign(json!({"alg": "ES256"})), "no_key_id"),
        (sign(json!({"alg": "ES256", "kid": "nobody"})), "unknown_signing_key"),
        (sign(json!({"alg": "EdDSA", "kid": "enc"})), "unknown_signing_key"),
        (sign(json!({"alg": "ES256", "kid": "ec", "crit": ["exp"]})), "malformed"),
        (issuer.sign(&json!({"alg": "ES256", "kid": "ec"}), &doubled), "malformed"),
        (issuer.token(&padded), "too_long"),
    ];
    for (token, expected) in cases {
        let answer = issuer.get(&token).await;
        assert_eq!((answer.status.as_u16(), reason(&answer)), (401, expected), "{token}");
    }
    assert_eq!(issuer.get(&good).await.status, 200);
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    let issuer = Issuer::start();
    let token = issuer.token(&with(&json!({"scope": "events:read", "exp": now() + 3})));
    let mut stream = issuer.api.with_credential(&token).follow("/events/stream").await;
    let begun = tokio::time::Instant::now();
    while stream.block().await.is_some() {}
    // A test on a busy machine begins late, but the stream does not end before its token.
    assert!(begun.elapsed().as_secs() >= 1, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_stream_that_begins_within_the_leeway_goes_on_for_it() {
    let issuer = Issuer::start();
    let token = issuer.token(&with(&json!({"scope": "events:read", "exp": now() - 10})));
    let mut stream = issuer.api.with_credential(&token).follow("/events/stream").await;
    let begun = tokio::time::Instant::now();
    // Longer than the service looks whether a caller may still do this.
    while begun.elapsed().as_secs() < 5 {
        assert!(stream.block().await.is_some(), "ended after {:?}", begun.elapsed());
    }
}
