//! The least that a gRPC front for Chat can be: decodes a request, posts it with reqwest, and answers.
//!
//! `bare LISTEN BASE_URL`, on the system's allocator. It checks nothing, signs nothing, keeps no rate, and takes every
//! answer that is JSON for a success: what `examples/bench/run` compares the gateway with.
#![expect(clippy::disallowed_methods, reason = "it has none of the gateway's parts")]

use std::{error::Error, sync::Arc};

use group_import_gateway::proto::{
    ImportGroupRequest, ImportGroupResponse, ImportGroupsRequest, ImportGroupsResponse,
    group_import_server::{GroupImport, GroupImportServer},
};
use reqwest::{Client, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use tokio_stream::Pending;
use tonic::{Request, Response, Status, Streaming, transport::Server};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Group<'a> {
    #[serde(rename = "Owner_Account")]
    owner_account: &'a str,
    r#type: &'static str,
    group_id: &'a str,
    name: &'a str,
    introduction: &'a str,
    app_defined_data: Vec<Field<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Field<'a> {
    key: &'a str,
    value: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "GroupId")]
    group_id: String,
}

struct Bare {
    client: Client,
    url: Arc<str>,
}

#[tonic::async_trait]
impl GroupImport for Bare {
    async fn import_group(
        &self,
        request: Request<ImportGroupRequest>,
    ) -> Result<Response<ImportGroupResponse>, Status> {
        let group = request.into_inner().group.unwrap_or_default();
        let body = Group {
            owner_account: &group.owner_account,
            r#type: "Public",
            group_id: &group.group_id,
            name: &group.name,
            introduction: &group.introduction,
            app_defined_data: group
                .app_defined_data
                .iter()
                .map(|field| Field { key: &field.key, value: &field.value })
                .collect(),
        };
        let body = serde_json::to_vec(&body).map_err(|error| Status::internal(error.to_string()))?;
        let answer = self.client.post(&*self.url).header(CONTENT_TYPE, "application/json").body(body).send().await;
        let lost = |error: reqwest::Error| Status::unknown(error.to_string());
        let body = answer.map_err(lost)?.bytes().await.map_err(lost)?;
        let Answer { group_id } = serde_json::from_slice(&body).map_err(|error| Status::unknown(error.to_string()))?;
        Ok(Response::new(ImportGroupResponse { group_id, reconciled: false }))
    }

    type ImportGroupsStream = Pending<Result<ImportGroupsResponse, Status>>;

    async fn import_groups(
        &self,
        _: Request<Streaming<ImportGroupsRequest>>,
    ) -> Result<Response<Self::ImportGroupsStream>, Status> {
        Err(Status::unimplemented("single calls only"))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [listen, base_url] = std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "LISTEN BASE_URL")?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build()?;
    // As long as what the gateway sends: its signature makes most of it.
    let query =
        format!("sdkappid=1400000000&identifier=administrator&usersig={}&contenttype=json&random=1", "x".repeat(230));
    let url = format!("{base_url}/v4/group_open_http_svc/import_group?{query}").into();
    let service = GroupImportServer::new(Bare { client, url });
    Server::builder().tcp_nodelay(true).add_service(service).serve(listen.parse()?).await?;
    Ok(())
}
