//! A client of its own, which shares nothing with the stand-in but the clock.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::ZlibEncoder};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::sandbox::{App, Sandbox, Settings, clock::unix_now};

pub(super) const APP: u64 = 1_400_000_000;
pub(super) const KEY: &str = "secret";
pub(super) const ADMIN: &str = "administrator";

/// A sandbox with one app, whose settings a test may change.
pub(super) async fn start(change: impl FnOnce(&mut Settings)) -> (Sandbox, Client) {
    let mut settings = Settings { apps: vec![App::new(APP, KEY, ADMIN)], seed: Some(1), ..Settings::default() };
    change(&mut settings);
    let sandbox = Sandbox::start(settings).await.unwrap();
    let client = Client::of(&sandbox);
    (sandbox, client)
}

/// A caller of Chat's REST API, right in every detail until a test changes one.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    pub(super) app: u64,
    pub(super) key: String,
    pub(super) identifier: String,
    /// Of the UserSig.
    pub(super) signed_at: i64,
}

impl Client {
    pub(super) fn of(sandbox: &Sandbox) -> Self {
        // Another test may have been first; it installs the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        Self {
            http: http.timeout(Duration::from_secs(5)).build().unwrap(),
            base: sandbox.base_url(),
            app: APP,
            key: KEY.into(),
            identifier: ADMIN.into(),
            signed_at: unix_now(0),
        }
    }

    pub(super) fn url(&self, command: &str) -> String {
        let usersig = sign(&self.key, self.app, &self.identifier, self.signed_at, 3_600);
        format!(
            "{}/v4/group_open_http_svc/{command}?sdkappid={}&identifier={}&usersig={usersig}&random=7&contenttype=json",
            self.base, self.app, self.identifier
        )
    }

    /// The whole response, or why there is none.
    pub(super) async fn send(&self, url: String, body: String) -> reqwest::Result<reqwest::Response> {
        self.http.post(url).body(body).send().await
    }

    pub(super) async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.base)).send().await.unwrap()
    }

    /// The answer to a call whose URL a test has spoilt.
    pub(super) async fn answer(&self, url: String, body: &str) -> Value {
        let response = self.send(url, body.to_owned()).await.unwrap();
        assert_eq!(response.status(), 200);
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    pub(super) async fn call(&self, command: &str, body: Value) -> Value {
        self.answer(self.url(command), &body.to_string()).await
    }

    pub(super) async fn import(&self, body: Value) -> Value {
        self.call("import_group", body).await
    }

    /// Imports a small public group of that ID and gives the code answered.
    pub(super) async fn import_id(&self, group_id: &str) -> u64 {
        let answer = self.import(json!({"Type": "Public", "Name": "n", "GroupId": group_id})).await;
        answer["ErrorCode"].as_u64().unwrap()
    }

    /// The same, where no answer is expected to come whole.
    pub(super) async fn try_import_id(&self, group_id: &str) -> reqwest::Result<(u16, String)> {
        let body = json!({"Type": "Public", "Name": "n", "GroupId": group_id}).to_string();
        let response = self.send(self.url("import_group"), body).await?;
        let status = response.status().as_u16();
        Ok((status, response.text().await?))
    }
}

/// Waits until `true_now` holds; not for ever.
pub(super) async fn eventually(what: &str, true_now: impl Fn() -> bool) {
    let before = Instant::now();
    while !true_now() {
        assert!(before.elapsed() < Duration::from_secs(5), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A UserSig, as the vendor's description has it.
pub(super) fn sign(key: &str, app: u64, identifier: &str, time: i64, expire: i64) -> String {
    let content = format!("TLS.identifier:{identifier}\nTLS.sdkappid:{app}\nTLS.time:{time}\nTLS.expire:{expire}\n");
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap().chain_update(content);
    encode(&json!({
        "TLS.ver": "2.0", "TLS.identifier": identifier, "TLS.sdkappid": app,
        "TLS.time": time, "TLS.expire": expire, "TLS.sig": STANDARD.encode(mac.finalize().into_bytes()),
    }))
}

/// The outer wrapping of a UserSig.
pub(in crate::sandbox) fn encode(document: &Value) -> String {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(document.to_string().as_bytes()).unwrap();
    let base64 = STANDARD.encode(zlib.finish().unwrap());
    base64.replace('+', "*").replace('/', "-").replace('=', "_")
}
