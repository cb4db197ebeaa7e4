use std::env;

use log::LevelFilter;

/// Everything that is worth a line in production.
const DEFAULT: &str = "info,sqlx::postgres::notice=warn,actix_server=warn,actix_http::h1::dispatcher=off";

/// The parts of `RUST_LOG` that the logger would take for the name of a part of the program, and so silence all others.
#[derive(Debug, thiserror::Error)]
#[error(
    "RUST_LOG={text}: {directive:?} is no level: allowed are off, error, warn, info, debug and trace, and PART=LEVEL, \
     separated by commas, e.g. info,orders::domain=debug"
)]
pub struct LogLevelsError {
    text: String,
    directive: String,
}

/// The levels of `RUST_LOG`, or the default ones.
pub(super) fn from_env() -> Result<String, LogLevelsError> {
    match env::var("RUST_LOG") {
        Ok(text) if !text.trim().is_empty() => check(text),
        Ok(_) | Err(env::VarError::NotPresent) => Ok(DEFAULT.to_owned()),
        Err(env::VarError::NotUnicode(text)) => check(text.to_string_lossy().into_owned()),
    }
}

fn check(text: String) -> Result<String, LogLevelsError> {
    // Behind a slash is a text that lines must contain.
    let directives = text.split('/').next().unwrap_or_default();
    match directives.split(',').find(|directive| !is_allowed(directive.trim())) {
        Some(directive) => {
            let directive = directive.to_owned();
            Err(LogLevelsError { text, directive })
        }
        None => Ok(text),
    }
}

fn is_allowed(directive: &str) -> bool {
    match directive.split_once('=') {
        Some((part, level)) => is_part(part.trim()) && is_level(level.trim()),
        // All levels of a part of this program: any other single word is a level with a mistake in it.
        None => directive.is_empty() || is_level(directive) || (is_part(directive) && is_own(directive)),
    }
}

fn is_level(text: &str) -> bool {
    text.parse::<LevelFilter>().is_ok()
}

fn is_own(part: &str) -> bool {
    part == "orders" || part.starts_with("orders::")
}

/// The path of a module.
fn is_part(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    text.split("::").all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_parts_with_levels_are_allowed() {
        for text in [
            "info",
            "WARN",
            "off",
            "warn,orders::http=info",
            "orders",
            "orders::domain",
            " info , sqlx=trace ",
            "debug/retry",
        ] {
            assert!(check(text.to_owned()).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_would_silence_everything_else_is_refused() {
        for text in
            ["!!!", "inof", "info,dbug", "orders=", "orders=loud", "=info", "info;warn", "orders:http=info", "a=b=c"]
        {
            assert!(check(text.to_owned()).is_err(), "{text}");
        }
    }
}
