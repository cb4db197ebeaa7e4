use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};

use crate::{app::Expected, http::response::problem::Problem};

/// `*` or a list of entity tags. An empty header is no header.
pub(crate) const ENTITY_TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)?$"#;

/// `If-Match` (RFC 9110, section 13.1.1), compared strongly: a weak tag matches nothing.
pub(crate) fn if_match(request: &HttpRequest) -> Result<Option<Expected>, Problem> {
    Ok(entity_tags(request, &header::IF_MATCH)?.map(|tags| match tags {
        Tags::Any => Expected::Any,
        Tags::Listed(tags) => {
            let strong = tags.into_iter().filter(|tag| !tag.weak);
            Expected::OneOf(strong.filter_map(|tag| tag.version).collect())
        }
    }))
}

/// Whether `If-None-Match` names this version (RFC 9110, section 13.1.2), compared weakly.
pub(crate) fn is_known(request: &HttpRequest, version: u32) -> Result<bool, Problem> {
    Ok(match entity_tags(request, &header::IF_NONE_MATCH)? {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::Listed(tags)) => tags.iter().any(|tag| tag.version == Some(version)),
    })
}

enum Tags {
    Any,
    Listed(Vec<Tag>),
}

struct Tag {
    weak: bool,
    /// `None` for a tag that this service cannot have issued.
    version: Option<u32>,
}

/// `*` or a list of entity tags (RFC 9110, section 8.8.3).
fn entity_tags(request: &HttpRequest, name: &HeaderName) -> Result<Option<Tags>, Problem> {
    let malformed = || Problem::parameter(name.as_str(), "The value is * or a list of entity tags, e.g. \"3\".");
    let mut values = request.headers().get_all(name).peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    let mut tags = Vec::new();
    for value in values {
        let mut rest = value.to_str().map_err(|_| malformed())?.trim();
        if rest == "*" {
            return Ok(Some(Tags::Any));
        }
        loop {
            // Empty elements of a list are skipped (RFC 9110, section 5.6.1).
            rest = rest.trim_start_matches([',', ' ', '\t']);
            if rest.is_empty() {
                break;
            }
            let (weak, opaque) = rest.strip_prefix("W/").map_or((false, rest), |opaque| (true, opaque));
            let (tag, behind) = opaque.strip_prefix('"').and_then(|open| open.split_once('"')).ok_or_else(malformed)?;
            tags.push(Tag { weak, version: tag.parse().ok().filter(|version: &u32| version.to_string() == tag) });
            let behind = behind.trim_start();
            if !behind.is_empty() && !behind.starts_with(',') {
                return Err(malformed());
            }
            rest = behind;
        }
    }
    // An empty header is no header.
    Ok((!tags.is_empty()).then_some(Tags::Listed(tags)))
}
