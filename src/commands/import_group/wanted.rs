//! What a call asked for, to be compared with what a look finds.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::body::type_name;
use crate::{
    outbound::settle::Goal,
    proto::{Group, GroupType},
};

/// Chat's names of a request's fields, and the proto's.
const NAMES: [(&str, &str); 12] = [
    ("Owner_Account", "owner_account"),
    ("Type", "type"),
    ("GroupId", "group_id"),
    ("Name", "name"),
    ("Introduction", "introduction"),
    ("Notification", "notification"),
    ("FaceUrl", "face_url"),
    ("MaxMemberCount", "max_member_count"),
    ("ApplyJoinOption", "apply_join_option"),
    ("AppDefinedData", "app_defined_data"),
    ("CreateTime", "create_time"),
    ("SupportTopic", "support_topic"),
];

/// The group that a call asked for.
pub(super) struct Wanted {
    group: Group,
    body: Bytes,
}

impl Wanted {
    /// The group, and the body that asks for it.
    pub(super) fn new(group: Group, body: Bytes) -> Self {
        Self { group, body }
    }
}

impl Goal for Wanted {
    fn group_id(&self) -> &str {
        &self.group.group_id
    }

    fn fields(&self) -> &'static [&'static str] {
        &["Type", "Name", "Owner_Account", "CreateTime"]
    }

    /// Type, name and owner identify a group well enough to tell one's own
    /// from another's; so does the creation time, where it was asked for.
    /// What else may be set is changed by users in the life of a group.
    fn differs(&self, standing: &Map<String, Value>) -> Option<Vec<&'static str>> {
        let text = |name: &str| standing.get(name).and_then(Value::as_str);
        let (kind, name) = (text("Type")?, text("Name")?);
        let owner = text("Owner_Account").unwrap_or_default(); // left out where there is none
        let mut differs = Vec::new();
        if old_name(kind) != type_name(self.group.r#type()) {
            differs.push("type");
        }
        if name != self.group.name {
            differs.push("name");
        }
        if owner != self.group.owner_account {
            differs.push("owner_account");
        }
        if let Some(wanted) = self.group.create_time {
            let created = standing.get("CreateTime").and_then(Value::as_i64)?;
            if created != wanted.seconds {
                differs.push("create_time");
            }
        }
        Some(differs)
    }

    fn unlike(&self, body: &[u8]) -> Vec<&'static str> {
        let read = |body: &[u8]| serde_json::from_slice::<Map<String, Value>>(body).unwrap_or_default();
        let (this, other) = (read(&self.body), read(body));
        NAMES.iter().filter(|(chat, _)| this.get(*chat) != other.get(*chat)).map(|(_, proto)| *proto).collect()
    }
}

/// Types by the names under which they are imported: newer pages say Work for
/// Private and Meeting for ChatRoom.
fn old_name(kind: &str) -> &str {
    match kind {
        "Work" => type_name(GroupType::Private),
        "Meeting" => type_name(GroupType::ChatRoom),
        kind => kind,
    }
}
