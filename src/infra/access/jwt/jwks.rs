use std::{path::PathBuf, time::Duration};

use reqwest::{Client, Url, redirect};

use super::key_set::KeySet;

/// Where the keys of the identity provider are.
#[derive(Debug)]
pub(super) enum JwksSource {
    File(PathBuf),
    Url(Client, Url),
}

/// Why the keys of the identity provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    #[error("cannot read the file")]
    File(#[source] std::io::Error),
    #[error("cannot request the keys: {}", .0.to_string().trim_end_matches('.'))]
    Request(#[source] reqwest::Error),
    #[error("the answer is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("it is no JSON Web Key Set (RFC 7517)")]
    Malformed(#[source] serde_json::Error),
    #[error("it has no key for RS256, ES256, EdDSA, or, in a file, HS256; every key needs an id (kid)")]
    NoKey,
    #[error("the URL is neither http nor https")]
    Scheme,
}

const MAX_BYTES: usize = 1 << 20;

const TIMEOUT: Duration = Duration::from_secs(3);

impl JwksSource {
    pub(super) fn new(place: &str) -> Result<Self, JwksError> {
        if !place.contains("://") {
            return Ok(Self::File(place.into()));
        }
        let url = Url::parse(place).map_err(|_| JwksError::Scheme)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(JwksError::Scheme);
        }
        // sqlx uses ring, too. Without an installed provider reqwest panics.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("orders/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none());
        let client = if url.scheme() == "http" { client.tls_certs_only([]) } else { client };
        Ok(Self::Url(client.build().map_err(JwksError::Request)?, url))
    }

    pub(super) const fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    pub(super) async fn read(&self) -> Result<KeySet, JwksError> {
        match self {
            Self::File(_) => self.read_file(),
            Self::Url(client, url) => parse(&request(client, url).await?, false),
        }
    }

    /// Only a file can be read without waiting.
    pub(super) fn read_file(&self) -> Result<KeySet, JwksError> {
        match self {
            Self::File(path) => parse(&std::fs::read(path).map_err(JwksError::File)?, true),
            Self::Url(..) => Ok(KeySet::default()),
        }
    }
}

fn parse(json: &[u8], with_secrets: bool) -> Result<KeySet, JwksError> {
    let keys = KeySet::parse(json, with_secrets).map_err(JwksError::Malformed)?;
    if keys.len() == 0 { Err(JwksError::NoKey) } else { Ok(keys) }
}

async fn request(client: &Client, url: &Url) -> Result<Vec<u8>, JwksError> {
    let request = client.get(url.clone()).send().await.and_then(reqwest::Response::error_for_status);
    // The URL may have a password.
    let without_url = |error: reqwest::Error| JwksError::Request(error.without_url());
    let mut response = request.map_err(without_url)?;
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(without_url)? {
        if body.len() + part.len() > MAX_BYTES {
            return Err(JwksError::TooLong);
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}
