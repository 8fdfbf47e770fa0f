//! What stands in a call's URL after the question mark.

use std::collections::HashMap;

use axum::extract::Query as Pairs;
use http::Uri;

use super::reply::Refusal;

/// The parameters, as far as they can be read, and what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) sdk_app_id: Option<u64>,
    pub(super) random: Option<u32>,
    pub(super) identifier: String,
    pub(super) usersig: String,
    pub(super) wrong: Option<Refusal>,
}

impl Query {
    /// Reads all five parameters; names are case-sensitive and others are ignored.
    pub(super) fn read(uri: &Uri) -> Self {
        let Ok(Pairs(mut pairs)) = Pairs::<HashMap<String, String>>::try_from_uri(uri) else {
            let wrong = Some(Refusal::new(60002, "the URL's query cannot be read"));
            return Self { wrong, ..Self::default() };
        };
        let mut query = Self {
            sdk_app_id: number(&pairs, "sdkappid"),
            random: number(&pairs, "random"),
            identifier: pairs.remove("identifier").unwrap_or_default(),
            usersig: pairs.remove("usersig").unwrap_or_default(),
            wrong: None,
        };
        query.wrong = query.fault(&pairs);
        query
    }

    fn fault(&self, pairs: &HashMap<String, String>) -> Option<Refusal> {
        if !pairs.contains_key("sdkappid") {
            return Some(Refusal::new(60012, "sdkappid is missing"));
        }
        if self.sdk_app_id.is_none() {
            return Some(Refusal::new(60006, "sdkappid is no number"));
        }
        if pairs.get("contenttype").map(String::as_str) != Some("json") {
            return Some(Refusal::new(60002, "contenttype is not json"));
        }
        if self.random.is_none() {
            return Some(Refusal::new(60002, "random is no unsigned number of 32 bits"));
        }
        self.identifier.is_empty().then(|| Refusal::new(60004, "identifier is missing"))
    }
}

/// Digits alone: `str::parse` would take a sign.
fn number<N: std::str::FromStr>(pairs: &HashMap<String, String>, name: &str) -> Option<N> {
    let text = pairs.get(name)?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(query: &str) -> Query {
        Query::read(&format!("/v4/s/c?{query}").parse().unwrap())
    }

    #[test]
    fn a_right_query_is_read_whole() {
        let query = read("sdkappid=14&identifier=a%20b&usersig=eJ*-_&random=4294967295&contenttype=json");
        assert!(query.wrong.is_none());
        assert_eq!((query.sdk_app_id, query.random), (Some(14), Some(u32::MAX)));
        assert_eq!((query.identifier.as_str(), query.usersig.as_str()), ("a b", "eJ*-_"));
    }

    #[test]
    fn each_mistake_has_its_code() {
        let code = |query: &str| read(query).wrong.unwrap().code;
        let rest = "identifier=a&usersig=x&contenttype=json";
        assert_eq!(code("identifier=a&usersig=x&contenttype=json&random=1"), 60012);
        assert_eq!(code("SdkAppId=14&identifier=a&usersig=x&contenttype=json&random=1"), 60012);
        assert_eq!(code("sdkappid=x&identifier=a&usersig=x&contenttype=json&random=1"), 60006);
        assert_eq!(code("sdkappid=14&usersig=x&contenttype=json&random=1"), 60004);
        assert_eq!(code("sdkappid=14&identifier=a&usersig=x&random=1"), 60002);
        assert_eq!(code("sdkappid=14&identifier=a&usersig=x&random=1&contenttype=JSON"), 60002);
        for random in ["", "&random=", "&random=4294967296", "&random=-1", "&random=%2B1"] {
            assert_eq!(code(&format!("sdkappid=14&{rest}{random}")), 60002, "{random}");
        }
    }
}
