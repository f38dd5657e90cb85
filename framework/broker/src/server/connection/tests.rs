use bytes::Bytes;
use kafka_protocol::messages::ApiKey;
use tokio::io::{AsyncReadExt, DuplexStream, duplex, split};

use super::*;
use crate::reply::{Call, FrameBuilder, Replies};
use crate::testing::block_on;

const REQUEST: [u8; 6] = [0, 0, 0, 2, 7, 8];

/// The client's end of a connection, and the core's.
struct Ends {
    client: DuplexStream,
    events: mpsc::Receiver<Event>,
    answers: mpsc::Sender<Answer>,
}

/// Lets a connection be served while its two ends act; returns whether it ended in peace.
fn serve(idle_ms_max: u64, act: impl AsyncFnOnce(Ends)) -> bool {
    let (client, server) = duplex(64);
    let (sender, events) = mpsc::channel(10);
    let (answers, answered) = mpsc::channel(1);
    let config = ServerConfig { idle_ms_max, ..ServerConfig::default() };
    let peer = SocketAddr::from(([127, 0, 0, 1], 9));
    let connection = Connection::new(ConnectionId(1), peer, &config, sender);
    let (reading, writing) = split(server);
    block_on(async {
        let ends = Ends { client, events, answers };
        let serving =
            timeout(Duration::from_secs(60), connection.serve(reading, writing, answered));
        let (end, ()) = tokio::join!(serving, act(ends));
        matches!(end.expect("it ends"), End::Quiet)
    })
}

async fn request(events: &mut mpsc::Receiver<Event>) -> Bytes {
    match events.recv().await {
        Some(Event::Request { frame, .. }) => frame,
        other => panic!("{other:?}"),
    }
}

fn response(bytes: usize) -> Answer {
    let connection = ConnectionId(1);
    let call = Call { connection, correlation: 7, key: ApiKey::Fetch, version: 11 };
    let mut builder = FrameBuilder::new(&call);
    builder.share(&Bytes::from(vec![9; bytes]));
    let mut replies = Replies::new();
    replies.send(&call, builder);
    replies.drain().next().unwrap().1
}

#[test]
fn a_client_that_leaves_while_it_waits_is_noticed() {
    let is_quiet = serve(60_000, async |mut ends: Ends| {
        ends.client.write_all(&REQUEST).await.unwrap();
        request(&mut ends.events).await;
        drop(ends.client);
        // No answer comes, and none is needed.
        ends.answers.closed().await;
    });
    assert!(is_quiet);
}

#[test]
fn a_request_sent_ahead_is_not_lost() {
    let is_quiet = serve(60_000, async |mut ends: Ends| {
        ends.client.write_all(&[REQUEST, REQUEST].concat()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(request(&mut ends.events).await, [7, 8][..]);
            ends.answers.send(response(1)).await.unwrap();
            let mut answer = [0; 9];
            ends.client.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, [0, 0, 0, 5, 0, 0, 0, 7, 9]);
        }
        // Nor is one whose client leaves right behind it.
        ends.client.write_all(&[REQUEST, REQUEST].concat()).await.unwrap();
        request(&mut ends.events).await;
        drop(ends.client);
        ends.answers.send(Answer::Nothing).await.unwrap();
        request(&mut ends.events).await;
    });
    assert!(is_quiet);
}

#[test]
fn a_client_that_sends_nothing_is_left() {
    let is_quiet = serve(20, async |mut ends: Ends| {
        assert_eq!(ends.client.read(&mut [0]).await.unwrap(), 0, "closed");
        drop(ends.answers);
    });
    assert!(is_quiet);
    // The same within a request.
    let is_quiet = serve(20, async |mut ends: Ends| {
        ends.client.write_all(&REQUEST[..5]).await.unwrap();
        assert_eq!(ends.client.read(&mut [0]).await.unwrap(), 0, "closed");
        drop(ends.answers);
    });
    assert!(is_quiet);
}

#[test]
fn who_waits_for_an_answer_is_not_idle() {
    serve(20, async |mut ends: Ends| {
        ends.client.write_all(&REQUEST).await.unwrap();
        request(&mut ends.events).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        ends.answers.send(response(1)).await.unwrap();
        ends.client.read_exact(&mut [0; 9]).await.unwrap();
    });
}

#[test]
fn a_client_that_takes_nothing_is_left() {
    let is_quiet = serve(20, async |mut ends: Ends| {
        ends.client.write_all(&REQUEST).await.unwrap();
        request(&mut ends.events).await;
        // More than the 64 bytes that the wire holds.
        ends.answers.send(response(10_000)).await.unwrap();
        ends.answers.closed().await;
    });
    assert!(is_quiet);
}
