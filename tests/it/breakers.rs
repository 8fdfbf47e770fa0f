//! A rejected app, an app that is away, and keys that change.

use std::time::{Duration, Instant};

use group_import_gateway::{
    config::KeySource,
    proto::{ImportGroupRequest, ImportGroupsRequest},
    sandbox::FaultKind,
};
use tonic::Code;

use crate::{
    rig::{self, KEY, Rig, SDK_APP_ID, Told, group},
    stream::ended,
};

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < until, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn rejected(rig: &Rig) -> usize {
    rig.sandbox.calls().iter().filter(|call| call.code.is_some_and(|code| (70001..=70052).contains(&code))).count()
}

#[tokio::test]
async fn a_wrong_key_never_meets_full_load_and_the_right_one_serves_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "wrong").unwrap();
    let rig = Rig::with(|config| config.apps[0].secret_key = KeySource::File(file.clone())).await;
    let load = |seconds: f64| {
        let client = rig.client.clone();
        async move {
            let until = Instant::now() + Duration::from_secs_f64(seconds);
            let mut errors = Vec::new();
            let mut index = 0;
            while Instant::now() < until {
                let calls = (0..20).map(|i| {
                    let mut client = client.clone();
                    let request =
                        ImportGroupRequest { group: Some(group(&format!("g{index}-{i}"))), ..Default::default() };
                    async move { client.import_group(request).await }
                });
                errors.extend(futures_util::future::join_all(calls).await.into_iter().filter_map(Result::err));
                index += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            errors
        }
    };
    let errors = load(3.0).await;
    assert!(!errors.is_empty());
    for error in &errors {
        let told = Told::of(error);
        assert_eq!((told.code, told.reason.as_str()), (Code::Unavailable, "CREDENTIAL_SUSPENDED"));
        assert_eq!((told.get("applied"), told.get("retry"), told.get("attempts")), ("no", "after", "0"));
        assert!(told.details.retry_info().is_some() && told.pushback.is_some());
    }
    assert!(rejected(&rig) < 10, "{} rejected signatures", rejected(&rig));
    assert!(!rig.gateway.readiness().ready);
    assert!(rig.gateway.readiness().lines[0].contains("70009"), "{:?}", rig.gateway.readiness());

    std::fs::write(&file, KEY).unwrap();
    let since = Instant::now();
    eventually("readiness", || rig.gateway.readiness().ready).await;
    assert!(since.elapsed() < Duration::from_secs(2), "took {:?}", since.elapsed());
    rig.import(group("served")).await.unwrap();
}

#[tokio::test]
async fn one_rejected_app_leaves_the_others_alone() {
    let rig = Rig::with(|config| {
        let url = config.apps[0].upstream.base_url().into_owned();
        config.apps.push(rig::app("unknown", 1_499_999_999, &url));
    })
    .await;
    eventually("both probes", || rig.sandbox.call_count("get_group_info") >= 2).await;
    eventually("the good one", || rig.gateway.readiness().ready).await;
    let to = |app: &str| ImportGroupRequest { app: app.into(), group: Some(group(app)), ..Default::default() };
    eventually("the bad one", || rig.gateway.readiness().lines.iter().any(|line| line.contains("70020"))).await;
    assert_eq!(Told::of(&rig.send(to("unknown")).await.unwrap_err()).reason, "CREDENTIAL_SUSPENDED");
    rig.send(to("prod")).await.unwrap();
}

#[tokio::test]
async fn an_answer_of_scope_app_opens_the_breaker_and_a_probe_closes_it() {
    let rig = Rig::start().await;
    rig.script([FaultKind::Code(60020)]);
    assert_eq!(Told::of(&rig.import(group("g")).await.unwrap_err()).reason, "APP_REJECTED");
    let told = Told::of(&rig.import(group("g")).await.unwrap_err());
    assert_eq!(told.reason, "CREDENTIAL_SUSPENDED");
    let pause = told.details.retry_info().unwrap().retry_delay.unwrap();
    assert!(pause <= Duration::from_secs(1), "{pause:?}");
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    rig.import(group("g")).await.unwrap();
    assert_eq!(rig.seen().len(), 2);
}

