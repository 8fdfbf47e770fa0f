//! UserSig, version 2: the pure algorithm, as the vendor's own packages have it.
//!
//! What comes before it (the signature, the JSON, the packed form) is as secret
//! as itself, so it is overwritten too, in buffers that never grow: a buffer
//! that does leaves what it held behind. zlib's own window stays out of reach.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::ZlibEncoder};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use sha2::Sha256;
use std::io::Write as _;
use zeroize::Zeroizing;

/// More than the JSON or its packed form take beside the account's name.
const ROOM: usize = 512;

/// What a UserSig says: who signs, for which app, since when and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Claims<'a> {
    /// The SDKAppID.
    pub sdk_app_id: u64,
    /// The account that signs in.
    pub identifier: &'a str,
    /// When it begins to hold, in Unix seconds.
    pub time: u64,
    /// How long it holds, in seconds.
    pub expire: u64,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "TLS.ver")]
    version: &'static str,
    #[serde(rename = "TLS.identifier")]
    identifier: &'a str,
    #[serde(rename = "TLS.sdkappid")]
    sdk_app_id: u64,
    #[serde(rename = "TLS.expire")]
    expire: u64,
    #[serde(rename = "TLS.time")]
    time: u64,
    #[serde(rename = "TLS.sig")]
    signature: &'a str,
}

/// Makes a UserSig. It is itself a secret: whoever holds it is the admin until
/// it expires.
pub fn sign(key: &SecretString, claims: &Claims<'_>) -> SecretString {
    let signature = signature(key, claims);
    let document = Document {
        version: "2.0",
        identifier: claims.identifier,
        sdk_app_id: claims.sdk_app_id,
        expire: claims.expire,
        time: claims.time,
        signature: &signature,
    };
    // JSON escapes a byte with six at most, and zlib makes nothing much longer.
    let room = ROOM + 6 * claims.identifier.len();
    let mut zlib = ZlibEncoder::new(Vec::with_capacity(room), Compression::default());
    // Writing to a Vec can't fail, nor can these types be refused by JSON.
    let _ = serde_json::to_writer(&mut zlib, &document);
    let _ = zlib.flush();
    let packed = Zeroizing::new(zlib.finish().unwrap_or_default());
    let base64 = base64(&packed);
    let mut usersig = Zeroizing::new(String::with_capacity(base64.len()));
    usersig.extend(base64.chars().map(url_safe));
    usersig.as_str().into()
}

/// `TLS.sig`: HMAC-SHA256 over the claims, by the key's text as it stands.
fn signature(key: &SecretString, claims: &Claims<'_>) -> Zeroizing<String> {
    let Claims { sdk_app_id, identifier, time, expire } = claims;
    let content =
        format!("TLS.identifier:{identifier}\nTLS.sdkappid:{sdk_app_id}\nTLS.time:{time}\nTLS.expire:{expire}\n");
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).expect("any key length");
    mac.update(content.as_bytes());
    base64(&mac.finalize().into_bytes())
}

fn base64(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(3) * 4));
    STANDARD.encode_string(bytes, &mut text);
    text
}

/// Chat's own substitutes for the characters that a URL gives a meaning to.
fn url_safe(c: char) -> char {
    match c {
        '+' => '*',
        '/' => '-',
        '=' => '_',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read as _;

    use flate2::read::ZlibDecoder;
    use serde_json::Value;

    use super::*;

    const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";

    fn decode(usersig: &str) -> Value {
        let base64: String = usersig
            .chars()
            .map(|c| match c {
                '*' => '+',
                '-' => '/',
                '_' => '=',
                c => c,
            })
            .collect();
        let mut json = String::new();
        ZlibDecoder::new(&*STANDARD.decode(base64).unwrap()).read_to_string(&mut json).unwrap();
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn the_vendors_vectors_hold() {
        let vectors = [
            (1_400_000_000, KEY, "xiaojun", 1_700_000_000, 15_552_000, "LvA7d/Iw7gSsnskvVzBDPOCCDbuNCw4GHwTC0bip+B4="),
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
        for (sdk_app_id, key, identifier, time, expire, expected) in vectors {
            let claims = Claims { sdk_app_id, identifier, time, expire };
            let document = decode(sign(&key.into(), &claims).expose_secret());
            assert_eq!(document["TLS.sig"], expected, "{identifier}");
            assert_eq!(document["TLS.identifier"], identifier);
            assert_eq!(document["TLS.sdkappid"], sdk_app_id);
            assert_eq!(document["TLS.time"], time);
            assert_eq!(document["TLS.expire"], expire);
            assert_eq!(document["TLS.ver"], "2.0");
        }
    }

    #[test]
    fn a_whole_usersig_of_the_vendors_says_the_same_as_ours() {
        let theirs = "eJyrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwhWZiflZpXlQqeKU7MSCgswUJStDEwMogMiUZOamKlkZmqOKplYUZBaBxE1NTY3gosWZ6UpWSj5ljuYp*p7l5unBxXnF2WVhVU4uAf7Ozi5JpX7O5SbuHuUhzgZJmQXaTia2SrUAohcx8g__";
        let claims =
            Claims { sdk_app_id: 1_400_000_000, identifier: "xiaojun", time: 1_700_000_000, expire: 15_552_000 };
        assert_eq!(decode(sign(&KEY.into(), &claims).expose_secret()), decode(theirs));
    }

    #[test]
    fn a_usersig_needs_no_escaping_in_a_url() {
        for time in 1_700_000_000..1_700_000_200 {
            let claims = Claims { sdk_app_id: 1_400_000_000, identifier: "administrator", time, expire: 60 };
            let usersig = sign(&KEY.into(), &claims);
            assert!(usersig.expose_secret().chars().all(|c| c.is_ascii_alphanumeric() || "*-_".contains(c)));
        }
    }
}
