use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};

use crate::{
    app::Versions,
    http::response::{code::Code, problem::Problem},
};

/// `*` or a list of entity tags. An empty header is no header.
pub(crate) const ENTITY_TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)?$"#;

/// The versions in `If-Match` (RFC 9110, section 13.1.1), compared strongly: a weak tag matches nothing.
pub(crate) fn if_match(request: &HttpRequest) -> Result<Option<Versions>, Problem> {
    Ok(entity_tags(request, &header::IF_MATCH)?.map(|tags| tags.versions(|tag| !tag.weak)))
}

/// The versions in `If-None-Match` (RFC 9110, section 13.1.2), compared weakly.
pub(crate) fn if_none_match(request: &HttpRequest) -> Result<Option<Versions>, Problem> {
    Ok(entity_tags(request, &header::IF_NONE_MATCH)?.map(|tags| tags.versions(|_| true)))
}

/// Checks `If-Match` on a read, and whether `If-None-Match` names this version, i.e. the answer is 304.
pub(crate) fn is_known(request: &HttpRequest, version: u32) -> Result<bool, Problem> {
    // Both are read first: a malformed one is a 400, whatever the other one says.
    let (expected, known) = (if_match(request)?, if_none_match(request)?);
    if expected.is_some_and(|expected| !expected.contain(version)) {
        return Err(Problem::stale(version));
    }
    Ok(known.is_some_and(|known| known.contain(version)))
}

/// Refuses `If-Match` with an entity tag on a resource that has none.
pub(crate) fn has_no_tag(request: &HttpRequest) -> Result<(), Problem> {
    match if_match(request)? {
        Some(Versions::OneOf(_)) => {
            let detail = "This resource has no version. Send the request without If-Match.";
            Err(Problem::new(Code::PreconditionFailed, detail))
        }
        None | Some(Versions::Any) => Ok(()),
    }
}

enum Tags {
    Any,
    Listed(Vec<Tag>),
}

impl Tags {
    fn versions(self, matches: fn(&Tag) -> bool) -> Versions {
        match self {
            Self::Any => Versions::Any,
            Self::Listed(tags) => {
                Versions::OneOf(tags.into_iter().filter(matches).filter_map(|tag| tag.version).collect())
            }
        }
    }
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
    let (mut tags, mut any) = (Vec::new(), false);
    for value in values {
        let mut rest = value.to_str().map_err(|_| malformed())?.trim();
        if rest == "*" {
            any = true;
            continue;
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
    match (any, tags.is_empty()) {
        (true, true) => Ok(Some(Tags::Any)),
        (true, false) => Err(malformed()),
        // An empty header is no header.
        (false, is_empty) => Ok((!is_empty).then_some(Tags::Listed(tags))),
    }
}
