//! What the gateway makes of each of Chat's error codes: a row a line.
//!
//! The codes and meanings are those of Chat's `import_group` page, its public
//! error code table and its SDKs. A code that is in no row is answered as
//! `CHAT_ERROR`, and its effect is unknown.

use tonic::Code::{self, *};

use self::{Action::*, Applied as A, Retry as R, Scope as S};

/// One of Chat's error codes, and what follows from it.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Chat's `ErrorCode`.
    pub code: u32,
    /// The `reason` in our `ErrorInfo`.
    pub reason: &'static str,
    /// The gRPC status.
    pub status: Code,
    /// Whether an attempt answered so may have made a group.
    pub applied: Applied,
    /// What the error says something about.
    pub scope: Scope,
    /// What the gateway does about it.
    pub action: Action,
    /// Whether sending the request again can help the caller.
    pub retry: Retry,
    /// Chat's meaning, for people.
    pub meaning: &'static str,
}

/// Whether a group may have come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Certainly not.
    No,
    /// It may have.
    Unknown,
}

/// What an error says something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This group: others may pass.
    Group,
    /// This call: the same again may pass.
    Call,
    /// The whole app: no other call would fare better.
    App,
    /// The gateway itself, or how it is deployed.
    Gateway,
}

/// What the gateway does about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Reports it.
    Fail,
    /// Sends it again, where it is repeatable.
    Retry,
    /// Queues it again and lowers the rate.
    SlowDown,
    /// Signs it afresh and sends it again, once.
    SignAgain,
    /// Sends nothing of that app for 60 s.
    Suspend,
    /// Looks whether what stands is what was asked for.
    Reconcile,
}

/// What the caller is told about sending it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It would not help.
    No,
    /// After the pause in `RetryInfo`.
    After,
    /// Yes with a `group_id` or `request_id`, no without.
    IfRepeatable,
}

#[expect(clippy::too_many_arguments, reason = "a row of the table reads best as one line")]
const fn row(
    code: u32,
    reason: &'static str,
    status: Code,
    applied: Applied,
    scope: Scope,
    action: Action,
    retry: Retry,
    meaning: &'static str,
) -> Row {
    Row { code, reason, status, applied, scope, action, retry, meaning }
}

