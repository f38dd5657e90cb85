//! The registry as its clients meet it: over HTTP, overloaded, failing, and killed.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kappa_registry::{Credential, Fault, FaultRule, Method, RegistryConfig, Server, ServerConfig};
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};

fn client() -> Client {
    // An error says that another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().timeout(Duration::from_secs(30)).build().expect("a client")
}

fn start(config: ServerConfig) -> (Server, Client) {
    (Server::start(config).expect("the registry starts"), client())
}

fn ask(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().expect("an answer");
    let kind = response.headers().get("content-type").expect("a content type").clone();
    assert_eq!(kind, "application/vnd.schemaregistry.v1+json");
    (response.status().as_u16(), response.json().expect("JSON"))
}

fn register(server: &Server, client: &Client, subject: &str) -> RequestBuilder {
    let url = format!("{}/subjects/{subject}/versions", server.url());
    let request = client.post(url).header("content-type", "application/vnd.schemaregistry.v1+json");
    request.body(json!({ "schema": "\"string\"" }).to_string())
}

fn subjects(server: &Server, client: &Client) -> (u16, Value) {
    ask(client.get(format!("{}/subjects?deleted=true", server.url())))
}

#[test]
fn a_schema_goes_over_the_wire_and_back() {
    let (server, client) = start(ServerConfig::default());
    let (status, registered) = ask(register(&server, &client, "a%2Fb"));
    assert_eq!((status, &registered["id"]), (200, &json!(1)));
    let (_, found) = ask(client.get(format!("{}/schemas/ids/1", server.url())));
    assert_eq!(found["schema"], "\"string\"");
    assert_eq!(subjects(&server, &client), (200, json!(["a/b"])));
    let (status, error) = ask(client.get(format!("{}/subjects/x/versions", server.url())));
    assert_eq!((status, &error["error_code"]), (404, &json!(40401)));
    let (status, error) = ask(client.patch(server.url()));
    assert_eq!((status, &error["error_code"]), (405, &json!(405)));
    let head = client.head(format!("{}/subjects", server.url())).send().expect("an answer");
    assert_eq!(head.status(), 200);
    server.stop();
}

#[test]
fn who_must_say_who_they_are_is_asked() {
    let credentials =
        vec![Credential::basic("ann", "secret"), Credential::Bearer("token".to_owned())];
    let (server, client) = start(ServerConfig { credentials, ..ServerConfig::default() });
    let url = format!("{}/subjects", server.url());
    let refused = client.get(&url).send().expect("an answer");
    assert!(refused.headers().contains_key("www-authenticate"));
    let (status, error) = ask(client.get(&url));
    assert_eq!((status, &error["error_code"]), (401, &json!(40101)));
    assert_eq!(ask(client.get(&url).basic_auth("ann", Some("wrong"))).0, 401);
    assert_eq!(ask(client.get(&url).basic_auth("ann", Some("secret"))).0, 200);
    assert_eq!(ask(client.get(&url).bearer_auth("token")).0, 200);
}

#[test]
fn faults_refuse_delay_and_drop() {
    let (server, client) = start(ServerConfig::default());
    let attempt = || register(&server, &client, "u").send().map(|answer| answer.status().as_u16());
    server.inject(FaultRule::new(Fault::Status(503)).times(2));
    server.inject(FaultRule::new(Fault::Status(500)).method(Method::Post));
    assert_eq!([attempt().ok(), attempt().ok(), attempt().ok()], [Some(503), Some(503), Some(500)]);
    server.inject(FaultRule::new(Fault::DropRequest).method(Method::Post));
    assert!(attempt().is_err());
    assert_eq!(subjects(&server, &client).1, json!([]));
    server.inject(FaultRule::new(Fault::DropAnswer).method(Method::Post));
    assert!(attempt().is_err());
    assert_eq!(subjects(&server, &client).1, json!(["u"]), "it was done");
    // A request that is late lets others pass.
    server.inject(FaultRule::new(Fault::Delay(600_000)).path("/mode"));
    let impatient =
        client.get(format!("{}/mode", server.url())).timeout(Duration::from_millis(50)).send();
    assert!(impatient.expect_err("no answer").is_timeout());
    server.inject(FaultRule::new(Fault::Delay(1)).path("/mode"));
    assert_eq!(ask(client.get(format!("{}/mode", server.url()))).0, 200);
    server.inject(FaultRule::new(Fault::Status(503)).always());
    assert_eq!([attempt().ok(), attempt().ok()], [Some(503); 2]);
    server.clear_faults();
    assert_eq!(attempt().ok(), Some(200));
}

