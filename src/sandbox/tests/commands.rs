#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashSet;

use serde_json::{Value, json};

use super::client::{APP, start};
use crate::sandbox::clock::unix_now;

fn code(answer: &Value) -> u64 {
    answer["ErrorCode"].as_u64().unwrap()
}

#[tokio::test]
async fn an_import_makes_the_group_and_answers_in_chats_form() {
    let (sandbox, client) = start(|_| {}).await;
    let body = json!({
        "Owner_Account": "leckie", "Type": "Public", "GroupId": "MyFirstGroup", "Name": "TestGroup",
        "Introduction": "intro", "Notification": "note", "FaceUrl": "http://this.is.face.url",
        "MaxMemberCount": 500, "ApplyJoinOption": "FreeAccess", "CreateTime": 1_448_357_837,
        "AppDefinedData": [{"Key": "GroupTestData1", "Value": "xxxxx"}],
    });
    let answer = client.import(body.clone()).await;
    assert_eq!(answer, json!({"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0, "GroupId": "MyFirstGroup"}));
    let stored = sandbox.group(APP, "MyFirstGroup").unwrap();
    assert_eq!(Value::Object(stored.fields), body);
    assert_eq!((stored.owner.as_deref(), stored.create_time), (Some("leckie"), 1_448_357_837));

    let [seen] = &sandbox.calls()[..] else { panic!("one call") };
    assert_eq!((seen.code, seen.created.as_deref()), (Some(0), Some("MyFirstGroup")));
    assert_eq!((seen.random, seen.signed_for, &seen.body), (Some(7), Some(3_600), &body));
    assert!(seen.ignored_fields.is_empty());
}

#[tokio::test]
async fn chat_assigns_ids_of_its_own_form() {
    let (sandbox, client) = start(|_| {}).await;
    for _ in 0..3 {
        let plain = client.import(json!({"Type": "Public", "Name": "same"})).await;
        assert!(plain["GroupId"].as_str().unwrap().starts_with("@TGS#"));
        let community = client.import(json!({"Type": "Community", "Name": "same"})).await;
        assert!(community["GroupId"].as_str().unwrap().starts_with("@TGS#_@TGS#c"));
    }
    assert_eq!(sandbox.group_count(APP), 6, "without an ID every repeat makes another group");
}

#[tokio::test]
async fn a_broken_rule_is_answered_10004_with_the_fields_name() {
    let (sandbox, client) = start(|_| {}).await;
    let answer = client.import(json!({"Type": "Public", "Name": "x".repeat(31)})).await;
    assert_eq!((code(&answer), &answer["ActionStatus"]), (10004, &json!("FAIL")));
    assert!(answer["ErrorInfo"].as_str().unwrap().contains("Name"));
    assert_eq!(code(&client.import(json!({"Type": "AVChatRoom", "Name": "n"})).await), 10007);
    assert_eq!(sandbox.group_count(APP), 0);
}

#[tokio::test]
async fn misspelt_fields_are_ignored_as_by_chat_but_noted() {
    let (sandbox, client) = start(|_| {}).await;
    let answer = client.import(json!({"Type": "Public", "Name": "n", "MaxMemberNum": 9})).await;
    assert_eq!(code(&answer), 0);
    assert_eq!(sandbox.calls()[0].ignored_fields, ["MaxMemberNum"]);
}

#[tokio::test]
async fn bodies_that_are_no_json_object_are_refused() {
    let (sandbox, client) = start(|_| {}).await;
    for (body, code) in [("", 60003), ("{", 60003), ("{/* */}", 60003), ("[]", 10011), ("1", 10011)] {
        let answer = client.answer(client.url("import_group"), body).await;
        assert_eq!(answer["ErrorCode"], code, "{body}");
    }
    assert_eq!(client.import(json!({})).await["ErrorCode"], 10004);
    assert_eq!(sandbox.call_count("import_group"), 6);
}

#[tokio::test]
async fn a_taken_id_is_refused() {
    let (sandbox, client) = start(|_| {}).await;
    let body = |owner: &str| json!({"Type": "Public", "Name": "n", "GroupId": "g", "Owner_Account": owner});
    assert_eq!(code(&client.import(body("a")).await), 0);
    assert_eq!(code(&client.import(body("a")).await), 10021);
    assert_eq!(sandbox.group_count(APP), 1);

    let (_sandbox, client) = start(|settings| settings.answer_10025 = true).await;
    for (owner, expected) in [("a", 0), ("a", 10025), ("b", 10021)] {
        assert_eq!(code(&client.import(body(owner)).await), expected);
    }
}

#[tokio::test]
async fn owners_must_have_been_imported() {
    let (sandbox, client) = start(|_| {}).await;
    let body = |owner: &str| json!({"Type": "Public", "Name": "n", "Owner_Account": owner});
    sandbox.set_accounts(APP, Some(HashSet::from(["known".to_owned()])));
    assert_eq!(code(&client.import(body("stranger")).await), 10019);
    assert_eq!(code(&client.import(body("known")).await), 0);
    sandbox.set_accounts(APP, None);
    assert_eq!(code(&client.import(body("stranger")).await), 0);
}

#[tokio::test]
async fn quotas_refuse_new_groups_but_not_the_news_that_one_stands() {
    let (sandbox, client) = start(|_| {}).await;
    sandbox.set_plan_limit(APP, Some(1));
    assert_eq!(client.import_id("a").await, 0);
    assert_eq!(client.import_id("b").await, 10058);
    assert_eq!(client.import_id("a").await, 10021);
    sandbox.set_plan_limit(APP, None);
    sandbox.set_daily_quota(APP, Some(1));
    assert_eq!(client.import_id("b").await, 10006);
    sandbox.set_daily_quota(APP, None);
    assert_eq!(client.import_id("b").await, 0);
}

#[tokio::test]
async fn a_look_up_shows_what_was_asked_for() {
    let (_sandbox, client) = start(|_| {}).await;
    let before = unix_now(0);
    client
        .import(json!({
            "Type": "Work", "Name": "n", "GroupId": "g", "Owner_Account": "o", "MaxMemberCount": 9,
            "AppDefinedData": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
        }))
        .await;
    let answer = client
        .call(
            "get_group_info",
            json!({
                "GroupIdList": ["none", "g"],
                "ResponseFilter": {
                    "GroupBaseInfoFilter": ["Type", "Owner_Account", "MaxMemberNum"],
                    "AppDefinedDataFilter_Group": ["b"],
                },
            }),
        )
        .await;
    assert_eq!((code(&answer), &answer["ActionStatus"]), (0, &json!("OK")));
    let [none, group] = &answer["GroupInfo"].as_array().unwrap()[..] else { panic!("two infos") };
    assert_eq!((&none["GroupId"], &none["ErrorCode"]), (&json!("none"), &json!(10010)));
    assert_eq!(
        group,
        &json!({
            "GroupId": "g", "ErrorCode": 0, "ErrorInfo": "", "Type": "Private", "Owner_Account": "o",
            "MaxMemberNum": 9, "AppDefinedData": [{"Key": "b", "Value": "2"}],
        })
    );

    let all = &client.call("get_group_info", json!({"GroupIdList": ["g"]})).await["GroupInfo"][0];
    assert!((before..before + 60).contains(&all["CreateTime"].as_i64().unwrap()), "now is the default");
    assert_eq!((&all["ApplyJoinOption"], &all["Introduction"]), (&json!("NeedPermission"), &json!("")));
    assert_eq!(all["AppDefinedData"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_look_up_of_a_community_tells_of_topics_and_not_of_joining() {
    let (_sandbox, client) = start(|_| {}).await;
    let id = "@TGS#_c";
    client.import(json!({"Type": "Community", "Name": "n", "GroupId": id, "SupportTopic": 1})).await;
    let info = &client.call("get_group_info", json!({"GroupIdList": [id]})).await["GroupInfo"][0];
    assert_eq!((&info["SupportTopic"], &info["MaxMemberNum"]), (&json!(1), &json!(100_000)));
    assert!(info.get("ApplyJoinOption").is_none());
}

#[tokio::test]
async fn a_look_up_takes_one_to_fifty_ids() {
    let (sandbox, client) = start(|settings| settings.missing_group_code = 10015).await;
    let ids = |count| json!({"GroupIdList": vec!["g"; count]});
    for (count, expected) in [(0, 10004), (1, 0), (50, 0), (51, 10004)] {
        assert_eq!(code(&client.call("get_group_info", ids(count)).await), expected, "{count}");
    }
    for body in [json!({}), json!({"GroupIdList": "g"}), json!({"GroupIdList": [1]})] {
        assert_eq!(code(&client.call("get_group_info", body).await), 10004);
    }
    let missing = client.call("get_group_info", ids(1)).await;
    assert_eq!(missing["GroupInfo"][0]["ErrorCode"], 10015);

    let filter = json!({"GroupIdList": ["g"], "ResponseFilter": {"GroupBaseInfoFilter": ["MaxMemberCount"]}});
    client.call("get_group_info", filter).await;
    let noted = &sandbox.calls().pop().unwrap().ignored_fields;
    assert_eq!(noted, &["ResponseFilter.GroupBaseInfoFilter.MaxMemberCount"]);
}
