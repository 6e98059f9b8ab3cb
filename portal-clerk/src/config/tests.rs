use portal_core::config::Settings;

use super::*;
use crate::testing::SigningKey;

/// Returns the problems with these settings; the other settings that a portal needs are
/// added.
fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
    let (plan, problems) = read(&config(pairs));
    assert_eq!(plan.is_none(), !problems.is_empty());
    problems
}

fn config(pairs: &[(&str, &str)]) -> Config {
    let rest = [
        ("DB_CONN_URI", "postgres://db/portal"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ];
    let pairs = rest.iter().chain(pairs).copied();
    Config::from_settings(Settings::from_pairs_with(SETTINGS, pairs)).unwrap()
}

fn clerk(pairs: &[(&str, &str)]) -> ClerkConfig {
    match read(&config(pairs)) {
        (Some(ProviderConfig::Clerk(clerk)), _) => *clerk,
        (_, problems) => panic!("{problems:?}"),
    }
}

const PK_TEST: (&str, &str) = (
    PUBLISHABLE_KEY,
    "pk_test_aGFwcHktb3R0ZXItMTIuY2xlcmsuYWNjb3VudHMuZGV2JA",
);
const PK_LIVE: (&str, &str) = (PUBLISHABLE_KEY, "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k");
const SK_TEST: (&str, &str) = (SECRET_KEY, "sk_test_abc");
const SK_LIVE: (&str, &str) = (SECRET_KEY, "sk_live_abc");
const DEV: (&str, &str) = ("APP_ENV", "DEV");
const PROD: (&str, &str) = ("APP_ENV", "PROD");

#[test]
fn publishable_key_yields_host_kind_and_cookie_suffix() {
    for (text, kind, host, suffix, accounts) in [
        (
            "pk_test_aGFwcHktb3R0ZXItMTIuY2xlcmsuYWNjb3VudHMuZGV2JA",
            KeyKind::Test,
            "happy-otter-12.clerk.accounts.dev",
            "1YzQInlU",
            "happy-otter-12.accounts.dev",
        ),
        (
            "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
            KeyKind::Live,
            "clerk.example.com",
            "naoXFJnI",
            "accounts.example.com",
        ),
        (
            "pk_test_MTI3LjAuMC4xOjMwMDAk",
            KeyKind::Test,
            "127.0.0.1:3000",
            "Ha8Q3Co1",
            "127.0.0.1:3000",
        ),
    ] {
        let key = PublishableKey::parse(text).unwrap();
        assert_eq!(
            (key.kind, key.host.as_str(), key.cookie_suffix().as_str()),
            (kind, host, suffix)
        );
        let clerk = clerk(&[
            DEV,
            (PUBLISHABLE_KEY, text),
            if kind == KeyKind::Live {
                SK_LIVE
            } else {
                SK_TEST
            },
        ]);
        assert_eq!(clerk.account_portal(), format!("https://{accounts}"));
    }
}

#[test]
fn malformed_publishable_keys_are_rejected() {
    let encode = |host: &str| format!("pk_test_{}", STANDARD_NO_PAD.encode(host));
    assert!(PublishableKey::parse(&encode("clerk.example.com$")).is_some());
    for text in [
        "",
        "pk_test",
        "pk_test_",
        "pk_test_###",
        "sk_test_Y2xlcmsuZXhhbXBsZS5jb20k",
        "pk_prod_Y2xlcmsuZXhhbXBsZS5jb20k",
        "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k_x",
        &encode("clerk.example.com"),
        &encode("clerk.example.com$$"),
        &encode("clerk$.example.com$"),
        &encode("localhost:3000$"),
        &encode("user@evil.example$"),
        &encode("evil.example/path$"),
        &encode("evil.example?q$"),
        &encode("evil.example:port$"),
    ] {
        assert_eq!(PublishableKey::parse(text), None, "{text}");
    }
}

#[test]
fn every_invalid_combination_is_reported() {
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (&[DEV, PK_TEST], &["CLERK_SECRET_KEY is missing"]),
        (
            &[DEV, PK_TEST, SK_TEST, (IS_SATELLITE, "true")],
            &["CLERK_IS_SATELLITE is `true`"],
        ),
        (
            &[DEV, PK_TEST, SK_TEST, ("IS_SATELLITE", "1")],
            &["CLERK_IS_SATELLITE is `1`"],
        ),
        (
            &[DEV, SK_TEST],
            &["NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY is missing"],
        ),
        (
            &[DEV, PK_TEST, SK_LIVE],
            &["CLERK_SECRET_KEY is a live key"],
        ),
        (
            &[DEV, (PUBLISHABLE_KEY, "pk_test_x"), SK_TEST],
            &["NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY is not"],
        ),
        (
            &[DEV, PK_TEST, (SECRET_KEY, "abc")],
            &["CLERK_SECRET_KEY is not"],
        ),
        (
            &[DEV, PK_TEST, (SECRET_KEY, "sk_test_a\nb")],
            &["CLERK_SECRET_KEY is not"],
        ),
        (
            &[PROD],
            &[
                "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY is missing",
                "CLERK_SECRET_KEY is missing",
            ],
        ),
        (
            &[PROD, PK_TEST, SK_TEST],
            &[
                "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY is the key of a test",
                "CLERK_SECRET_KEY is the key of a test",
            ],
        ),
        (
            &[PROD, PK_LIVE, SK_TEST],
            &["CLERK_SECRET_KEY is the key of a test"],
        ),
        (
            &[
                PROD,
                PK_LIVE,
                SK_LIVE,
                (FRONTEND_API_URL, "http://127.0.0.1:1"),
                (BACKEND_API_URL, "http://127.0.0.1:1"),
            ],
            &["CLERK_FRONTEND_API_URL is", "CLERK_BACKEND_API_URL is"],
        ),
        (
            &[DEV, PK_TEST, SK_TEST, (FRONTEND_API_URL, "ftp://x")],
            &["CLERK_FRONTEND_API_URL is"],
        ),
        (
            &[DEV, PK_TEST, SK_TEST, (JWT_KEY, "nonsense")],
            &["CLERK_JWT_KEY "],
        ),
        (
            &[DEV, (JWT_KEY, "nonsense")],
            &["CLERK_JWT_KEY is set without"],
        ),
        (
            &[
                DEV,
                PK_TEST,
                SK_TEST,
                (AUTHORIZED_PARTIES, "https://a.example/path, portal"),
            ],
            &[
                "CLERK_AUTHORIZED_PARTIES contains `https://a.example/path`",
                "CLERK_AUTHORIZED_PARTIES contains `portal`",
            ],
        ),
        (
            &[DEV, PK_TEST, SK_TEST, (AUTHORIZED_PARTIES, ",")],
            &["CLERK_AUTHORIZED_PARTIES has no origins"],
        ),
    ];
    for (pairs, expected) in cases {
        let found = problems(pairs);
        assert_eq!(found.len(), expected.len(), "{pairs:?}: {found:?}");
        for (problem, start) in found.iter().zip(*expected) {
            assert!(problem.starts_with(start), "{problem}");
            assert!(!problem.contains('\n'), "{problem}");
        }
    }
}

