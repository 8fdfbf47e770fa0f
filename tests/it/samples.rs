//! The three sample requests of the vendor's page, its typos mended, arrive as
//! exactly the documented JSON.

use group_import_gateway::proto::{AppDefinedField, ApplyJoinOption, Group, GroupType};
use prost_types::Timestamp;
use serde_json::{Value, json};

use crate::rig::{Rig, Told};

async fn arrives(group: Group, expected: Value) {
    let rig = Rig::start().await;
    rig.import(group).await.unwrap();
    let seen = rig.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].body, expected);
    assert!(seen[0].ignored_fields.is_empty());
}

#[tokio::test]
async fn the_basic_sample_arrives_as_documented() {
    let mut group = Group {
        owner_account: "leckie".into(),
        group_id: "MyFirstGroup".into(),
        name: "TestGroup".into(),
        ..Default::default()
    };
    group.set_type(GroupType::Public);
    arrives(
        group,
        json!({ "Owner_Account": "leckie", "Type": "Public", "GroupId": "MyFirstGroup", "Name": "TestGroup" }),
    )
    .await;
}

#[tokio::test]
async fn the_topic_enabled_community_arrives_as_documented() {
    let mut group = Group {
        owner_account: "leckie".into(),
        group_id: "@TGS#_MyFirstGroup".into(),
        name: "TestGroup".into(),
        support_topic: Some(true),
        ..Default::default()
    };
    group.set_type(GroupType::Community);
    arrives(
        group,
        json!({
            "Owner_Account": "leckie", "Type": "Community", "GroupId": "@TGS#_MyFirstGroup", "Name": "TestGroup",
            "SupportTopic": 1,
        }),
    )
    .await;
}

fn all_fields() -> Group {
    let mut group = Group {
        owner_account: "leckie".into(),
        group_id: "MyFirstGroup".into(),
        name: "TestGroup".into(),
        introduction: "This is group Introduction".into(),
        notification: "This is group Notification".into(),
        face_url: "http://this.is.face.url".into(),
        max_member_count: Some(500),
        app_defined_data: vec![
            AppDefinedField { key: "GroupTestData1".into(), value: "xxxxx".into() },
            AppDefinedField { key: "GroupTestData2".into(), value: "abc\u{0}\u{1}".into() },
        ],
        create_time: Some(Timestamp { seconds: 1_448_357_837, nanos: 999_999_999 }),
        ..Default::default()
    };
    group.set_type(GroupType::Public);
    group.set_apply_join_option(ApplyJoinOption::FreeAccess);
    group
}

#[tokio::test]
async fn the_sample_with_all_fields_arrives_as_documented() {
    arrives(
        all_fields(),
        json!({
            "Owner_Account": "leckie", "Type": "Public", "GroupId": "MyFirstGroup", "Name": "TestGroup",
            "Introduction": "This is group Introduction", "Notification": "This is group Notification",
            "FaceUrl": "http://this.is.face.url", "MaxMemberCount": 500, "ApplyJoinOption": "FreeAccess",
            "AppDefinedData": [
                { "Key": "GroupTestData1", "Value": "xxxxx" },
                { "Key": "GroupTestData2", "Value": "abc\u{0}\u{1}" },
            ],
            "CreateTime": 1_448_357_837,
        }),
    )
    .await;
}

#[tokio::test]
async fn the_samples_key_with_a_leading_space_is_refused() {
    let rig = Rig::start().await;
    let mut group = all_fields();
    group.app_defined_data[1].key = " GroupTestData2".into();
    let told = Told::of(&rig.import(group).await.unwrap_err());
    assert_eq!(
        told.violations(),
        [("group.app_defined_data[1].key", "letters, digits and underscores only, this has ' '")]
    );
    assert!(rig.seen().is_empty());
}

#[tokio::test]
async fn what_the_caller_left_out_stays_out_and_zero_is_not_left_out() {
    let mut group = Group { name: "n".into(), ..Default::default() };
    group.set_type(GroupType::Community);
    group.support_topic = Some(false);
    arrives(group, json!({ "Type": "Community", "Name": "n", "SupportTopic": 0 })).await;
}
