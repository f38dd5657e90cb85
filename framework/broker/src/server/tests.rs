use super::*;
use crate::testing::block_on;

#[test]
fn an_address_of_ipv6_has_brackets() {
    assert_eq!(address("127.0.0.1", 9), "127.0.0.1:9");
    assert_eq!(address("localhost", 9), "localhost:9");
    assert_eq!(address("::1", 9), "[::1]:9");
}

#[test]
fn the_end_of_the_thread_is_seen_however_it_ends() {
    let fails = |_, _handle| async { Err(io::Error::other("for a test")) };
    let panics = |_, _handle| async { panic!("for a test") };
    let mut failed = Server::spawn(ServerConfig::default(), fails).unwrap();
    let mut panicked = Server::spawn(ServerConfig::default(), panics).unwrap();
    for server in [&mut failed, &mut panicked] {
        block_on(server.ended());
        // Once more is no harm.
        block_on(server.ended());
    }
    // The thread says so as the last thing it does, and is about to end.
    while failed.is_running() || panicked.is_running() {
        std::thread::yield_now();
    }
}

#[test]
fn a_broker_that_serves_is_running() {
    let serves = |_, handle: Handle| async {
        let _ = handle.stopped.await;
        Ok(())
    };
    let mut server = Server::spawn(ServerConfig::default(), serves).unwrap();
    block_on(async {
        let moment = Duration::from_millis(20);
        tokio::time::timeout(moment, server.ended()).await.unwrap_err();
    });
    assert!(server.is_running());
    server.stop();
}