#[test]
fn what_was_acknowledged_survives() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = Some(directory.path().join("registry"));
    let (mut server, client) = start(ServerConfig { data, ..ServerConfig::default() });
    let url = server.url().to_owned();
    for subject in ["a", "b"] {
        assert_eq!(ask(register(&server, &client, subject)).0, 200);
    }
    assert_eq!(ask(client.delete(format!("{url}/subjects/b"))).0, 200);
    server.inject(FaultRule::new(Fault::DropAnswer).method(Method::Post));
    assert!(register(&server, &client, "c").send().is_err());
    server.kill();
    assert!(!server.is_running());
    assert!(client.get(&url).send().is_err());
    server.restart().expect("it starts again");
    assert_eq!(server.url(), url);
    assert_eq!(subjects(&server, &client).1, json!(["a", "b", "c"]));
    assert_eq!(ask(client.get(format!("{url}/subjects"))).1, json!(["a", "c"]));
}

#[test]
fn bodies_and_headers_have_a_length() {
    let registry = RegistryConfig { schema_bytes_max: 100, ..RegistryConfig::default() };
    let config = ServerConfig { body_bytes_max: 1_000, registry, ..ServerConfig::default() };
    let (server, client) = start(config);
    let send = |length: usize| {
        let body = json!({ "schema": "x".repeat(length) }).to_string();
        let url = format!("{}/subjects/u/versions", server.url());
        ask(client.post(url).body(body)).1["error_code"].clone()
    };
    assert_eq!([send(50), send(500), send(5_000)], [json!(42201), json!(42209), json!(413)]);
    let header = client.get(server.url()).header("x-long", "x".repeat(1_000_000)).send();
    assert!(header.is_err() || header.is_ok_and(|answer| answer.status() == 431));
    assert_eq!(subjects(&server, &client).0, 200);
}

#[test]
fn silent_connections_keep_nobody_out() {
    let (server, client) = start(ServerConfig { connections_max: 20, ..ServerConfig::default() });
    let connect = || TcpStream::connect(server.address()).expect("a connection");
    let mut silent: Vec<TcpStream> = (0..100).map(|_| connect()).collect();
    // Half a request is silence, too.
    for stream in &mut silent {
        match stream.write_all(b"GET /subjects HTTP/1.1\r\n") {
            Ok(()) => {}
            // It had to go already.
            Err(e) => {
                assert!(matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset))
            }
        }
    }
    for _ in 0..3 {
        // Each on a connection of its own.
        let client = Client::builder().pool_max_idle_per_host(0).build().expect("a client");
        assert_eq!(subjects(&server, &client).0, 200);
    }
    assert_eq!(subjects(&server, &client).0, 200);
    // The first of them were told to go: their end is read, or a reset.
    let first = silent.first_mut().expect("one");
    first.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
    match first.read(&mut [0; 1]) {
        Ok(0) => {}
        Ok(_) => panic!("there is nothing to be read"),
        Err(e) => assert_eq!(e.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn who_does_not_go_on_is_left() {
    let config = ServerConfig { idle_ms_max: 100, request_ms_max: 100, ..ServerConfig::default() };
    let (server, _) = start(config);
    let starts: [&[u8]; 3] = [
        b"",
        b"GET /subjects HTTP/1.1\r\nhost",
        b"POST /subjects/u/versions HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{",
    ];
    for start in starts {
        let mut stream = TcpStream::connect(server.address()).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        stream.write_all(start).expect("it takes this");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("its end");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
}

#[test]
fn a_port_that_is_taken_is_an_error_that_names_it() {
    let (server, _) = start(ServerConfig::default());
    let port = server.address().rsplit(':').next().expect("a port").parse().expect("a number");
    let error = Server::start(ServerConfig { port, ..ServerConfig::default() });
    let error = error.expect_err("it is taken").to_string();
    assert!(error.contains(&format!("cannot listen on {}", server.address())), "{error}");
}
