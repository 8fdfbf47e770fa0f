#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::json;

use super::*;

const NOW: i64 = 1_700_000_000;

/// Reads a public group named `n`, changed by what `over` holds; `null` takes a field away.
fn read_with(over: &Value) -> Result<(), Refusal> {
    let mut body = Map::from_iter([("Type".to_owned(), json!("Public")), ("Name".to_owned(), json!("n"))]);
    body.extend(over.as_object().unwrap().clone());
    read(&body, &Limits::default(), NOW).map(drop)
}

fn taken(over: Value) {
    assert_eq!(read_with(&over), Ok(()), "{over}");
}

/// Refused with 10004 and a text that names `field`.
fn refused(field: &str, over: Value) {
    let refusal = read_with(&over).unwrap_err();
    assert_eq!(refusal, wrong(field), "{over}");
    assert_eq!(refusal.code, 10004);
}

#[test]
fn types_are_case_sensitive_and_have_synonyms() {
    for (name, kind) in [
        ("Public", "Public"),
        ("Private", "Private"),
        ("Work", "Private"),
        ("ChatRoom", "ChatRoom"),
        ("Meeting", "ChatRoom"),
        ("Community", "Community"),
    ] {
        let body = json!({"Type": name, "Name": "n"});
        let wanted = read(body.as_object().unwrap(), &Limits::default(), NOW).unwrap();
        assert_eq!(wanted.kind.as_str(), kind);
    }
    for name in [json!("public"), json!("CHATROOM"), json!(""), json!(1), json!(null)] {
        refused("Type", json!({"Type": name}));
    }
    assert_eq!(read_with(&json!({"Type": "AVChatRoom"})).unwrap_err().code, 10007);
}

#[test]
fn type_and_name_are_required() {
    for (left_out, body) in [("Type", json!({"Name": "n"})), ("Name", json!({"Type": "Public"}))] {
        let refusal = read(body.as_object().unwrap(), &Limits::default(), NOW).unwrap_err();
        assert_eq!(refusal, wrong(left_out));
    }
    refused("Name", json!({"Name": ""}));
}

#[test]
fn texts_are_measured_in_bytes() {
    for (field, most) in [("Name", 30), ("Introduction", 240), ("Notification", 300), ("FaceUrl", 100)] {
        taken(json!({field: "x".repeat(most)}));
        refused(field, json!({field: "x".repeat(most + 1)}));
        taken(json!({field: "群".repeat(most / 3)}));
        refused(field, json!({field: "群".repeat(most / 3 + 1)}));
        refused(field, json!({field: 1}));
        refused(field, json!({field: null}));
    }
}

#[test]
fn accounts_and_ids_are_printable_ascii() {
    for (field, most) in [("Owner_Account", 32), ("GroupId", 48)] {
        taken(json!({field: "~".repeat(most)}));
        refused(field, json!({field: "x".repeat(most + 1)}));
        for text in ["", "é", "a\n", "\u{7f}"] {
            refused(field, json!({field: text}));
        }
    }
}

#[test]
fn only_a_communitys_id_begins_with_chats_mark_and_must() {
    taken(json!({"GroupId": "@TGS_1"}));
    refused("GroupId", json!({"GroupId": "@TGS#1"}));
    refused("GroupId", json!({"GroupId": "@TGS#_1"}));
    taken(json!({"Type": "Community", "GroupId": "@TGS#_1"}));
    refused("GroupId", json!({"Type": "Community", "GroupId": "@TGS#1"}));
    refused("GroupId", json!({"Type": "Community", "GroupId": "1"}));
}

#[test]
fn numbers_are_whole_numbers_within_bounds() {
    for count in [json!(1), json!(6000)] {
        taken(json!({"MaxMemberCount": count}));
    }
    for count in [json!(0), json!(6001), json!(-1), json!("200"), json!(200.0), json!(null)] {
        refused("MaxMemberCount", json!({"MaxMemberCount": count}));
    }
    taken(json!({"Type": "Community", "MaxMemberCount": 100_000}));
    refused("MaxMemberCount", json!({"Type": "Community", "MaxMemberCount": 100_001}));

    for time in [1, NOW, NOW + DAY] {
        taken(json!({"CreateTime": time}));
    }
    for time in [json!(0), json!(NOW + DAY + 1), json!(NOW * 1000), json!("1700000000")] {
        refused("CreateTime", json!({"CreateTime": time}));
    }
}

#[test]
fn join_option_is_not_for_communities_and_topics_only() {
    for option in ["FreeAccess", "NeedPermission", "DisableApply"] {
        taken(json!({"ApplyJoinOption": option}));
        refused("ApplyJoinOption", json!({"Type": "Community", "ApplyJoinOption": option}));
    }
    refused("ApplyJoinOption", json!({"ApplyJoinOption": "freeaccess"}));
    for topic in [0, 1] {
        taken(json!({"Type": "Community", "SupportTopic": topic}));
        refused("SupportTopic", json!({"SupportTopic": topic}));
    }
    refused("SupportTopic", json!({"Type": "Community", "SupportTopic": true}));
    refused("SupportTopic", json!({"Type": "Community", "SupportTopic": 2}));
}

#[test]
fn custom_fields_have_short_different_keys() {
    let data = |pairs: &[(&str, &str)]| {
        let entries = pairs.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
        json!({"AppDefinedData": entries.collect::<Vec<_>>()})
    };
    let long = "x".repeat(512);
    taken(data(&[]));
    taken(data(&[("Abc_123456789012", &long), ("b", "abc\u{0}\u{1}群")]));
    for key in ["", "abc_1234567890123", " GroupTestData2", "é", "a-b"] {
        refused("AppDefinedData[0].Key", data(&[(key, "v")]));
    }
    refused("AppDefinedData[1].Key", data(&[("a", "v"), ("a", "w")]));
    refused("AppDefinedData[0].Value", data(&[("a", &(long + "x"))]));
    refused("AppDefinedData[0].Value", json!({"AppDefinedData": [{"Key": "a"}]}));
    refused("AppDefinedData[0].Value", json!({"AppDefinedData": [{"Key": "a", "Value": 1}]}));
    refused("AppDefinedData", json!({"AppDefinedData": {"Key": "a", "Value": "v"}}));

    let keys: Vec<String> = (0..21).map(|at| format!("k{at}")).collect();
    let pairs: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "")).collect();
    taken(data(&pairs[..20]));
    refused("AppDefinedData", data(&pairs));
}

#[test]
fn what_chat_would_ignore_is_listed() {
    let body = json!({
        "Type": "Public", "name": "n", "MaxMemberNum": 1,
        "AppDefinedData": [{"Key": "a", "Value": "v"}, {"Key": "b", "Value": "v", "Val": 1}],
    });
    let ignored = ignored(body.as_object().unwrap());
    assert_eq!(ignored, ["MaxMemberNum", "name", "AppDefinedData[1].Val"]);
}
