//! Notices to holders of the real service: killed in the middle, with a receiver that fails, every act is
//! told of, and what is told twice has one name.

#![cfg(feature = "http")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that meets the unexpected should stop"
)]

mod hook;
mod postgres;
mod served;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use hook::{Hook, Post, SECRET};
use postgres::Cluster;
use served::{Officer, Server, installed, issued};

/// A service whose holders are told through a hook.
fn started() -> (Server, Hook) {
    let mut server = Server::start();
    let hook = hooked(&mut server);
    (server, hook)
}

/// Has the holders of a service told from now on.
fn hooked(server: &mut Server) -> Hook {
    let hook = Hook::start(&server.dir.join("hook.pem"));
    std::fs::write(server.dir.join("hook-secret"), SECRET).unwrap();
    let settings = format!(
        "\n[notices]\nwebhook = \"{}\"\nwebhook-authority = \"hook.pem\"\n\
         webhook-secret = {{ file = \"hook-secret\" }}\nexpiry-days = 1000\n",
        hook.url
    );
    std::fs::OpenOptions::new()
        .append(true)
        .open(server.dir.join("ca-server.toml"))
        .unwrap()
        .write_all(settings.as_bytes())
        .unwrap();
    server.crash_and_start_again();
    hook
}

/// The notices of the posts that were taken, in their order.
fn taken(posts: &[Post]) -> Vec<Value> {
    posts
        .iter()
        .filter(|post| post.status == 200)
        .flat_map(|post| {
            assert_eq!(post.body["schema"], "esign-notices/1");
            post.body["notices"].as_array().unwrap().clone()
        })
        .collect()
}

