//! TLS as an operator meets it: bad files named at once, and new ones taken
//! while it serves.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use group_import_gateway::proto::{ImportGroupRequest, group_import_client::GroupImportClient};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::{
    binary::{Running, binary, group, run, stand_in, write_config},
    certs::{Authority, Certified},
};

const CALLER: &str = "\n[[callers]]\nname = \"billing\"\ntls_name = \"billing.example\"\napps = [\"prod\"]\n";

/// A folder with a configuration, and the files that it names.
struct Files {
    folder: tempfile::TempDir,
    config: String,
    ca: Authority,
}

impl Files {
    fn new(base_url: &str) -> Self {
        let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
        let config = write_config(folder.path(), base_url, CALLER);
        let tls = format!(
            "[server.tls]\ncert_file = \"{0}/tls.crt\"\nkey_file = \"{0}/tls.key\"\nclient_ca_file = \"{0}/ca.crt\"\n",
            folder.path().display()
        );
        let text = fs::read_to_string(&config).unwrap().replace("\n[[apps]]", &format!("\n{tls}\n[[apps]]"));
        fs::write(&config, text).unwrap();
        let files = Self { folder, config, ca };
        files.put("ca.crt", &files.ca.pem);
        files.certify();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// A new certificate for the gateway.
    fn certify(&self) {
        let Certified { chain, key } = self.ca.issue(&["127.0.0.1"]);
        self.put("tls.crt", &chain);
        self.put("tls.key", &key);
    }

    fn command(&self, name: &str) -> Command {
        let mut command = binary();
        command.args([name, "--config", &self.config]);
        command
    }

    async fn connect(&self, gateway: &Running) -> Channel {
        let shown = self.ca.issue(&["billing.example"]);
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.ca.pem))
            .identity(Identity::from_pem(shown.chain, shown.key));
        let address = gateway.value("listening for gRPC", "address");
        let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
        endpoint.tls_config(tls).unwrap().connect().await.unwrap()
    }
}

async fn import(channel: &Channel, id: &str) {
    let request = ImportGroupRequest { group: Some(group(id)), ..Default::default() };
    GroupImportClient::new(channel.clone()).import_group(request).await.unwrap();
}

#[test]
fn everything_that_is_wrong_with_the_files_is_named_at_once_and_nothing_is_served() {
    let files = Files::new("http://127.0.0.1:9");
    let output = files.command("check").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let key = fs::read_to_string(files.path("tls.key")).unwrap();
    let (damaged, secret) = (key.replace("-----END", "-----ENT"), key.lines().nth(1).unwrap().to_owned());
    let another = files.ca.issue(&["127.0.0.1"]).key;
    let chain = fs::read_to_string(files.path("tls.crt")).unwrap();
    let (cert, key_file, ca) = (files.path("tls.crt"), files.path("tls.key"), files.path("ca.crt"));
    let told = |key: &str, file: &Path, problem: &str| format!("server.tls.{key}: {} {problem}", file.display());
    for (texts, faults) in [
        ([None, Some(damaged.as_str()), Some("")], vec![told("cert_file", &cert, "can't be read: No such file")]),
        (
            [Some("no PEM"), Some(&damaged), Some("")],
            vec![
                told("cert_file", &cert, "holds no certificate: expected PEM"),
                told(
                    "key_file",
                    &key_file,
                    "holds no private key that can be read: expected one in PEM, not encrypted",
                ),
                told("client_ca_file", &ca, "holds no certificate: expected PEM"),
            ],
        ),
        (
            [Some(&chain), Some(&another), Some(&files.ca.pem)],
            vec![told("key_file", &key_file, "is not the key of the first certificate in")],
        ),
        ([Some(&chain), Some(&chain), Some(&files.ca.pem)], vec![told("key_file", &key_file, "holds no private key")]),
    ] {
        for (file, text) in [&cert, &key_file, &ca].into_iter().zip(texts) {
            let _ = fs::remove_file(file);
            if let Some(text) = text {
                fs::write(file, text).unwrap();
            }
        }
        for command in ["check", "serve"] {
            let output = files.command(command).output().unwrap();
            let err = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{command}: {err}");
            assert_eq!(err.matches("server.tls.").count(), faults.len(), "{command}: {err}");
            assert!(faults.iter().all(|fault| err.contains(fault)), "{command}: {faults:#?} not in\n{err}");
            assert!(!err.contains(&secret) && !err.contains("listening"), "{err}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_new_certificate_is_told_once_and_not_taken_and_a_good_one_is() {
    let sandbox = stand_in().await;
    let files = Files::new(&sandbox.base_url());
    let gateway = Running::start(files.command("serve"));
    let old = files.connect(&gateway).await;
    import(&old, "before").await;

    let key = fs::read_to_string(files.path("tls.key")).unwrap();
    files.put("tls.key", &files.ca.issue(&["127.0.0.1"]).key);
    gateway.until_told("the new TLS files are not taken, the old certificate goes on: server.tls.key_file: ", 1);
    import(&files.connect(&gateway).await, "with a bad key there").await;
    fs::remove_file(files.path("ca.crt")).unwrap();
    gateway.until_told("server.tls.client_ca_file: ", 1);
    import(&files.connect(&gateway).await, "with a file gone").await;

    files.put("ca.crt", &files.ca.pem);
    files.certify();
    gateway.until_told("the TLS certificate was read anew, and serves", 1);
    import(&files.connect(&gateway).await, "with the new one").await;
    import(&old, "after").await;

    // A configuration that is read again meets the same files, and says so by itself.
    files.put("tls.key", &key);
    gateway.signal("HUP");
    gateway.until_told("the configuration is not taken, the old one stays: server.tls.key_file: ", 1);
    import(&files.connect(&gateway).await, "still").await;
    let text = gateway.text();
    assert_eq!(text.matches("server.tls.client_ca_file: ").count(), 1, "told more than once:\n{text}");
    assert!(!text.contains(key.lines().nth(1).unwrap()), "a key was told:\n{text}");
}

#[test]
fn an_address_that_others_can_reach_is_not_served_without_callers() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), "http://127.0.0.1:9", "");
    let refused = |arguments: &[&str], set: &[(&str, &str)], says: &[&str]| {
        let mut command = binary();
        command.args(arguments).envs(set.iter().copied());
        let output = command.output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {err}");
        assert!(says.iter().all(|part| err.contains(part)), "{arguments:?}: {says:?} is not in\n{err}");
    };
    let reachable = ("GATEWAY_SERVER__LISTEN", "0.0.0.0:0");
    let nobody = ["anyone who can reach the port could import groups", "configure [[callers]]", "loopback or a socket"];
    for arguments in [&["serve", "--config", &config][..], &["check", "--config", &config], &["serve", "--sandbox"]] {
        refused(arguments, &[reachable], &nobody);
    }

    let config = write_config(folder.path(), "http://127.0.0.1:9", CALLER);
    let believing = ("GATEWAY_SERVER__FORWARDED_CLIENT_CERT", "true");
    let forgeable = [
        "server.forwarded_client_cert: ",
        "could send the header and call as anybody",
        "listen on loopback or a socket",
    ];
    for command in ["serve", "check"] {
        refused(&[command, "--config", &config], &[reachable, believing], &forgeable);
        refused(&[command, "--config", &config], &[], &["callers[0].tls_name: needs `server.tls.client_ca_file`"]);
    }
    let output = run(&["check", "--config", &config]);
    assert!(!output.status.success());
    let mut command = binary();
    command.args(["check", "--config", &config]).envs([believing]);
    assert!(command.output().unwrap().status.success(), "on loopback it is taken");
}