#[tokio::test]
async fn after_70050_nothing_is_sent_for_a_minute() {
    let rig = Rig::start().await;
    rig.script([FaultKind::Code(70050)]);
    let told = Told::of(&rig.import(group("g")).await.unwrap_err());
    assert_eq!((told.reason.as_str(), told.get("chat_error_code")), ("CREDENTIAL_SUSPENDED", "70050"));
    let sent = rig.sandbox.calls().len();
    let told = Told::of(&rig.import(group("g")).await.unwrap_err());
    let pause = told.details.retry_info().unwrap().retry_delay.unwrap();
    assert!(pause > Duration::from_secs(55), "{pause:?}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.sandbox.calls().len(), sent);
}

#[tokio::test]
async fn a_quota_opens_nothing() {
    let rig = Rig::start().await;
    for code in [10006, 10058, 70398] {
        rig.script([FaultKind::Code(code)]);
        assert_eq!(Told::of(&rig.import(group("g")).await.unwrap_err()).reason, "QUOTA_EXCEEDED");
    }
    rig.import(group("g")).await.unwrap();
}

#[tokio::test]
async fn behind_an_open_breaker_a_streams_items_wait() {
    let rig = Rig::start().await;
    rig.script([FaultKind::Code(60020)]);
    let items = (0..30).map(|i| ImportGroupsRequest {
        item_id: i.to_string(),
        request: Some(ImportGroupRequest { group: Some(group(&format!("g{i}"))), ..Default::default() }),
    });
    let mut answers = rig.client.clone().import_groups(tokio_stream::iter(items)).await.unwrap().into_inner();
    let mut ends = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        ends.push(ended(&answer));
    }
    assert_eq!(ends.len(), 30);
    assert_eq!(ends.iter().filter(|end| *end == "APP_REJECTED").count(), 1, "{ends:?}");
    assert_eq!(ends.iter().filter(|end| *end == "OK").count(), 29, "{ends:?}");
}

#[tokio::test]
async fn a_host_that_is_away_fails_fast_and_comes_back() {
    let rig = Rig::start().await;
    rig.import(group("g0")).await.unwrap();
    let address = rig.sandbox.addr();
    rig.sandbox.stop().await;
    assert_eq!(Told::of(&rig.import(group("g1")).await.unwrap_err()).reason, "CHAT_UNREACHABLE");
    let since = Instant::now();
    for _ in 0..20 {
        let told = Told::of(&rig.import(group("g1")).await.unwrap_err());
        assert_eq!((told.reason.as_str(), told.get("attempts")), ("CHAT_UNREACHABLE", "0"));
    }
    assert!(since.elapsed() < Duration::from_secs(1), "each failed at once");
    let apps = vec![group_import_gateway::sandbox::App::new(SDK_APP_ID, KEY, rig::ADMIN)];
    let settings = group_import_gateway::sandbox::Settings { listen: address, apps, ..Default::default() };
    let _back = group_import_gateway::sandbox::Sandbox::start(settings).await.unwrap();
    eventually("readiness", || rig.gateway.readiness().ready).await;
    rig.import(group("g1")).await.unwrap();
}

/// Sends steadily while something happens in the middle; every call must succeed.
async fn no_call_fails_while(rig: &Rig, happens: impl FnOnce()) {
    let load = (0..8).map(|worker| {
        let mut client = rig.client.clone();
        tokio::spawn(async move {
            for index in 0..60 {
                let request =
                    ImportGroupRequest { group: Some(group(&format!("g{worker}-{index}"))), ..Default::default() };
                client.import_group(request).await.unwrap_or_else(|error| panic!("{worker}-{index}: {error:?}"));
            }
        })
    });
    let load: Vec<_> = load.collect();
    tokio::time::sleep(Duration::from_millis(700)).await;
    happens();
    for worker in load {
        worker.await.unwrap();
    }
}

