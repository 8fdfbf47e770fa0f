//! `import_group`: its checks, its JSON, its answer, and what makes it
//! repeatable.
//!
//! Rules and names are those of Chat's REST page of the command.

use std::sync::Arc;

use self::wanted::Wanted;
use super::{Operation, Plan, rules::Violations};
use crate::{
    config::{FieldLimits, SdkAppId},
    outbound::{
        call::{Answer, Command},
        settle::Goal,
    },
    proto::{ImportGroupRequest, ImportGroupResponse},
    wire::Needs,
};

mod body;
mod check;
pub mod derive;
mod wanted;

/// The command.
pub static IMPORT_GROUP: Command =
    Command { service: "group_open_http_svc", name: "import_group", needs: Needs::GroupId };

/// The operation behind `ImportGroup` and each item of `ImportGroups`.
pub struct ImportGroup;

impl Operation for ImportGroup {
    type Request = ImportGroupRequest;
    type Reply = ImportGroupResponse;

    fn command() -> &'static Command {
        &IMPORT_GROUP
    }

    fn app(request: &ImportGroupRequest) -> &str {
        &request.app
    }

    fn validate_only(request: &ImportGroupRequest) -> bool {
        request.validate_only
    }

    fn is_keyed(request: &ImportGroupRequest) -> bool {
        !request.request_id.is_empty() || request.group.as_ref().is_some_and(|group| !group.group_id.is_empty())
    }

    fn request_id(request: &ImportGroupRequest) -> &str {
        &request.request_id
    }

    fn check(request: &ImportGroupRequest, limits: &FieldLimits, now: i64, violations: &mut Violations) {
        check::check_request_id(request, violations);
        match &request.group {
            Some(group) => check::check_group(group, limits, now, violations),
            None => violations.add("group", "required"),
        }
    }

    fn plan(request: ImportGroupRequest, sdk_app_id: SdkAppId) -> Plan {
        let mut group = request.group.unwrap_or_default();
        if !request.request_id.is_empty() {
            group.group_id = derive::group_id(sdk_app_id, &request.request_id, group.r#type());
        }
        let body = body::to_json(&group);
        let group_id = group.group_id.clone();
        let goal = (!group_id.is_empty()).then(|| Arc::new(Wanted::new(group, body.clone())) as Arc<dyn Goal>);
        Plan { body, group_id, request_id: request.request_id, goal }
    }

    fn preview(plan: &Plan) -> ImportGroupResponse {
        ImportGroupResponse { group_id: plan.group_id.clone(), reconciled: false }
    }

    fn reply(answer: &Answer) -> Option<ImportGroupResponse> {
        let group_id = answer.group_id.clone()?;
        Some(ImportGroupResponse { group_id, reconciled: answer.reconciled })
    }
}