#[cfg(feature = "dev-identity")]
#[test]
fn development_provider_requires_a_loopback_host() {
    for host in ["127.0.0.1", "::1", "localhost", "127.8.8.8"] {
        assert_eq!(problems(&[DEV, ("HOST", host)]), [""; 0], "{host}");
    }
    for host in ["0.0.0.0", "::", "192.168.1.2", "portal.example.com"] {
        let found = problems(&[DEV, ("HOST", host)]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("HOST is"), "{found:?}");
        assert_eq!(problems(&[DEV, ("HOST", host), PK_TEST, SK_TEST]), [""; 0]);
    }
}

#[cfg(not(feature = "dev-identity"))]
#[test]
fn development_provider_requires_the_feature() {
    let found = problems(&[DEV]);
    assert!(found[0].starts_with("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY is missing"));
    assert!(found[1].starts_with("CLERK_SECRET_KEY is missing"));
    assert_eq!(found.len(), 2);
}

#[test]
fn keys_imply_hosts_and_parties() {
    let clerk = clerk(&[
        PROD,
        PK_LIVE,
        SK_LIVE,
        ("PUBLIC_URL", "https://portal.example.com/"),
    ]);
    assert_eq!(clerk.frontend_api, "https://clerk.example.com");
    assert_eq!(clerk.backend_api, "https://api.clerk.com");
    assert_eq!(clerk.authorized_parties, ["https://portal.example.com"]);
    assert!(clerk.https_only);
}

