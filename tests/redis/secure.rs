//! Redis behind TLS, for a user that may do what the ledger needs and nothing else.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use group_import_gateway::proto::ImportGroupRequest;

use crate::{
    binary::{Running, binary, group, stand_in, write_config},
    cluster::PLACES,
    server::is_missing,
};

const PASSWORD: &str = "CANARYPASSWORD-3f1c";

/// What operators are told to allow its user: once in the text, and once in the commands, alike.
fn rights() -> String {
    let text = include_str!("../../deploy/README.md");
    let told = text.split_once("user gateway on #HASH ").unwrap().1.lines().next().unwrap();
    let in_commands = text.split_once("rights='").unwrap().1.split('\'').next().unwrap();
    assert_eq!(told, in_commands);
    told.to_owned()
}

struct Redis(Child);

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Only TLS, and no user but one.
fn start(folder: &Path, port: u16) -> Redis {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    let config = format!(
        "port 0\ntls-port {port}\nbind 127.0.0.1\nsave \"\"\ntls-auth-clients no\n\
         tls-cert-file cert.pem\ntls-key-file key.pem\ntls-ca-cert-file cert.pem\n\
         user default off\nuser gateway on >{PASSWORD} {}\n",
        rights()
    );
    std::fs::write(folder.join("redis.conf"), config).unwrap();
    let child = Command::new("redis-server").arg("redis.conf").current_dir(folder).stdout(Stdio::null()).spawn();
    let redis = Redis(child.unwrap());
    let until = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "redis-server does not come up");
        std::thread::sleep(Duration::from_millis(10));
    }
    redis
}

fn gateway(folder: &Path, base_url: &str, port: u16, password: &str) -> Running {
    let shared = format!(
        "[rate_limit]\nbackend = \"redis\"\nredis_url = \"rediss://gateway:{password}@localhost:{port}\"\nreplicas = 1\n"
    );
    let config = write_config(folder, base_url, &shared);
    let mut command = binary();
    command.args(["serve", "--config", &config]).env("SSL_CERT_FILE", folder.join("cert.pem"));
    Running::start(command)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_reached_over_tls_by_a_user_with_few_rights() {
    if is_missing() {
        return;
    }
    let _place = PLACES.acquire().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let _redis = start(folder.path(), port);
    let sandbox = stand_in().await;

    let running = gateway(folder.path(), &sandbox.base_url(), port, PASSWORD);
    let mut client = running.client().await;
    for number in 0..20 {
        let request = ImportGroupRequest { group: Some(group(&format!("shared-{number}"))), ..Default::default() };
        client.import_group(request).await.unwrap();
    }
    running.until_told("the rate is shared with the other replicas", 1);
    assert!(!running.text().contains(PASSWORD), "{}", running.text());

    // A wrong password is told, and neither shown nor taken for an outage that gives a share.
    let stranger = gateway(folder.path(), &sandbox.base_url(), port, "CANARYWRONG");
    stranger.until_told("Password authentication failed", 1);
    let calls = sandbox.calls().len();
    let mut client = stranger.client().await;
    let mut request = tonic::Request::new(ImportGroupRequest { group: Some(group("stranger")), ..Default::default() });
    request.set_timeout(Duration::from_secs(2));
    client.import_group(request).await.unwrap_err();
    assert_eq!(sandbox.calls().len(), calls, "sent without a share of the rate");
    assert!(!stranger.text().contains("CANARYWRONG"), "{}", stranger.text());
}
