//! The names of gRPC's codes.

use tonic::Code;

/// As gRPC's metrics usually spell them.
pub(super) fn in_metrics(code: Code) -> &'static str {
    names(code).0
}

/// As the protocol spells them, and statuses in logs.
pub fn in_logs(code: Code) -> &'static str {
    names(code).1
}

fn names(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::Ok => ("OK", "OK"),
        Code::Cancelled => ("Canceled", "CANCELLED"),
        Code::Unknown => ("Unknown", "UNKNOWN"),
        Code::InvalidArgument => ("InvalidArgument", "INVALID_ARGUMENT"),
        Code::DeadlineExceeded => ("DeadlineExceeded", "DEADLINE_EXCEEDED"),
        Code::NotFound => ("NotFound", "NOT_FOUND"),
        Code::AlreadyExists => ("AlreadyExists", "ALREADY_EXISTS"),
        Code::PermissionDenied => ("PermissionDenied", "PERMISSION_DENIED"),
        Code::ResourceExhausted => ("ResourceExhausted", "RESOURCE_EXHAUSTED"),
        Code::FailedPrecondition => ("FailedPrecondition", "FAILED_PRECONDITION"),
        Code::Aborted => ("Aborted", "ABORTED"),
        Code::OutOfRange => ("OutOfRange", "OUT_OF_RANGE"),
        Code::Unimplemented => ("Unimplemented", "UNIMPLEMENTED"),
        Code::Internal => ("Internal", "INTERNAL"),
        Code::Unavailable => ("Unavailable", "UNAVAILABLE"),
        Code::DataLoss => ("DataLoss", "DATA_LOSS"),
        Code::Unauthenticated => ("Unauthenticated", "UNAUTHENTICATED"),
    }
}
