//! The same groups in plain HTTP, as if their caller spoke to Chat itself.

use std::error::Error;

use serde_json::json;

/// A way to Chat, or to what stands in for it. Clones share the connections.
#[derive(Clone)]
pub(crate) struct Direct {
    client: reqwest::Client,
    url: String,
}

impl Direct {
    /// A way to the `import_group` at this address.
    #[expect(clippy::disallowed_methods, reason = "the gateway's own client is what this is compared with")]
    pub(crate) fn new(base_url: &str) -> Result<Self, Box<dyn Error>> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { client, url: format!("{base_url}/v4/group_open_http_svc/import_group") })
    }

    /// Posts one group, and reads the answer whole.
    pub(crate) async fn post(&self, number: u64) -> Result<(), reqwest::Error> {
        let body =
            json!({ "Type": "Public", "GroupId": format!("direct-{number}"), "Name": format!("Group {number}") });
        let post = self.client.post(&self.url).header("content-type", "application/json").body(body.to_string());
        post.send().await?.error_for_status()?.bytes().await.map(drop)
    }
}