#[test]
fn aliases_and_overrides_are_read() {
    let clerk = clerk(&[
        DEV,
        ("CLERK_PUBLISHABLE_KEY", PK_TEST.1),
        SK_TEST,
        (
            "CLERK_AUTHORIZED_DOMAINS",
            "https://A.example , http://b.example:80",
        ),
        (FRONTEND_API_URL, "http://127.0.0.1:1/"),
    ]);
    assert_eq!(clerk.frontend_api, "http://127.0.0.1:1");
    assert_eq!(clerk.account_portal(), "http://127.0.0.1:1");
    assert_eq!(
        clerk.authorized_parties,
        ["https://a.example", "http://b.example"]
    );
    assert!(!clerk.https_only);
}

#[test]
fn account_portal_is_derived_from_the_frontend_api() {
    for (frontend, expected) in [
        (
            "http://clerk.localhost:3000",
            "http://accounts.localhost:3000",
        ),
        ("http://localhost:3000", "http://localhost:3000"),
        (
            "https://portal.example.com/__clerk",
            "https://happy-otter-12.accounts.dev",
        ),
    ] {
        let clerk = clerk(&[DEV, PK_TEST, SK_TEST, (FRONTEND_API_URL, frontend)]);
        assert_eq!(clerk.account_portal(), expected, "{frontend}");
    }
    assert_eq!(
        problems(&[DEV, PK_TEST, SK_TEST, (IS_SATELLITE, "false")]),
        [""; 0]
    );
}

#[test]
fn jwt_key_is_read_in_every_form_an_environment_allows() {
    let pem = SigningKey::first().pem();
    for text in [
        pem.clone(),
        pem.replace('\n', "\r\n"),
        pem.replace('\n', "\\n"),
        pem.replace('\n', "\\r\\n"),
        pem.replace('\n', " "),
        pem.replace('\n', ""),
        format!("\"{}\"", pem.replace('\n', "\\n")),
    ] {
        assert!(
            clerk(&[DEV, PK_TEST, SK_TEST, (JWT_KEY, &text)])
                .jwt_key
                .is_some(),
            "{text}"
        );
    }
    for (text, word) in [
        (pem.replace("PUBLIC", "PRIVATE"), "private"),
        (pem.replace("PUBLIC KEY", "CERTIFICATE"), "PUBLIC KEY"),
        (pem.replace("MIIB", "AAAA"), "RSA"),
    ] {
        let found = problems(&[DEV, PK_TEST, SK_TEST, (JWT_KEY, &text)]);
        assert!(found[0].contains(word), "{found:?}");
    }
}

#[test]
fn webhook_secrets_are_validated_and_require_the_keys() {
    let good = (WEBHOOK_SECRET, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let with = clerk(&[DEV, PK_TEST, SK_TEST, good]);
    assert!(with.webhook_secrets.is_some());
    assert!(clerk(&[DEV, PK_TEST, SK_TEST]).webhook_secrets.is_none());
    let bad = (WEBHOOK_SECRET, "whsec_short");
    for pairs in [&[DEV, PK_TEST, SK_TEST, bad][..], &[DEV, good]] {
        let problems = problems(pairs);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(WEBHOOK_SECRET), "{problems:?}");
    }
}
