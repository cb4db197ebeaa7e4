//! Who may do what.

mod actor;
mod api_key;
mod principal;
mod scope;
mod subject;

pub use actor::Actor;
pub use api_key::{ApiKey, KeyId, KeyIdError, KeyName, KeyNameError};
pub use principal::{Principal, PrincipalKind};
pub use scope::{Scope, Scopes, UnknownScope};
pub use subject::{Subject, SubjectError};

/// Whether the text is not blank, and has no character that reverses, hides or breaks a part of a line.
fn is_plain_text(text: &str, max_chars: usize) -> bool {
    let is_format = |c: char| {
        matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
    };
    !text.trim().is_empty()
        && text.chars().count() <= max_chars
        && !text.chars().any(|c| c.is_control() || is_format(c))
}
