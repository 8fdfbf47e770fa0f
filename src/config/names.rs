//! Names and numbers that must not be mixed up: apps, callers, SDKAppIDs.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::Expected;

/// Longest name of an app or a caller, in bytes: names become metric labels, which should stay short.
pub const MAX_NAME_BYTES: usize = 64;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to 64 of `A-Z a-z 0-9 _ -`. Cloning it shares the text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as it is written in the configuration.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Expected;

            fn from_str(text: &str) -> Result<Self, Expected> {
                checked(text).map(|text| Self(text.into()))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        // So that a map keyed by names can be asked with a plain `&str`.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// The name of a configured app, by which callers ask for it.
    AppName
}

name! {
    /// The name of a configured caller, as logs and metrics show it.
    CallerName
}

fn checked(text: &str) -> Result<&str, Expected> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(fits) {
        Ok(text)
    } else {
        Err(Expected::new("a name of 1 to 64 letters, digits, `_` or `-`"))
    }
}

/// The number Chat gives to an app: 1 to 4,294,967,295 (the documentation calls it an unsigned 32-bit integer).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SdkAppId(u64);

impl SdkAppId {
    /// The largest SDKAppID.
    pub const MAX: u64 = u32::MAX as u64;

    /// An SDKAppID, if the number can be one.
    ///
    /// # Errors
    /// For 0 and for numbers above [`SdkAppId::MAX`].
    pub fn new(id: u64) -> Result<Self, Expected> {
        if (1..=Self::MAX).contains(&id) {
            Ok(Self(id))
        } else {
            Err(Expected::new("an SDKAppID from 1 to 4294967295"))
        }
    }

    /// The plain number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SdkAppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for SdkAppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        let longest = "a".repeat(64);
        for good in ["prod", "eu-1_B", "7", longest.as_str()] {
            assert_eq!(good.parse::<AppName>().unwrap().as_str(), good);
        }
        let too_long = "a".repeat(65);
        for bad in ["", "two words", "naïve", "a.b", too_long.as_str()] {
            assert!(bad.parse::<AppName>().is_err(), "{bad:?} passed");
        }
    }

    #[test]
    fn a_map_of_names_is_asked_with_plain_text() {
        let map = std::collections::HashMap::from([("prod".parse::<AppName>().unwrap(), 1)]);
        assert_eq!(map.get("prod"), Some(&1));
    }

    #[test]
    fn an_sdk_app_id_is_a_32_bit_number_other_than_zero() {
        assert!(SdkAppId::new(0).is_err());
        assert!(SdkAppId::new(4_294_967_296).is_err());
        assert_eq!(SdkAppId::new(4_294_967_295).unwrap().get(), SdkAppId::MAX);
    }
}