fn wait(hook: &Hook, what: &str, done: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let found = taken(&hook.posts());
        if done(&found) {
            return found;
        }
        assert!(Instant::now() < until, "{what}: {found:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn event(notices: &[Value], serial: &str, event: &str) -> Option<usize> {
    notices
        .iter()
        .position(|one| one["serial"] == serial && one["event"] == event)
}

#[test]
fn each_change_of_a_certificate_is_told_once_where_nothing_fails() {
    let (server, hook) = started();
    let registrar = Officer::of(&server, "registrar");
    let revoker = Officer::of(&server, "revocation-officer");
    let serial = issued(&registrar);
    let act = |what: &str, body: Value| {
        let (status, answer) =
            revoker.post(&format!("/api/v1/certificates/{serial}/{what}"), &body);
        assert_eq!(status, 200, "{answer}");
    };
    act(
        "suspend",
        json!({"why": "Aysel asked", "until": "2099-01-01T00:00:00Z"}),
    );
    act("restore", json!({"why": "found"}));
    act("revoke", json!({"why": "lost", "reason": "keyCompromise"}));
    let found = wait(&hook, "the revocation", |found| {
        event(found, &serial, "certificate.revoked").is_some()
    });
    let mine: Vec<_> = found.iter().filter(|one| one["serial"] == serial).collect();
    let events: Vec<_> = mine
        .iter()
        .map(|one| one["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        events,
        [
            "certificate.issued",
            "certificate.suspended",
            "certificate.restored",
            "certificate.revoked"
        ]
    );
    assert_eq!(mine.last().unwrap()["reason"], "keyCompromise");
    let suspended = event(&found, &serial, "certificate.suspended").unwrap();
    assert_eq!(found[suspended]["until"], "2099-01-01T00:00:00Z");
    // The responder's own certificates concern nobody; of persons nothing is said.
    assert!(found.iter().all(|one| one["profile"] != "ocsp-responder"));
    let all = format!("{:?}", hook.posts());
    assert!(!all.contains("Aysel") && !all.contains("5ABC12Z"), "{all}");
    let metrics = server.ask("GET /metrics");
    assert!(metrics.contains("ca_notice_posts_total{outcome=\"delivered\"}"));
}

#[test]
fn killed_in_the_middle_it_loses_none_and_names_each_alike() {
    let (mut server, hook) = started();
    let rounds: usize = std::env::var("ESIGN_FAULT_ROUNDS").map_or(6, |text| text.parse().unwrap());
    // Every other post is refused; killed before the answer, it does not know that one was taken.
    hook.pause(Duration::from_millis(300));
    hook.answers(&[500, 200].repeat(8 * rounds));
    let mut wanted = BTreeSet::new();
    for round in 0..rounds {
        let registrar = Officer::of(&server, "registrar");
        let revoker = Officer::of(&server, "revocation-officer");
        for n in 0..4 {
            let serial = issued(&registrar);
            wanted.insert((serial.clone(), "certificate.issued"));
            if n % 2 == 0 {
                let order = json!({"why": "lost", "reason": "superseded"});
                let path = format!("/api/v1/certificates/{serial}/revoke");
                assert_eq!(revoker.post(&path, &order).0, 200);
                wanted.insert((serial, "certificate.revoked"));
            }
        }
        // Somewhere between an act and its notice, a post and its being written down.
        std::thread::sleep(Duration::from_millis((round * 430 % 1000) as u64));
        server.crash_and_start_again();
    }
    hook.answers(&[]);
    let found = wait(&hook, "all notices", |found| {
        wanted
            .iter()
            .all(|(serial, what)| event(found, serial, what).is_some())
    });
    // The same thing has one name and one content, different things have different names.
    let mut by_id: BTreeMap<String, &Value> = BTreeMap::new();
    for one in &found {
        let id = one["id"].as_str().unwrap().to_owned();
        assert_eq!(*by_id.entry(id).or_insert(one), one);
    }
    let things: BTreeSet<_> = by_id
        .values()
        .map(|one| (one["serial"].to_string(), one["event"].to_string()))
        .collect();
    assert_eq!(things.len(), by_id.len());
    // In the order of the acts.
    for (serial, what) in &wanted {
        if *what == "certificate.revoked" {
            assert!(
                event(&found, serial, "certificate.issued") < event(&found, serial, what),
                "{serial}"
            );
        }
    }
    println!(
        "{rounds} kills: {} notices for {} things, none lost",
        found.len(),
        by_id.len()
    );
}

/// Certificates that were there before anybody was to be told, and that end within the time.
#[test]
fn of_a_coming_end_a_holder_is_told_once() {
    let mut server = Server::start();
    let [good, revoked] = [(); 2].map(|()| issued(&Officer::of(&server, "registrar")));
    let order = json!({"why": "lost", "reason": "superseded"});
    let path = format!("/api/v1/certificates/{revoked}/revoke");
    let revoker = Officer::of(&server, "revocation-officer");
    assert_eq!(revoker.post(&path, &order).0, 200);
    let hook = hooked(&mut server);
    let told = |found: &[Value], serial: &str| {
        found
            .iter()
            .filter(|one| one["event"] == "certificate.expiring" && one["serial"] == serial)
            .count()
    };
    wait(&hook, "the coming end", |found| told(found, &good) == 1);
    server.crash_and_start_again();
    let other = issued(&Officer::of(&server, "registrar"));
    let found = wait(&hook, "another", |found| {
        event(found, &other, "certificate.issued").is_some()
    });
    assert_eq!((told(&found, &good), told(&found, &revoked)), (1, 0));
    // What was done before is not told of.
    assert_eq!(event(&found, &good, "certificate.issued"), None);
}

/// Of two replicas one tells; when it is killed, the other goes on where it was. When the database goes,
/// whoever is left says so.
#[test]
fn replicas_take_turns_in_telling_and_each_says_that_the_store_is_gone() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let url = cluster.database("centre");
    let dirs = installed(&url, 2);
    let (hook, alarms) = (
        Hook::start(&dirs[0].join("hook.pem")),
        Hook::start(&dirs[0].join("alarms.pem")),
    );
    let [authority, other] = ["hook.pem", "alarms.pem"].map(|name| dirs[0].join(name));
    let source = "{ environment = \"HOOK_SECRET\" }";
    let settings = [
        ("CA_SERVER_STORE", url.as_str()),
        ("HOOK_SECRET", SECRET),
        ("CA_SERVER_NOTICES__WEBHOOK", &hook.url),
        (
            "CA_SERVER_NOTICES__WEBHOOK_AUTHORITY",
            authority.to_str().unwrap(),
        ),
        ("CA_SERVER_NOTICES__WEBHOOK_SECRET", source),
        ("CA_SERVER_ALARMS__WEBHOOK", &alarms.url),
        (
            "CA_SERVER_ALARMS__WEBHOOK_AUTHORITY",
            other.to_str().unwrap(),
        ),
        ("CA_SERVER_ALARMS__WEBHOOK_SECRET", source),
        ("CA_SERVER_ALARMS__STORE_SECONDS", "12"),
        ("CA_SERVER_ALARMS__NOTICE_HOURS", "0"),
    ];
    // The first is alone, so it tells.
    let mut servers: Vec<_> = dirs
        .iter()
        .map(|dir| Server::with(dir.clone(), &settings))
        .collect();
    let told = |serials: &[String]| {
        wait(&hook, "issuances", |found| {
            serials
                .iter()
                .all(|serial| event(found, serial, "certificate.issued").is_some())
        })
    };
    let mut serials: Vec<_> = servers
        .iter()
        .map(|server| issued(&Officer::of(server, "registrar")))
        .collect();
    let found = told(&serials);
    // By one of them: each once.
    for serial in &serials {
        let times = found.iter().filter(|one| one["serial"] == *serial).count();
        assert_eq!(times, 1, "{serial}");
    }
    let registrar = Officer::of(&servers[1], "registrar");
    servers[0].child.kill().unwrap();
    serials.push(issued(&registrar));
    told(&serials);

    let is = |post: &Post, alarm: &str, event: &str| {
        post.body["alarm"] == alarm && post.body["event"] == event
    };
    cluster.halt("immediate");
    let unreachable = "store.unreachable";
    let raised = alarms.wait("alarm of the store", |post| is(post, unreachable, "raised"));
    assert_eq!(
        raised.body["source"],
        format!("http://{}", servers[1].address)
    );
    cluster.resume();
    alarms.wait("end of the alarm", |post| is(post, unreachable, "cleared"));

    // A receiver that takes nothing for a while is an alarm, too.
    hook.answers(&[500; 4]);
    serials.push(issued(&registrar));
    for what in ["raised", "cleared"] {
        alarms.wait("alarm of a notice", |post| is(post, "notice.waiting", what));
    }
    told(&serials);
}
