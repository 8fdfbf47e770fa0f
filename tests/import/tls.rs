//! Imports over TLS, and what is said where the two sides do not fit.

use std::{fs, process::Command};

use rcgen::date_time_ymd;

use crate::{
    bench::{Bench, Line, Shown, good, spawn, text},
    binary::{Running, binary, write_config},
    certs::{Authority, Certified},
};

/// A gateway with mutual TLS beside the bench's own, which has none, to the same stand-in.
struct Secured {
    bench: Bench,
    ca: Authority,
    lines: Vec<Line>,
    _gateway: Running,
    endpoint: String,
}

impl Secured {
    async fn start(caller: &str) -> Self {
        let bench = Bench::at(1000).await;
        let ca = Authority::new();
        let server = ca.issue(&["127.0.0.1"]);
        let folder = bench.path("secured");
        fs::create_dir(&folder).unwrap();
        let put = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        put("tls.crt", &server.chain);
        put("tls.key", &server.key);
        put("ca.crt", &ca.pem);
        let callers =
            format!("calls_per_second = 1000\n\n[[callers]]\nname = \"billing\"\napps = [\"prod\"]\n{caller}\n");
        let config = write_config(&folder, &bench.sandbox.base_url(), &callers);
        let mut command = binary();
        command.args(["serve", "--config", &config]);
        for (key, file) in [("CERT_FILE", "tls.crt"), ("KEY_FILE", "tls.key"), ("CLIENT_CA_FILE", "ca.crt")] {
            command.env(format!("GATEWAY_SERVER__TLS__{key}"), folder.join(file));
        }
        let gateway = Running::start(command);
        let endpoint = format!("https://{}", gateway.value("listening for gRPC", "address"));
        let lines = good(50);
        bench.write(&text(&lines));
        Self { bench, ca, lines, _gateway: gateway, endpoint }
    }

    /// Puts a certificate down, and gives the options that name it.
    fn show(&self, name: &str, certified: &Certified) -> [String; 4] {
        let (cert, key) = (self.bench.path(&format!("{name}.crt")), self.bench.path(&format!("{name}.key")));
        fs::write(&cert, &certified.chain).unwrap();
        fs::write(&key, &certified.key).unwrap();
        ["--cert-file".to_owned(), cert.display().to_string(), "--key-file".to_owned(), key.display().to_string()]
    }

    /// The options that make it trust this CA.
    fn trust(&self, name: &str, ca: &Authority) -> [String; 2] {
        let file = self.bench.path(&format!("{name}.pem"));
        fs::write(&file, &ca.pem).unwrap();
        ["--ca-file".to_owned(), file.display().to_string()]
    }

