//! UserSig: what we sign is believed, and nothing else is.

use std::{
    io::{Read as _, Write as _},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use group_import_gateway::{
    credentials::usersig::{Claims, sign},
    sandbox::{App, Offline},
};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::chat::{self, APP, KEY};

const OTHER_APP: u64 = 1_400_000_001;
const ADMIN: &str = "administrator";
/// What the verifier inflates at most.
const LONGEST_DOCUMENT: usize = 4_096;

/// By its first byte: `u` a UserSig as it stands; `d` the document in one, as
/// JSON; anything else an account, a key and two numbers, a line each, to sign.
pub fn usersig(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(sig) = text.strip_prefix('u') {
        believed_only_if_ours(sig);
    } else if let Some(document) = text.strip_prefix('d') {
        believed_only_if_ours(&encode(document.as_bytes()));
        what_is_signed_right_is_believed(document);
    } else {
        ours_is_believed(&text);
    }
}

/// The code that Chat gives to a look with this UserSig.
fn code(chat: &mut Offline, app: u64, identifier: &str, sig: &str) -> u64 {
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let target = format!(
        "/v4/group_open_http_svc/get_group_info?sdkappid={app}&identifier={}&usersig={}&random=1&contenttype=json",
        encoded(identifier),
        encoded(sig)
    );
    // Longer than a URL can be, and so not for a verifier to see.
    let Ok(target) = target.parse() else { return 70003 };
    chat::code(&chat.answer(&target, br#"{"GroupIdList":["g"]}"#).unwrap())
}

/// Nobody without the key can make one: what is believed holds what we signed.
fn believed_only_if_ours(sig: &str) {
    let mut chat = chat::of(vec![App::new(APP, KEY, ADMIN)]);
    if code(&mut chat, APP, ADMIN, sig) != 0 {
        return;
    }
    let document = decode(sig).expect("believed, and can't be decoded");
    assert_eq!((&document["TLS.identifier"], &document["TLS.sdkappid"]), (&ADMIN.into(), &APP.into()));
    let number = |name: &str| document[name].as_u64().expect("believed, and no number");
    let claims = Claims { sdk_app_id: APP, identifier: ADMIN, time: number("TLS.time"), expire: number("TLS.expire") };
    assert!(claims.time.saturating_add(claims.expire) >= now() - 1, "believed, and expired");
    let ours = sign(&KEY.into(), &claims);
    let ours = decode(ours.expose_secret()).expect("ours can't be decoded");
    assert_eq!(ours["TLS.sig"], document["TLS.sig"], "believed, and not signed by us");
}

/// A document with claims of any kind, and the signature that belongs to them.
fn what_is_signed_right_is_believed(document: &str) {
    let Ok(Value::Object(mut document)) = serde_json::from_str(document) else { return };
    let claims = (|| {
        let number = |name: &str| document.get(name)?.as_u64().filter(|number| *number <= i64::MAX as u64);
        let identifier = document.get("TLS.identifier")?.as_str().filter(|account| !account.is_empty())?.to_owned();
        Some((identifier, number("TLS.time")?, number("TLS.expire")?))
    })();
    let Some((identifier, time, expire)) = claims else { return };
    let signed = sign(&KEY.into(), &Claims { sdk_app_id: APP, identifier: &identifier, time, expire });
    let signature = decode(signed.expose_secret()).map(|ours| ours["TLS.sig"].clone());
    document.insert("TLS.sig".into(), signature.unwrap_or_default());
    document.insert("TLS.sdkappid".into(), APP.into());
    document.insert("TLS.ver".into(), "2.0".into());
    let document = Value::Object(document).to_string();
    let mut chat = chat::of(vec![App::new(APP, KEY, identifier.clone())]);
    assert_code(code(&mut chat, APP, &identifier, &encode(document.as_bytes())), &document, &identifier, time, expire);
}

/// What we sign is believed, for that app and account and with that key alone.
fn ours_is_believed(text: &str) {
    let mut parts = text.split('\n');
    let mut next = || parts.next().unwrap_or_default();
    let (identifier, key, ago, expire) = (next(), next(), next(), next());
    let (ago, expire): (u64, u64) = (ago.parse().unwrap_or_default(), expire.parse().unwrap_or(86_400));
    let (time, expire) = (now().saturating_sub(ago), expire.min(i64::MAX as u64));
    if identifier.is_empty() {
        return;
    }
    let sig = sign(&key.into(), &Claims { sdk_app_id: APP, identifier, time, expire });
    let sig = sig.expose_secret();
    let document = inflate(sig).expect("ours can't be decoded");
    let mut chat = chat::of(vec![App::new(APP, key, identifier), App::new(OTHER_APP, key, identifier)]);
    assert_code(code(&mut chat, APP, identifier, sig), &document, identifier, time, expire);
    if document.len() > LONGEST_DOCUMENT {
        return;
    }
    assert_eq!(code(&mut chat, OTHER_APP, identifier, sig), 70014);
    assert_eq!(code(&mut chat, APP, &format!("{identifier}."), sig), 70013);
    let mut stranger = chat::of(vec![App::new(APP, format!("{key}."), identifier)]);
    assert_eq!(code(&mut stranger, APP, identifier, sig), 70009);
    // The whole query, as the gateway makes it.
    let signed = chat::signer(identifier, key).signed();
    let target = format!("/v4/group_open_http_svc/get_group_info?{}&random=1", signed.query()).parse().expect("no URL");
    let answer = chat.answer(&target, br#"{"GroupIdList":["g"]}"#).unwrap();
    assert_eq!(chat::code(&answer), 0, "{}", String::from_utf8_lossy(&answer));
    assert_no_other(sig, &document, identifier, &mut chat);
}

/// A UserSig with a letter changed is not believed, unless it says the very same.
fn assert_no_other(sig: &str, document: &str, identifier: &str, chat: &mut Offline) {
    let at = document.len() * 31 % sig.len();
    for by in ["A", "-", "*", "_", "="] {
        let other = format!("{}{by}{}", &sig[..at], &sig[at + 1..]);
        let believed = code(chat, APP, identifier, &other) == 0;
        assert!(!believed || inflate(&other).as_deref() == Some(document), "{other}");
    }
}

fn assert_code(code: u64, document: &str, identifier: &str, time: u64, expire: u64) {
    let (now, end) = (now(), time.saturating_add(expire).min(i64::MAX as u64));
    match code {
        70003 => {
            assert!(document.len() > LONGEST_DOCUMENT || identifier.len() > 1_000, "ours can't be decoded: {document}")
        }
        70001 => assert!(end < now + 1, "not expired for {} s", end - now),
        code => assert!(code == 0 && end >= now - 1, "{code} for {document}"),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn encode(document: &[u8]) -> String {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(document).unwrap();
    STANDARD.encode(zlib.finish().unwrap()).replace('+', "*").replace('/', "-").replace('=', "_")
}

/// The document's text, read without the stand-in's help.
fn inflate(sig: &str) -> Option<String> {
    let base64 = sig.replace('*', "+").replace('-', "/").replace('_', "=");
    let mut text = String::new();
    ZlibDecoder::new(&*STANDARD.decode(base64).ok()?).take(1 << 20).read_to_string(&mut text).ok()?;
    Some(text)
}

fn decode(sig: &str) -> Option<Value> {
    serde_json::from_str(&inflate(sig)?).ok()
}
