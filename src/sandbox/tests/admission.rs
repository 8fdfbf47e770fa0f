#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::json;

use super::client::{ADMIN, APP, KEY, sign, start};
use crate::sandbox::{App, clock::unix_now};

#[tokio::test]
async fn wrong_paths_and_methods_meet_pages_or_10003() {
    let (sandbox, client) = start(|_| {}).await;
    assert_eq!(client.get("/v4/group_open_http_svc/import_group").await.status(), 405);
    assert_eq!(client.get("/v5/group_open_http_svc/import_group").await.status(), 404);
    for command in ["Import_Group", "destroy_group", "import_group2"] {
        assert_eq!(client.call(command, json!({})).await["ErrorCode"], 10003, "{command}");
    }
    let elsewhere = client.url("import_group").replace("group_open_http_svc", "openim");
    assert_eq!(client.answer(elsewhere, "{}").await["ErrorCode"], 10003);
    assert_eq!(sandbox.calls().len(), 4);
    assert_eq!(sandbox.call_count("import_group"), 0);
}

#[tokio::test]
async fn a_wrong_query_has_its_code() {
    let (_sandbox, client) = start(|_| {}).await;
    for (right, wrong, code) in [
        ("sdkappid=", "SdkAppId=", 60012),
        ("random=7", "random=4294967296", 60002),
        ("contenttype=json", "contenttype=xml", 60002),
        ("identifier=administrator", "", 60004),
        ("sdkappid=1400000000", "sdkappid=1400000001", 70020),
    ] {
        let url = client.url("import_group").replace(right, wrong);
        assert_eq!(client.answer(url, "{}").await["ErrorCode"], code, "{wrong}");
    }
}

#[tokio::test]
async fn a_wrong_credential_has_its_code() {
    let (_sandbox, client) = start(|settings| settings.apps.push(App::new(2, KEY, ADMIN))).await;
    let now = unix_now(0);
    for (usersig, code) in [
        (String::new(), 70002),
        ("eJy".into(), 70003),
        (sign("other", APP, ADMIN, now, 60), 70009),
        (sign(KEY, APP, "other", now, 60), 70013),
        (sign(KEY, 2, ADMIN, now, 60), 70014),
        (sign(KEY, APP, ADMIN, now - 70, 60), 70001),
        (sign(KEY, APP, ADMIN, now - 30, 60), 10004),
    ] {
        let url = client.url("import_group");
        let (head, tail) = url.split_once("usersig=").unwrap();
        let (_, tail) = tail.split_once('&').unwrap();
        let answer = client.answer(format!("{head}usersig={usersig}&{tail}"), "{}").await;
        assert_eq!(answer["ErrorCode"], code);
    }
    let mut user = client.clone();
    user.identifier = "user".into();
    assert_eq!(user.import_id("g").await, 60010, "signed, but no admin");
}

#[tokio::test]
async fn many_failed_checks_suspend_the_app_for_a_while() {
    let (_sandbox, client) = start(|settings| {
        settings.failed_checks = 3;
        settings.suspension = Duration::from_secs(1);
        settings.apps.push(App::new(2, KEY, ADMIN));
    })
    .await;
    let mut wrong = client.clone();
    wrong.key = "wrong".into();
    for _ in 0..4 {
        assert_eq!(wrong.import_id("g").await, 70009);
    }
    assert_eq!(wrong.import_id("g").await, 70050);
    assert_eq!(client.import_id("g").await, 70050, "the right key does not help");
    let mut other = client.clone();
    other.app = 2;
    assert_eq!(other.import_id("g").await, 0, "another app goes on");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(client.import_id("g").await, 0);
}

#[tokio::test]
async fn each_command_of_each_app_has_its_own_rate() {
    let (sandbox, client) = start(|settings| {
        settings.calls_per_second = 3;
        settings.apps.push(App::new(2, KEY, ADMIN));
    })
    .await;
    for (id, code) in [("a", 0), ("b", 0), ("c", 0), ("d", 60007), ("a", 60007)] {
        assert_eq!(client.import_id(id).await, code);
    }
    let looked = client.call("get_group_info", json!({"GroupIdList": ["d"]})).await;
    assert_eq!(looked["GroupInfo"][0]["ErrorCode"], 10010, "refused for rate makes nothing");
    let mut other = client.clone();
    other.app = 2;
    assert_eq!(other.import_id("a").await, 0);

    assert_eq!(sandbox.most_in_one_second("import_group", None), 6);
    assert_eq!(sandbox.most_in_one_second("import_group", APP), 5);
    assert_eq!(sandbox.most_in_one_second("get_group_info", 2), 0);
    sandbox.set_calls_per_second(100);
    assert_eq!(client.import_id("d").await, 0);
}

#[tokio::test]
async fn a_foreign_user_takes_from_the_apps_rate() {
    let (sandbox, client) = start(|settings| settings.calls_per_second = 20).await;
    sandbox.foreign(APP, 1_000);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(client.import_id("a").await, 60007);
    sandbox.foreign(APP, 0);
    let (accepted, refused) = sandbox.foreign_counts();
    assert!(accepted >= 20 && refused >= 80, "{accepted} and {refused}");
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert_eq!(client.import_id("a").await, 0);
    assert_eq!(sandbox.foreign_counts(), (accepted, refused));
    assert_eq!(sandbox.most_in_one_second("import_group", APP), 1, "its calls are not ours");
}

#[tokio::test]
async fn an_app_can_be_disabled() {
    let (sandbox, client) = start(|_| {}).await;
    sandbox.disable_app(APP, Some(60020));
    assert_eq!(client.import_id("g").await, 60020);
    sandbox.disable_app(APP, None);
    assert_eq!(client.import_id("g").await, 0);
}

#[tokio::test]
async fn a_new_key_serves_at_once_and_the_old_one_no_longer() {
    let (sandbox, mut client) = start(|_| {}).await;
    sandbox.set_key(APP, "new");
    assert_eq!(client.import_id("g").await, 70009);
    client.key = "new".into();
    assert_eq!(client.import_id("g").await, 0);
}

#[tokio::test]
async fn a_skewed_clock_shows_in_date_and_in_expiry() {
    let (sandbox, client) = start(|_| {}).await;
    assert_eq!(client.import_id("a").await, 0);
    sandbox.set_clock_skew(7_200);
    assert_eq!(client.import_id("b").await, 70001);
    let response = client.send(client.url("import_group"), "{}".into()).await.unwrap();
    let date = response.headers()["date"].to_str().unwrap().to_owned();
    let expected: Vec<_> = (7_195..=7_200).map(|skew| crate::sandbox::clock::http_date(unix_now(skew))).collect();
    assert!(expected.contains(&date), "{date}");
}
