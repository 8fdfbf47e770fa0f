//! A gateway, a stand-in and a client, and how their answers are read.

use std::{collections::HashMap, time::Duration};

use group_import_gateway::{
    config::{App, Config, Environment, KeySource, Listen, SdkAppId, Upstream},
    gateway::Gateway,
    proto::{Group, GroupType, ImportGroupRequest, ImportGroupResponse, group_import_client::GroupImportClient},
    sandbox::{self, FaultKind, Sandbox, Seen},
};
use tonic::{Request, Status, transport::Channel};
use tonic_types::{ErrorDetails, StatusExt as _};

pub const SDK_APP_ID: u64 = 1_400_000_123;
pub const KEY: &str = "canary5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1b";
pub const ADMIN: &str = "administrator";

/// The environment that the gateway sees.
pub struct Env(pub HashMap<String, String>);

impl Environment for Env {
    fn vars(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

/// The environment that holds the stand-in's key.
pub fn env() -> Env {
    Env(HashMap::from([("KEY".to_owned(), KEY.to_owned())]))
}

pub struct Rig {
    pub sandbox: Sandbox,
    pub gateway: Gateway,
    pub client: GroupImportClient<Channel>,
}

impl Rig {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A rig whose configuration is changed before it starts.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let sandbox = sandbox().await;
        let mut config = config(&sandbox.base_url());
        change(&mut config);
        let gateway = Gateway::start(config, &env()).await.unwrap();
        let client = client(&gateway).await;
        Self { sandbox, gateway, client }
    }

    pub async fn import(&self, group: Group) -> Result<ImportGroupResponse, Status> {
        self.send(ImportGroupRequest { group: Some(group), ..Default::default() }).await
    }

    pub async fn send(&self, request: ImportGroupRequest) -> Result<ImportGroupResponse, Status> {
        self.call(Request::new(request)).await
    }

    pub async fn call(&self, request: Request<ImportGroupRequest>) -> Result<ImportGroupResponse, Status> {
        self.client.clone().import_group(request).await.map(tonic::Response::into_inner)
    }

    /// The next calls of `import_group` go wrong so, in this order.
    pub fn script(&self, faults: impl IntoIterator<Item = FaultKind>) {
        self.sandbox.script("import_group", faults);
    }

    /// The calls of `import_group` that the stand-in has seen.
    pub fn seen(&self) -> Vec<Seen> {
        self.sandbox.calls().into_iter().filter(|call| call.command == "import_group").collect()
    }
}

pub async fn sandbox() -> Sandbox {
    let apps = vec![sandbox::App::new(SDK_APP_ID, KEY, ADMIN)];
    let settings = sandbox::Settings { apps, latency: Duration::ZERO, jitter: Duration::ZERO, ..Default::default() };
    Sandbox::start(settings).await.unwrap()
}

pub fn config(base_url: &str) -> Config {
    let mut config = Config::sandbox();
    config.server.listen = Listen::Tcp(([127, 0, 0, 1], 0).into());
    config.server.admin_listen = None;
    config.apps.push(app("prod", SDK_APP_ID, base_url));
    config
}

pub fn app(name: &str, id: u64, base_url: &str) -> App {
    App::new(
        name.parse().unwrap(),
        SdkAppId::new(id).unwrap(),
        ADMIN,
        KeySource::Env("KEY".into()),
        Upstream::BaseUrl(base_url.parse().unwrap()),
    )
}

pub async fn client(gateway: &Gateway) -> GroupImportClient<Channel> {
    GroupImportClient::connect(format!("http://{}", gateway.bound())).await.unwrap()
}

/// A group that every rule lets pass.
pub fn group(id: &str) -> Group {
    let mut group = Group { group_id: id.into(), name: "name".into(), ..Default::default() };
    group.set_type(GroupType::Public);
    group
}

/// What an error says of itself.
#[derive(Debug)]
pub struct Told {
    pub code: tonic::Code,
    pub reason: String,
    pub metadata: HashMap<String, String>,
    pub details: ErrorDetails,
    pub pushback: Option<String>,
    pub message: String,
}

impl Told {
    pub fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}")).clone();
        assert_eq!(info.domain, "group-import-gateway");
        Self {
            code: status.code(),
            reason: info.reason,
            metadata: info.metadata,
            pushback: status.metadata().get("grpc-retry-pushback-ms").map(|ms| ms.to_str().unwrap().to_owned()),
            message: status.message().to_owned(),
            details,
        }
    }

    pub fn get(&self, key: &str) -> &str {
        self.metadata.get(key).map_or("", String::as_str)
    }

    pub fn violations(&self) -> Vec<(&str, &str)> {
        let bad = self.details.bad_request().map_or(&[][..], |bad| &bad.field_violations);
        bad.iter().map(|violation| (violation.field.as_str(), violation.description.as_str())).collect()
    }
}
