use std::sync::Arc;

use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// The path in front of every path of the service, for clients that reach it through a proxy that removes this path.
/// Usually empty.
#[derive(Clone, Debug, Default)]
pub struct BasePath(Arc<str>);

impl BasePath {
    /// `path` begins with a slash and does not end with one, or is empty.
    pub fn new(path: &str) -> Self {
        Self(path.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts the path in front of the paths in `Location` and `Link`. Handlers write them as the service serves them.
    pub(crate) fn prepend_to_headers(&self, headers: &mut HeaderMap) {
        if self.is_empty() {
            return;
        }
        let base = self.as_str();
        rewrite_header(headers, header::LOCATION, |path| format!("{base}{path}"));
        rewrite_header(headers, header::LINK, |links| links.replace("</", &format!("<{base}/")));
    }
}

fn rewrite_header(headers: &mut HeaderMap, name: header::HeaderName, rewrite: impl Fn(&str) -> String) {
    let value = headers.get(&name).and_then(|value| value.to_str().ok());
    if let Some(Ok(value)) = value.map(|value| HeaderValue::try_from(rewrite(value))) {
        headers.insert(name, value);
    }
}
