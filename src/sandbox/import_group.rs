//! `import_group`: makes a group, if its fields and the app's quotas allow.

use std::time::Instant;

use axum::body::Bytes;
use serde_json::{Map, Value};

use super::{
    clock::DAY,
    dice::Dice,
    fields::{self, GroupType, Wanted},
    reply::Refusal,
    settings::{App, Settings},
    store::Groups,
};

/// When a group is made: both clocks, read once for the whole call.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub(super) instant: Instant,
    /// Seconds.
    pub(super) unix: i64,
}

/// Makes the group that `body` asks for and gives its ID. `raw` is kept with it, if wanted.
pub(super) fn make(
    body: &Map<String, Value>,
    raw: Option<Bytes>,
    (app, groups): (&App, &mut Groups),
    settings: &Settings,
    dice: &mut Dice,
    now: Now,
) -> Result<String, Refusal> {
    let wanted = fields::read(body, &app.limits, now.unix)?;
    may_own(app, wanted.owner)?;
    // Before the quotas: a repeat of what stands must hear so even when they are used up.
    is_free(groups, &wanted, settings.answer_10025)?;
    within_quotas(app, groups, now.unix)?;
    let group_id =
        wanted.group_id.map_or_else(|| free_id(groups, dice, wanted.kind == GroupType::Community), str::to_owned);
    groups.add(&group_id, &wanted, now.instant, now.unix, raw);
    Ok(group_id)
}

fn may_own(app: &App, owner: Option<&str>) -> Result<(), Refusal> {
    match (&app.accounts, owner) {
        (Some(accounts), Some(owner)) if !accounts.contains(owner) => {
            Err(Refusal::new(10019, "Owner_Account does not exist"))
        }
        _ => Ok(()),
    }
}

fn is_free(groups: &Groups, wanted: &Wanted<'_>, answer_10025: bool) -> Result<(), Refusal> {
    let Some(standing) = wanted.group_id.and_then(|id| groups.get(id)) else { return Ok(()) };
    let same_owner = wanted.owner.is_some() && standing.owner.as_deref() == wanted.owner;
    if answer_10025 && same_owner {
        return Err(Refusal::new(10025, "GroupId is in use, and its group has the same owner"));
    }
    Err(Refusal::new(10021, "GroupId is in use"))
}

fn within_quotas(app: &App, groups: &Groups, now: i64) -> Result<(), Refusal> {
    if app.plan_limit.is_some_and(|limit| groups.len() >= limit) {
        return Err(Refusal::new(10058, "the plan allows no more groups"));
    }
    let today = groups.made_on(now.div_euclid(DAY));
    if app.daily_quota.is_some_and(|quota| today >= quota) {
        return Err(Refusal::new(10006, "no more groups can be made today"));
    }
    Ok(())
}

fn free_id(groups: &Groups, dice: &mut Dice, community: bool) -> String {
    loop {
        let id = dice.group_id(community);
        if groups.get(&id).is_none() {
            return id;
        }
    }
}
