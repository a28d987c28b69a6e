//! Alarms of the real service: measured, posted to a real receiver, repeated until it takes them.

#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop"
)]

mod hook;
mod served;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use hook::{Hook, Post, SECRET};
use served::{Officer, Server, csr, person};

fn folder(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("alarms-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

fn started(dir: &Path, hook: &Hook, authority: &Path, more: &[(&str, &str)]) -> Server {
    let authority = authority.to_str().unwrap();
    let mut settings = vec![
        ("CA_SERVER_ALARMS__WEBHOOK", hook.url.as_str()),
        ("CA_SERVER_ALARMS__WEBHOOK_AUTHORITY", authority),
        (
            "CA_SERVER_ALARMS__WEBHOOK_SECRET",
            "{ environment = \"HOOK_SECRET\" }",
        ),
        ("HOOK_SECRET", SECRET),
    ];
    settings.extend(more);
    Server::with(dir.to_owned(), &settings)
}

fn is(post: &Post, alarm: &str, event: &str) -> bool {
    post.body["alarm"] == alarm && post.body["event"] == event
}

#[test]
fn a_term_that_runs_out_is_posted_until_it_is_taken_and_again_when_it_is_over() {
    let dir = folder("posts");
    let authority = dir.with_extension("pem");
    let hook = Hook::start(&authority);
    hook.answers(&[500, 307]);
    // A request is to be decided at once.
    let server = started(
        &dir,
        &hook,
        &authority,
        &[("CA_SERVER_ALARMS__DECISION_HOURS", "0")],
    );
    let [administrator, registrar] =
        ["administrator", "registrar"].map(|name| Officer::of(&server, name));
    let stop = json!({"stopped": true, "why": "Aysel found it"});
    assert_eq!(administrator.put("/api/v1/issuance", &stop).0, 200);
    let raised = hook.wait("alarm of the stop", |post| {
        is(post, "issuance.stopped", "raised") && post.status == 200
    });
    assert_eq!(raised.body["schema"], "esign-alarm/1");
    assert_eq!(raised.body["severity"], "over");
    assert_eq!(raised.body["id"], raised.event.as_str());
    assert_eq!(raised.body["source"], format!("http://{}", server.address));
    // Refused twice, it came a third time under the same name.
    let same: Vec<_> = hook
        .posts()
        .into_iter()
        .filter(|post| post.event == raised.event)
        .collect();
    assert_eq!(
        same.iter().map(|post| post.status).collect::<Vec<_>>(),
        [500, 307, 200]
    );
    assert!(same.iter().all(|post| post.body == raised.body));
    let metrics = server.ask("GET /metrics");
    for line in [
        "ca_alarm{alarm=\"issuance.stopped\",object=\"issuance\"} 2",
        "ca_alarm{alarm=\"list.ageing\",object=\"issuing\"} 0",
        "ca_alarm{alarm=\"store.unreachable\",object=\"store\"} 0",
        "ca_term_seconds{alarm=\"list.ageing\",object=\"root\"} 86400",
        "ca_term_seconds{alarm=\"public-lists.ageing\",object=\"issuing\"} 10800",
        "ca_alarms_raised_total{alarm=\"issuance.stopped\"} 1",
        "ca_alarm_posts_total{outcome=\"failed\"} 2",
        "ca_alarm_posts_total{outcome=\"delivered\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }

    let go_on = json!({"stopped": false, "why": "it was nothing"});
    assert_eq!(administrator.put("/api/v1/issuance", &go_on).0, 200);
    let cleared = hook.wait("end of the stop", |post| {
        is(post, "issuance.stopped", "cleared")
    });
    assert_eq!(cleared.body["alarm_id"], raised.body["alarm_id"]);

    // A request that nobody decides.
    let order = json!({"csr": csr(), "profile": "natural-person", "identity": person("5ABC12Z")});
    let (_, made) = registrar.post("/api/v1/requests", &order);
    let late = hook.wait("alarm of the request", |post| {
        is(post, "request.undecided", "raised")
    });
    let id = made["id"].as_str().unwrap();
    assert_eq!(late.body["detail"], format!("request {id}"));
    // Neither what officers write nor who it is about goes out.
    let all = format!("{:?}", hook.posts());
    assert!(!all.contains("Aysel") && !all.contains("5ABC12Z"), "{all}");
}

/// An alarm that is posted to a stranger would be worth nothing.
#[test]
fn a_receiver_whose_certificate_is_not_the_configured_one_is_sent_nothing() {
    let dir = folder("stranger");
    let (authority, other) = (dir.with_extension("pem"), dir.with_extension("other.pem"));
    let hook = Hook::start(&authority);
    let _other = Hook::start(&other);
    let server = started(&dir, &hook, &other, &[]);
    let administrator = Officer::of(&server, "administrator");
    let stop = json!({"stopped": true, "why": "a trial"});
    assert_eq!(administrator.put("/api/v1/issuance", &stop).0, 200);
    let until = Instant::now() + Duration::from_secs(60);
    while !server
        .ask("GET /metrics")
        .contains("ca_alarm_posts_total{outcome=\"failed\"} 2")
    {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(hook.posts().is_empty());
}
