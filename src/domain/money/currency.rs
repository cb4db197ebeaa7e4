use std::{fmt, str::FromStr};

/// A currency of prices: an ISO 4217 alphabetic code, with the number of decimals of its minor unit.
///
/// Codes without a minor unit are left out: precious metals, testing, "no currency".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: &'static str,
    decimals: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a currency is an ISO 4217 alphabetic code in upper case, e.g. EUR")]
pub struct CurrencyError;

impl Currency {
    /// The currency of an order that does not name one.
    pub const EUR: Self = Self { code: "EUR", decimals: 2 };

    /// Every currency.
    pub fn all() -> impl Iterator<Item = Self> {
        BY_DECIMALS
            .iter()
            .flat_map(|(decimals, codes)| codes.split_ascii_whitespace().map(|code| Self { code, decimals: *decimals }))
    }

    pub const fn code(self) -> &'static str {
        self.code
    }

    /// How many decimals an amount has: 2 for EUR, 0 for JPY, 3 for KWD.
    pub const fn decimals(self) -> u32 {
        self.decimals
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        Self::all().find(|currency| currency.code == text).ok_or(CurrencyError)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code)
    }
}

/// ISO 4217 list one, by the decimals of the minor unit. The most common codes come first, so that the search is short.
const BY_DECIMALS: [(u32, &str); 4] = [
    (
        2,
        "EUR USD GBP CHF AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF \
         CHE CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB FJD FKP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR \
         ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV \
         MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD \
         SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG",
    ),
    (0, "JPY BIF CLP DJF GNF ISK KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (3, "KWD BHD IQD JOD LYD OMR TND"),
    (4, "CLF UYW"),
];