/// Every code that Chat documents, in ascending order.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    //  code   reason                      status              applied    scope       action      retry            meaning
    row(10002, "CHAT_INTERNAL_ERROR",      Internal,           A::Unknown, S::Call,    Retry,      R::IfRepeatable, "server internal error; doc says retry. Effect on server unknown"),
    row(10003, "CHAT_COMMAND_UNKNOWN",     Internal,           A::No,      S::Gateway, Fail,       R::No,           "invalid command word / API name in the URL (gateway bug or wrong path)"),
    row(10004, "CHAT_INVALID_ARGUMENT",    InvalidArgument,    A::No,      S::Group,   Fail,       R::No,           "invalid parameter; ErrorInfo says which"),
    row(10005, "CHAT_TOO_MANY_ITEMS",      InvalidArgument,    A::No,      S::Group,   Fail,       R::No,           "too many accounts in one request (MemberList over the per-call cap)"),
    row(10006, "QUOTA_EXCEEDED",           ResourceExhausted,  A::No,      S::App,     Fail,       R::No,           "operation frequency limit; on create_group it is documented as group-creation quota exceeded (e.g. daily net-new groups)"),
    row(10007, "CHAT_PERMISSION_DENIED",   PermissionDenied,   A::No,      S::Group,   Fail,       R::No,           "no permission for operation; always returned when importing into/for AVChatRoom"),
    row(10008, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     Fail,       R::No,           "illegal request, signature carried in it may have failed verification; 'try again'"),
    row(10010, "GROUP_NOT_FOUND",          NotFound,           A::No,      S::Group,   Fail,       R::No,           "group does not exist or was disbanded"),
    row(10011, "CHAT_REJECTED_JSON",       Internal,           A::No,      S::Gateway, Fail,       R::No,           "JSON body parse failed"),
    row(10012, "CHAT_INVALID_ARGUMENT",    InvalidArgument,    A::No,      S::Group,   Fail,       R::No,           "UserID of the operator is illegal"),
    row(10015, "GROUP_NOT_FOUND",          NotFound,           A::No,      S::Group,   Fail,       R::No,           "group ID invalid / group not found (wording changed over time)"),
    row(10016, "CHAT_PERMISSION_DENIED",   PermissionDenied,   A::No,      S::Group,   Fail,       R::No,           "app backend rejected the operation through a third-party callback (import does not fire callbacks, so not expected)"),
    row(10019, "ACCOUNT_NOT_FOUND",        NotFound,           A::No,      S::Group,   Fail,       R::No,           "requested account does not exist (an owner that was never imported, presumably)"),
    row(10021, "GROUP_ID_IN_USE",          AlreadyExists,      A::No,      S::Group,   Reconcile,  R::No,           "group ID already in use, choose another"),
    row(10025, "GROUP_ID_IN_USE",          AlreadyExists,      A::No,      S::Group,   Reconcile,  R::No,           "group ID already in use and the operator is its owner; may be used directly"),
    row(10026, "CHAT_COMMAND_DISABLED",    FailedPrecondition, A::No,      S::App,     Fail,       R::No,           "the command word is disabled for this SDKAppID"),
    row(10036, "PLAN_LIMIT_EXCEEDED",      FailedPrecondition, A::No,      S::Group,   Fail,       R::No,           "AVChatRoom creation quota exceeded (plan)"),
    row(10037, "OWNER_QUOTA_EXCEEDED",     ResourceExhausted,  A::No,      S::Group,   Fail,       R::No,           "user (Owner_Account) is in/created too many groups for the plan"),
    row(10038, "PLAN_LIMIT_EXCEEDED",      FailedPrecondition, A::No,      S::Group,   Fail,       R::No,           "group member count over plan limit"),
    row(10058, "QUOTA_EXCEEDED",           ResourceExhausted,  A::No,      S::App,     Fail,       R::No,           "trial edition limited to 100 groups; buy a plan"),
    row(10059, "CHAT_PLAN_TOO_LOW",        FailedPrecondition, A::No,      S::App,     Fail,       R::No,           "not the flagship/ultimate edition (feature needs higher plan)"),
    row(60002, "CHAT_REJECTED_URL",        Internal,           A::No,      S::Gateway, Fail,       R::No,           "HTTP parse error; check the request URL format"),
    row(60003, "CHAT_REJECTED_JSON",       Internal,           A::No,      S::Gateway, Fail,       R::No,           "HTTP request JSON parse error; check JSON"),
    row(60004, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     Fail,       R::No,           "UserID or UserSig wrong in URL or JSON body"),
    row(60005, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     Fail,       R::No,           "UserID or UserSig wrong in URL or JSON body"),
    row(60006, "APP_REJECTED",             FailedPrecondition, A::No,      S::App,     Fail,       R::No,           "SDKAppID invalid/expired; check it"),
    row(60007, "RATE_LIMITED",             ResourceExhausted,  A::No,      S::App,     SlowDown,   R::After,        "REST API call frequency over the limit; lower the rate"),
    row(60008, "CHAT_TIMED_OUT",           Unknown,            A::Unknown, S::Call,    Retry,      R::IfRepeatable, "service request timed out or HTTP request format error; check and retry"),
    row(60009, "CHAT_REJECTED_URL",        Internal,           A::No,      S::Gateway, Fail,       R::No,           "request resource error; check the URL"),
    row(60010, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     Fail,       R::No,           "caller identifier must be an App admin account"),
    row(60011, "RATE_LIMITED",             ResourceExhausted,  A::No,      S::App,     SlowDown,   R::After,        "SDKAppID-wide request frequency over the limit"),
    row(60012, "CHAT_REJECTED_URL",        Internal,           A::No,      S::Gateway, Fail,       R::No,           "SDKAppID missing from URL"),
    row(60013, "CHAT_INTERNAL_ERROR",      Internal,           A::Unknown, S::Call,    Retry,      R::IfRepeatable, "HTTP response body JSON parse error (on Tencent's side)"),
    row(60014, "CHAT_TIMED_OUT",           Unknown,            A::Unknown, S::Call,    Retry,      R::IfRepeatable, "account exchange (tinyid lookup) timed out"),
    row(60015, "CHAT_INVALID_ARGUMENT",    InvalidArgument,    A::No,      S::Group,   Fail,       R::No,           "account in body has wrong type; must be string"),
    row(60016, "APP_REJECTED",             FailedPrecondition, A::No,      S::App,     Fail,       R::No,           "SDKAppID disabled"),
    row(60017, "CHAT_PERMISSION_DENIED",   PermissionDenied,   A::No,      S::Group,   Fail,       R::No,           "request disabled"),
    row(60018, "RATE_LIMITED",             ResourceExhausted,  A::No,      S::App,     SlowDown,   R::After,        "requests too frequent; retry later"),
    row(60019, "RATE_LIMITED",             ResourceExhausted,  A::No,      S::App,     SlowDown,   R::After,        "requests too frequent; retry later"),
    row(60020, "APP_REJECTED",             FailedPrecondition, A::No,      S::App,     Fail,       R::No,           "plan expired/not bought, or bought plan not yet in effect (5 minutes)"),
    row(60021, "SOURCE_ADDRESS_REJECTED",  FailedPrecondition, A::No,      S::App,     Fail,       R::No,           "REST API caller source IP not allowed"),
    row(60022, "CHAT_OVERLOADED",          Unknown,            A::Unknown, S::Call,    Retry,      R::IfRepeatable, "service overloaded (a constant of the web SDK; whether REST answers it is unverified)"),
    row(70001, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     SignAgain,  R::No,           "UserSig expired; generate again (recommended validity >= 24 h)"),
    row(70002, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     Fail,       R::No,           "UserSig length is 0"),
    row(70003, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     Fail,       R::No,           "UserSig invalid / check failed (e.g. truncated)"),
    row(70005, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     Fail,       R::No,           "UserSig invalid / check failed"),
    row(70009, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     Fail,       R::No,           "UserSig verification failed; key belongs to another SDKAppID"),
    row(70013, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     Fail,       R::No,           "request UserID differs from the one in UserSig"),
    row(70014, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     Fail,       R::No,           "request SDKAppID differs from the one in UserSig"),
    row(70016, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     Fail,       R::No,           "public key does not exist; get the key in the console"),
    row(70020, "APP_REJECTED",             FailedPrecondition, A::No,      S::App,     Fail,       R::No,           "SDKAppID not found; check app in console (also plausible for wrong region: unverified)"),
    row(70050, "CREDENTIAL_SUSPENDED",     Unavailable,        A::No,      S::App,     Suspend,    R::After,        "too many failed UserSig checks; fix UserSig and try again after 1 minute"),
    row(70051, "CHAT_PERMISSION_DENIED",   PermissionDenied,   A::No,      S::Group,   Fail,       R::No,           "account is on a blacklist"),
    row(70052, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     SignAgain,  R::No,           "UserSig was invalidated; generate again"),
    row(70107, "ACCOUNT_NOT_FOUND",        NotFound,           A::No,      S::Group,   Fail,       R::No,           "requested user account does not exist"),
    row(70114, "CHAT_PERMISSION_DENIED",   PermissionDenied,   A::No,      S::Group,   Fail,       R::No,           "restricted for security reasons"),
    row(70169, "CHAT_TIMED_OUT",           Unknown,            A::Unknown, S::Call,    Retry,      R::IfRepeatable, "server internal timeout; retry later"),
    row(70202, "CHAT_TIMED_OUT",           Unknown,            A::Unknown, S::Call,    Retry,      R::IfRepeatable, "server internal timeout; retry later"),
    row(70206, "CHAT_TOO_MANY_ITEMS",      InvalidArgument,    A::No,      S::Group,   Fail,       R::No,           "illegal batch count in request"),
    row(70398, "QUOTA_EXCEEDED",           ResourceExhausted,  A::No,      S::App,     Fail,       R::No,           "account count over trial limit (100); upgrade plan"),
    row(70402, "CHAT_INVALID_ARGUMENT",    InvalidArgument,    A::No,      S::Group,   Fail,       R::No,           "illegal parameter; check required fields"),
    row(70403, "CREDENTIAL_REJECTED",      Internal,           A::No,      S::App,     Fail,       R::No,           "App admin permission needed"),
    row(70500, "CHAT_INTERNAL_ERROR",      Internal,           A::Unknown, S::Call,    Retry,      R::IfRepeatable, "server internal error; retry later"),
    row(80001, "CHAT_CONTENT_BLOCKED",     InvalidArgument,    A::No,      S::Group,   Fail,       R::No,           "text blocked by security filter (name/notice/introduction may contain sensitive words)"),
    row(80002, "CHAT_INVALID_ARGUMENT",    InvalidArgument,    A::No,      S::Group,   Fail,       R::No,           "message body too long (8k)"),
];

const _: () = {
    let mut i = 1;
    while i < TABLE.len() {
        assert!(TABLE[i - 1].code < TABLE[i].code, "rows ascend, each code once");
        i += 1;
    }
};

/// The row of one of Chat's codes.
pub fn find(code: u32) -> Option<&'static Row> {
    TABLE.binary_search_by_key(&code, |row| row.code).ok().map(|at| &TABLE[at])
}
