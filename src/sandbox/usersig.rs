//! Reading and checking a UserSig, version 2, from the vendor's description alone.

use std::io::Read as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::ZlibDecoder;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;

use super::reply::Refusal;

/// No honest document comes near it; what inflates beyond is no UserSig.
const MAX_DOCUMENT: u64 = 4_096;

/// What a UserSig decodes to, not yet believed.
#[derive(Debug, Deserialize)]
pub(super) struct UserSig {
    #[serde(rename = "TLS.ver")]
    version: String,
    #[serde(rename = "TLS.identifier")]
    identifier: String,
    #[serde(rename = "TLS.sdkappid")]
    sdk_app_id: u64,
    /// Unix seconds.
    #[serde(rename = "TLS.time")]
    pub(super) time: i64,
    /// Seconds from `time`.
    #[serde(rename = "TLS.expire")]
    pub(super) expire: i64,
    #[serde(rename = "TLS.sig")]
    sig: String,
}

/// Undoes all but the signature.
pub(super) fn decode(text: &str) -> Result<UserSig, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new(70002, "UserSig is empty"));
    }
    document(text).ok_or_else(|| Refusal::new(70003, "UserSig cannot be decoded"))
}

fn document(text: &str) -> Option<UserSig> {
    // The plain letters would not survive a URL: only the mapped ones are right.
    if text.contains(['+', '/', '=']) {
        return None;
    }
    let base64 = text.replace('*', "+").replace('-', "/").replace('_', "=");
    let zlib = STANDARD.decode(base64).ok()?;
    let mut json = Vec::new();
    ZlibDecoder::new(zlib.as_slice()).take(MAX_DOCUMENT + 1).read_to_end(&mut json).ok()?;
    let sig: UserSig = serde_json::from_slice(&json).ok()?;
    (json.len() as u64 <= MAX_DOCUMENT && sig.version == "2.0").then_some(sig)
}

impl UserSig {
    /// Whether it was signed with `key` for this app and account, and still holds at `now`.
    pub(super) fn check(&self, key: &str, sdk_app_id: u64, identifier: &str, now: i64) -> Result<(), Refusal> {
        if self.identifier != identifier {
            return Err(Refusal::new(70013, "identifier differs from the one in UserSig"));
        }
        if self.sdk_app_id != sdk_app_id {
            return Err(Refusal::new(70014, "sdkappid differs from the one in UserSig"));
        }
        if !self.signed_with(key) {
            return Err(Refusal::new(70009, "UserSig does not match the app's key"));
        }
        if now > self.time.saturating_add(self.expire) {
            return Err(Refusal::new(70001, "UserSig has expired"));
        }
        Ok(())
    }

    fn signed_with(&self, key: &str) -> bool {
        let content = format!(
            "TLS.identifier:{}\nTLS.sdkappid:{}\nTLS.time:{}\nTLS.expire:{}\n",
            self.identifier, self.sdk_app_id, self.time, self.expire
        );
        let (Ok(mac), Ok(sig)) = (Hmac::<Sha256>::new_from_slice(key.as_bytes()), STANDARD.decode(&self.sig)) else {
            return false;
        };
        mac.chain_update(content).verify_slice(&sig).is_ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::{super::tests::client::encode, *};

    const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
    /// Made with the vendor's own Node package.
    const VENDORS: &str = "eJyrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwhWZiflZpXlQqeKU7MSCgswUJStDEwMogMiUZOamKlkZmqOKplYUZBaBxE1NTY3gosWZ6UpWSj5ljuYp*p7l5unBxXnF2WVhVU4uAf7Ozi5JpX7O5SbuHuUhzgZJmQXaTia2SrUAohcx8g__";

    fn code(checked: Result<(), Refusal>) -> u32 {
        checked.map_or_else(|refusal| refusal.code, |()| 0)
    }

    #[test]
    fn the_vendors_own_is_right_until_it_expires() {
        let sig = decode(VENDORS).unwrap();
        let check = |key, app, who, now| code(sig.check(key, app, who, now));
        assert_eq!(check(KEY, 1_400_000_000, "xiaojun", 1_700_000_000), 0);
        assert_eq!(check(KEY, 1_400_000_000, "xiaojun", 1_700_000_000 + 15_552_000), 0);
        assert_eq!(check(KEY, 1_400_000_000, "xiaojun", 1_700_000_001 + 15_552_000), 70001);
        assert_eq!(check("other", 1_400_000_000, "xiaojun", 1_700_000_000), 70009);
        assert_eq!(check(KEY, 1_400_000_001, "xiaojun", 1_700_000_000), 70014);
        assert_eq!(check(KEY, 1_400_000_000, "xiaojum", 1_700_000_000), 70013);
    }

    #[test]
    fn every_vector_of_the_vendor_verifies() {
        let vectors = [
            (
                1_400_000_000,
                KEY,
                "administrator",
                1_700_000_000,
                86_400,
                "yLAe+w7WUeUuqbV9h/TX78u21oTGi+i9Zp1u3PpnY60=",
            ),
            (88_888_888, "secret", "admin", 1_448_357_837, 604_800, "aioHUbtGlmEGy/l0VP5Op3TExew8hImeuIQ1xq2NnzQ="),
            (1_400_000_000, KEY, "管理员\"\\", 1_700_000_000, 3_600, "FViahb1iCxJg3P6StaS+22XZPo/hVSlBaX/lGvq2IjQ="),
        ];
        for (app, key, who, time, expire, sig) in vectors {
            let text = encode(&json!({
                "TLS.ver": "2.0", "TLS.identifier": who, "TLS.sdkappid": app,
                "TLS.time": time, "TLS.expire": expire, "TLS.sig": sig,
            }));
            assert_eq!(code(decode(&text).unwrap().check(key, app, who, time)), 0, "{who}");
        }
    }

    #[test]
    fn what_is_no_usersig_is_refused() {
        let code = |text: &str| decode(text).unwrap_err().code;
        assert_eq!(code(""), 70002);
        assert_eq!(code("x"), 70003);
        assert_eq!(code(&VENDORS[..VENDORS.len() - 8]), 70003, "truncated");
        assert_eq!(code(&VENDORS.replace('_', "=")), 70003, "unmapped");
        assert_eq!(code(&encode(&json!({}))), 70003);
        assert_eq!(code(&encode(&json!(" ".repeat(1 << 20)))), 70003, "a bomb");
    }
}
