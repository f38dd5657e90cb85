//! What is answered where, to whom.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use kappa::config::{HttpSettings, Listen};
use kappa::http::Server;
use kappa::runtime::ThreadState;

use crate::support::{Fake, get, http, reply, running, say, surface};

#[test]
fn probes_say_yes_or_no_with_reasons() {
    let fake = Fake::start(&[]);
    for (path, status) in [("startup", "started"), ("ready", "ready"), ("live", "live")] {
        let reply = fake.get(&format!("/health/{path}"));
        assert_eq!(reply.status, 200, "{reply:?}");
        let answer: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(answer["status"], status);
        assert_eq!(answer["progress"]["processed_records"], 12_345);
    }
    fake.vitals.lock().unwrap().threads[1].silent_for = Duration::from_secs(601);
    let live = fake.get("/health/live");
    assert_eq!(live.status, 503);
    assert!(live.body.contains("thread 2 (RUNNING) has not come round for 601 s"), "{live:?}");
    fake.vitals.lock().unwrap().is_stopping = true;
    assert_eq!(fake.get("/health/ready").status, 503);

    fake.vitals.lock().unwrap().threads[0].state = ThreadState::PartitionsAssigned;
    let index = fake.get("/");
    assert!(
        index.body.contains("PARTITIONS_ASSIGNED") && index.body.contains("12,345"),
        "{index:?}"
    );
    assert!(!index.body.contains("<script"), "{index:?}");
}

#[test]
fn the_topology_comes_as_it_is_wanted() {
    let fake = Fake::start(&[]);
    let accepting =
        |accept: &str| get(fake.address(), "/topology", &[&format!("accept: {accept}")]);
    assert!(fake.get("/topology").body.starts_with("Topologies:"));
    assert!(fake.get("/topology?format=mermaid").body.starts_with("flowchart TD"));
    let json = accepting("application/json");
    assert!(json.has("content-type: application/json"), "{json:?}");
    let outline: serde_json::Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(outline["application"], "orders-app");
    let page = accepting("text/html,*/*;q=0.8");
    assert!(page.has("content-type: text/html; charset=utf-8"), "{page:?}");
    assert!(page.body.contains("<svg") && page.body.contains("orders-by-customer"));
    let wrong = fake.get("/topology?format=%3Cscript%3E");
    assert_eq!(wrong.status, 400);
    assert!(!wrong.body.contains("script"), "nothing is echoed: {wrong:?}");
}

#[test]
fn nothing_else_is_there_and_nothing_can_be_changed() {
    let fake = Fake::start(&[]);
    for path in ["/health", "/health/", "/metrics/", "/../etc/passwd", "/%2e%2e/etc/passwd", "/x"] {
        assert_eq!(fake.get(path).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "MADE-UP"] {
        let request = format!("{method} /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let reply = reply(&say(fake.address(), request.as_bytes()));
        assert_eq!(reply.status, 405, "{method}");
        assert!(reply.has("allow: GET,HEAD"), "{reply:?}");
    }
    let head = b"HEAD /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let head = reply(&say(fake.address(), head));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for path in ["/", "/metrics", "/health/live", "/missing"] {
        let reply = fake.get(path);
        assert!(reply.has("x-content-type-options: nosniff"), "{reply:?}");
        assert!(reply.has("cache-control: no-store"), "{reply:?}");
        assert!(reply.head.contains("content-security-policy: default-src 'none'"), "{reply:?}");
    }
}

#[test]
fn metrics_are_in_the_prometheus_format() {
    let reply = Fake::start(&[]).get("/metrics");
    assert!(reply.has("content-type: text/plain; version=0.0.4; charset=utf-8"), "{reply:?}");
    assert_eq!(reply.body, "# TYPE records counter\nrecords 12345\n");
}

#[test]
fn a_token_is_asked_for_but_by_probes() {
    let token = "0123456789-abcdef";
    let fake = Fake::start(&[("http.bearer.token", token)]);
    let with = |authorization: &str| {
        get(fake.address(), "/metrics", &[&format!("authorization: {authorization}")])
    };
    assert_eq!(with(&format!("Bearer {token}")).status, 200);
    for wrong in ["Bearer", "Bearer 0123456789-abcdeg", "Bearer 0123", "Basic 0123456789-abcdef"] {
        let refused = with(wrong);
        assert_eq!(refused.status, 401, "{wrong}");
        assert!(refused.has("www-authenticate: Bearer realm=\"kappa\""), "{refused:?}");
    }
    for path in ["/", "/metrics", "/topology", "/missing"] {
        assert_eq!(fake.get(path).status, 401, "{path}");
    }
    for path in ["/health/startup", "/health/ready", "/health/live"] {
        assert_eq!(fake.get(path).status, 200, "{path}");
    }
}

#[test]
fn too_many_requests_in_a_second_are_refused_but_no_probe() {
    let fake = Fake::start(&[("http.requests.per.second.max", "3")]);
    let replies: Vec<_> = (0..40).map(|_| fake.get("/metrics")).collect();
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status == 429).collect();
    assert!(!refused.is_empty(), "{replies:?}");
    assert!(refused[0].has("retry-after: 1"), "{refused:?}");
    for _ in 0..40 {
        assert_eq!(fake.get("/health/live").status, 200);
    }
}

#[test]
fn requests_without_the_token_keep_nobody_who_has_it_waiting() {
    let token = "0123456789-abcdef";
    let settings = [("http.bearer.token", token), ("http.requests.per.second.max", "3")];
    let fake = Fake::start(&settings);
    let refused: Vec<_> = (0..40).map(|_| fake.get("/metrics").status).collect();
    assert!(refused.contains(&401) && refused.contains(&429), "{refused:?}");
    let known = format!("authorization: Bearer {token}");
    let reply = get(fake.address(), "/metrics", &[&known]);
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[test]
fn metrics_that_hang_hold_up_neither_probes_nor_the_end() {
    let (release, hold) = mpsc::channel::<()>();
    let hold = Arc::new(Mutex::new(hold));
    let held = hold.clone();
    let metrics = move || {
        // Ends once the test lets go of the other end.
        let _ = held.lock().unwrap().recv();
        String::new()
    };
    let settings = http(&[("http.request.timeout.ms", "100")]);
    let server = Server::start(&settings, surface(running, metrics)).unwrap().unwrap();
    for _ in 0..5 {
        assert_eq!(get(server.address(), "/metrics", &[]).status, 503);
        assert_eq!(get(server.address(), "/health/live", &[]).status, 200);
    }
    server.stop();
    drop(release);
}

#[test]
fn a_taken_port_is_an_error_unless_nobody_chose_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let start = |is_default| {
        let listen = Listen { host: "127.0.0.1".to_owned(), port, is_default };
        let settings = HttpSettings { listen: Some(listen), ..http(&[]) };
        Server::start(&settings, surface(running, String::new))
    };
    let error = start(false).unwrap_err();
    assert!(error.is_config(), "{error}");
    let expected = format!("cannot listen on 127.0.0.1:{port} (setting http.listen)");
    assert!(error.to_string().contains(&expected), "{error}");
    let server = start(true).unwrap().unwrap();
    assert_ne!(server.address().port(), port);
    assert_eq!(get(server.address(), "/health/live", &[]).status, 200);
    let off = HttpSettings { listen: None, ..http(&[]) };
    assert!(Server::start(&off, surface(running, String::new)).unwrap().is_none());
}