#[tokio::test]
async fn a_key_changed_under_load_fails_no_call() {
    let folder = tempfile::tempdir().unwrap();
    // As Kubernetes mounts a secret: the file is a link to a link that is swapped.
    std::fs::create_dir(folder.path().join("1")).unwrap();
    std::fs::create_dir(folder.path().join("2")).unwrap();
    std::fs::write(folder.path().join("1/key"), KEY).unwrap();
    std::fs::write(folder.path().join("2/key"), "another-key\n").unwrap();
    std::os::unix::fs::symlink("1", folder.path().join("data")).unwrap();
    std::os::unix::fs::symlink("data/key", folder.path().join("key")).unwrap();
    let file = folder.path().join("key");
    let rig = Rig::with(|config| config.apps[0].secret_key = KeySource::File(file)).await;
    no_call_fails_while(&rig, || {
        // The file changes first; Chat takes the new key a little later, and the old one no more.
        std::os::unix::fs::symlink("2", folder.path().join("next")).unwrap();
        std::fs::rename(folder.path().join("next"), folder.path().join("data")).unwrap();
    })
    .await;
    assert_eq!(rejected(&rig), rig.sandbox.calls().iter().filter(|call| call.code == Some(70009)).count());
    assert!(rejected(&rig) < 6, "{} tries of a key that Chat does not take yet", rejected(&rig));
    rig.sandbox.set_key(SDK_APP_ID, "another-key");
    eventually("the new key", || {
        rig.sandbox.calls().iter().rev().take(1).any(|call| call.command == "get_group_info" && call.code == Some(0))
    })
    .await;
    rig.import(group("with-the-new-key")).await.unwrap();
}

#[tokio::test]
async fn a_usersig_refused_under_load_fails_no_call() {
    let rig = Rig::start().await;
    no_call_fails_while(&rig, || rig.script([FaultKind::Code(70001), FaultKind::Code(70001), FaultKind::Code(70052)]))
        .await;
    assert!(rig.sandbox.calls().iter().any(|call| call.code == Some(70001)));
}

#[tokio::test]
async fn a_clock_that_differs_is_shown_when_a_usersig_is_refused() {
    let rig = Rig::start().await;
    rig.import(group("g")).await.unwrap();
    rig.sandbox.set_clock_skew(3_600);
    rig.script([FaultKind::Code(70001)]);
    rig.import(group("h")).await.unwrap();
    let text = rig.gateway.metrics().text();
    let line = text.lines().find(|line| line.starts_with(r#"group_import_clock_skew_seconds{app="prod"}"#)).unwrap();
    let skew: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert!((3_590.0..=3_610.0).contains(&skew), "{line}");
}

#[tokio::test]
async fn a_reload_changes_callers_and_apps_whole_or_not_at_all() {
    let mut rig = Rig::start().await;
    let mut config = rig::config(&rig.sandbox.base_url());
    config.server.listen = group_import_gateway::config::Listen::Tcp(([127, 0, 0, 1], 0).into());
    config.apps[0].field_limits.name = 2;
    config.apps.push(rig::app("more", 1_400_000_777, &rig.sandbox.base_url()));
    rig.gateway.reload(config.clone(), &rig::env()).unwrap();
    let told = Told::of(
        &rig.send(ImportGroupRequest { app: "prod".into(), group: Some(group("g")), ..Default::default() })
            .await
            .unwrap_err(),
    );
    assert_eq!(told.reason, "INVALID_REQUEST");
    config.apps[0].field_limits.name = 30;
    config.apps[1].secret_key = KeySource::Env("UNSET".into());
    assert!(rig.gateway.reload(config.clone(), &rig::env()).unwrap_err().to_string().contains("app more"));
    config.apps.pop();
    config.server.max_request_bytes = 1;
    assert!(rig.gateway.reload(config, &rig::env()).unwrap_err().to_string().contains("restart"));
    let told = Told::of(
        &rig.send(ImportGroupRequest { app: "prod".into(), group: Some(group("g")), ..Default::default() })
            .await
            .unwrap_err(),
    );
    assert_eq!(told.reason, "INVALID_REQUEST", "the last good configuration stays");
}