    fn import(&self, endpoint: &str, journal: &str, more: &[String]) -> Command {
        let mut command = binary();
        command.arg("import").arg(self.bench.path("groups.jsonl")).args(["--endpoint", endpoint]).args(more);
        command.arg("--journal").arg(self.bench.path(journal)).arg("--results").arg(self.bench.path("results.jsonl"));
        command
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_says_who_imports() {
    let secured = Secured::start("tls_name = \"spiffe://example.org/importer\"").await;
    let shown = secured.ca.issue(&["spiffe://example.org/importer"]);
    let options = [&secured.trust("ca", &secured.ca)[..], &secured.show("own", &shown)[..]].concat();
    Shown::of(secured.import(&secured.endpoint, "journal", &options)).assert_code(0);
    secured.bench.assert_imported_once(&secured.lines);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_does_so_too_over_tls() {
    let secured = Secured::start(&crate::binary::hashed("a token")).await;
    let token = secured.bench.path("token");
    fs::write(&token, "a token\n").unwrap();
    let token = ["--token-file".to_owned(), token.display().to_string()];
    let options = [&secured.trust("ca", &secured.ca)[..], &token[..]].concat();
    let shown = Shown::of(secured.import(&secured.endpoint, "journal", &options));
    shown.assert_code(0);
    assert!(!shown.err.contains("without encryption"), "{}", shown.err);
    secured.bench.assert_imported_once(&secured.lines);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_two_sides_do_not_fit_it_stops_and_says_what_to_do() {
    let secured = Secured::start("tls_name = \"importer.example\"").await;
    let own = |certified: &Certified, name: &str| {
        [&secured.trust("ca", &secured.ca)[..], &secured.show(name, certified)[..]].concat()
    };
    let ca = &secured.ca;
    let expired = ca.issue_with(&["importer.example"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let plain = (secured.bench.endpoint(), secured.bench.endpoint().replace("http:", "https:"));
    let encrypted = (secured.endpoint.clone(), secured.endpoint.replace("https:", "http:"));
    let cases = [
        ("TLS to a port without", &plain.1, vec![], "does not speak TLS"),
        ("the same with a CA", &plain.1, secured.trust("ca", ca).to_vec(), "Without TLS it is http://"),
        ("no TLS to a port with", &encrypted.1, vec![], "--endpoint must begin with https://"),
        ("the system's roots", &encrypted.0, vec![], "name its CA with --ca-file"),
        ("another CA", &encrypted.0, secured.trust("other", &Authority::new()).to_vec(), "name its CA with --ca-file"),
        ("no certificate", &encrypted.0, secured.trust("ca", ca).to_vec(), "--cert-file and --key-file"),
        (
            "a certificate of another CA",
            &encrypted.0,
            own(&Authority::new().issue(&["importer.example"]), "foreign"),
            "take the certificate of --cert-file",
        ),
        ("an expired certificate", &encrypted.0, own(&expired, "expired"), "take the certificate of --cert-file"),
        ("an unknown certificate", &encrypted.0, own(&ca.issue(&["x.example"]), "unknown"), "CALLER_UNKNOWN"),
    ];
    // All at once, since those without a clear word from the other side try a few times.
    let running: Vec<_> = cases
        .iter()
        .map(|(case, endpoint, options, _)| spawn(secured.import(endpoint, &format!("{case}.journal"), options)))
        .collect();
    for ((case, _, _, says), child) in cases.iter().zip(running) {
        let shown = Shown::from(child.wait_with_output().unwrap());
        assert_eq!((shown.code, shown.row("left")), (Some(1), Some(50)), "{case}: {}{}", shown.out, shown.err);
        let stopped = shown.err.split_once("stopped").map_or("", |(_, text)| text);
        assert!(stopped.contains(says), "{case}: {}", shown.err);
    }
    assert_eq!(secured.bench.calls(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_not_what_they_should_be_are_named_before_anything_is_sent() {
    let secured = Secured::start("tls_name = \"importer.example\"").await;
    let own = secured.show("own", &secured.ca.issue(&["importer.example"]));
    let other = secured.show("other", &secured.ca.issue(&["importer.example"]));
    let swap = |option: usize, value: &str| {
        let mut options = own.to_vec();
        options[option] = value.to_owned();
        options
    };
    let ca = |file: &str| vec!["--ca-file".to_owned(), file.to_owned()];
    for (options, says) in [
        (ca(&own[3]), format!("--ca-file {}: no certificate in PEM", own[3])),
        (ca("/nowhere"), "--ca-file /nowhere: ".to_owned()),
        (swap(1, &own[3]), format!("--cert-file {}: no certificate in PEM", own[3])),
        (swap(3, &own[1]), format!("--key-file {}: no private key in PEM", own[1])),
        (swap(3, &other[3]), format!("--key-file {}: is not the key of the certificate in {}", other[3], own[1])),
    ] {
        let shown = Shown::of(secured.import(&secured.endpoint, "journal", &options));
        shown.assert_code(2);
        shown.assert_says(&says);
        assert!(!shown.err.contains("BEGIN") && !secured.bench.path("journal").exists(), "{}", shown.err);
    }
}
