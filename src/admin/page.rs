//! The live page: one file that loads nothing else, with a policy that lets it
//! load nothing else.

use std::sync::LazyLock;

use axum::response::IntoResponse;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

const PAGE: &str = include_str!("page.html");

/// The page's own script and style, by their hashes, and its own data. Trusted
/// Types forbid what would turn text into markup: names and messages on the
/// page come from callers.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let (script, style) = (hash_of("script"), hash_of("style"));
    format!(
        "default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types 'none'"
    )
});

pub(super) async fn page() -> impl IntoResponse {
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", POLICY.as_str()),
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ];
    (headers, PAGE)
}

/// The hash of the page's only element of this name, as a policy has it.
fn hash_of(element: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text_of(element))))
}

fn text_of(element: &str) -> &'static str {
    let begin = format!("<{element}>");
    let text = PAGE.split_once(begin.as_str()).and_then(|(_, rest)| rest.split_once(&format!("</{element}>")));
    text.map_or("", |(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_self_contained() {
        assert!(!text_of("script").is_empty() && !text_of("style").is_empty());
        let page = PAGE.replace("http://www.w3.org/2000/svg", "a name, which nothing loads");
        for outside in ["http://", "https://", "src=", "@import", "url(", "<link rel=\"stylesheet\""] {
            assert!(!page.contains(outside), "{outside}");
        }
        for element in ["<script", "<style"] {
            assert_eq!(PAGE.matches(element).count(), 1, "one {element}, since one is hashed");
        }
        for unsafe_use in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!PAGE.contains(unsafe_use), "{unsafe_use} makes markup or code of data");
        }
    }
}
