use std::{fmt, str::FromStr};

/// A stock keeping unit, the code of a product: 8 to 12 ASCII letters and digits, in upper case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sku(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkuError {
    #[error("a SKU has {} to {} characters", Sku::MIN_CHARS, Sku::MAX_CHARS)]
    Length,
    #[error("a SKU has only the letters A-Z and the digits 0-9")]
    Character,
}

impl Sku {
    pub const MIN_CHARS: usize = 8;
    pub const MAX_CHARS: usize = 12;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Sku {
    type Err = SkuError;

    fn from_str(text: &str) -> Result<Self, SkuError> {
        let text = text.trim();
        if !(Self::MIN_CHARS..=Self::MAX_CHARS).contains(&text.chars().count()) {
            Err(SkuError::Length)
        } else if !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Err(SkuError::Character)
        } else {
            Ok(Self(text.to_ascii_uppercase()))
        }
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
