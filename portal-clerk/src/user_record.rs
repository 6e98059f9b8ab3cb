//! Clerk's user records, and their conversion to profiles.

use portal_core::auth::Profile;
use serde_json::Value;

/// Returns `true` if a subject can be used in a URL and in the name of a stored value.
pub(crate) fn is_user_id(subject: &str) -> bool {
    is_id(subject, "user_")
}

/// Returns `true` if a session id can be used in a URL.
pub(crate) fn is_session_id(id: &str) -> bool {
    is_id(id, "sess_")
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|id| {
        !id.is_empty() && id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Converts a record to the portal's profile.
///
/// `unsafe_metadata`, which users can write themselves, has no effect. Private metadata, which is
/// meant only for servers, is removed from the data that may be shown.
pub(crate) fn profile(mut record: Value) -> Profile {
    // PostgreSQL cannot store NUL characters, and the webhook must not fail repeatedly because of
    // one.
    let text = |value: &Value| value.as_str().unwrap_or_default().replace('\0', "");
    let primary = record["primary_email_address_id"].as_str();
    let address = record["email_addresses"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|address| primary.is_some() && address["id"].as_str() == primary);
    let mut profile = Profile::default();
    if let Some(address) = address {
        // NUL characters are not removed here, because that would result in a different address.
        profile.email = address["email_address"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        profile.email_verified =
            address["verification"]["status"] == "verified" && !profile.email.is_empty();
    }
    profile.first_name = text(&record["first_name"]);
    profile.last_name = text(&record["last_name"]);
    profile.avatar_url = record["image_url"]
        .as_str()
        .map(|url| url.replace('\0', ""));
    profile.banned = record["banned"] == true;
    profile.updated_at = record["updated_at"].as_i64().unwrap_or_default();
    if let Some(members) = record.as_object_mut() {
        profile.private_metadata = members.remove("private_metadata").unwrap_or_default();
        profile.public_metadata = members.get("public_metadata").cloned().unwrap_or_default();
    }
    profile.record = record;
    profile
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn invalid_subjects_are_not_user_ids() {
        assert!(is_user_id("user_2abcDEF"));
        for subject in [
            "", "user_", "user_a/b", "user_..", "user_a?b", "org_1", "xuser_1", "user_ä",
        ] {
            assert!(!is_user_id(subject), "{subject}");
        }
    }

    #[test]
    fn only_the_verified_primary_address_is_verified() {
        let record = |primary: Value, status: &str| {
            json!({
                "id": "user_1",
                "primary_email_address_id": primary,
                "email_addresses": [
                    {"id": "idn_1", "email_address": "other@x.example", "verification": {"status": "verified"}},
                    {"id": "idn_2", "email_address": "me@x.example", "verification": {"status": status}},
                    {"email_address": "none@x.example", "verification": {"status": "verified"}},
                ],
                "first_name": "Ada",
                "last_name": null,
                "image_url": "https://img.clerk.com/x",
                "private_metadata": {"secret": 1},
                "public_metadata": {"shown": 1},
                "unsafe_metadata": {"role": "admin", "banned": true},
                "banned": false,
                "locked": true,
                "updated_at": 1_700_000_000_123_i64,
            })
        };
        for (primary, status, email, verified) in [
            (json!("idn_2"), "verified", "me@x.example", true),
            (json!("idn_2"), "unverified", "me@x.example", false),
            (json!("idn_3"), "verified", "", false),
            (json!(null), "verified", "", false),
        ] {
            let profile = profile(record(primary, status));
            assert_eq!(
                (profile.email.as_str(), profile.email_verified),
                (email, verified)
            );
            assert_eq!(
                (profile.first_name.as_str(), profile.last_name.as_str()),
                ("Ada", "")
            );
            assert_eq!(
                profile.avatar_url.as_deref(),
                Some("https://img.clerk.com/x")
            );
            assert_eq!(profile.record.get("private_metadata"), None);
            assert_eq!(profile.private_metadata, json!({"secret": 1}));
            assert_eq!(profile.public_metadata, json!({"shown": 1}));
            assert_eq!(profile.record["public_metadata"]["shown"], 1);
            assert_eq!(
                (profile.banned, profile.updated_at),
                (false, 1_700_000_000_123)
            );
        }
    }
}
