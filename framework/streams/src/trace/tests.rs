//! Contexts, hostile headers, samplers, and the records of a task that are traced.

use std::sync::Mutex;

use super::*;
use crate::record::Header;
use crate::time::Timestamp;

const EXAMPLE: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn example() -> TraceContext {
    TraceContext::parse(EXAMPLE).unwrap()
}

fn headers(all: &[(&str, &[u8])]) -> Headers {
    all.iter().map(|(name, value)| Header::new(*name, *value)).collect()
}

#[test]
fn a_context_is_read_and_written_as_the_specification_says() {
    let context = example();
    assert_eq!(context.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(context.span.to_string(), "00f067aa0ba902b7");
    assert_eq!(context.to_string().as_bytes(), EXAMPLE);
    let unsampled = TraceContext { is_sampled: false, ..context };
    assert_eq!(TraceContext::parse(unsampled.to_string().as_bytes()), Some(unsampled));
    // Flags that are not known yet, and a version to come with more behind.
    for later in [
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-is-to-come",
    ] {
        assert_eq!(TraceContext::parse(later.as_bytes()), Some(context), "{later}");
    }
}

#[test]
fn what_is_no_context_is_none() {
    for wrong in [
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
    ] {
        assert_eq!(TraceContext::parse(wrong.as_bytes()), None, "{wrong}");
    }
}

/// Headers by chance, and valid ones with bytes changed, cut or added: no panic, and what is read is
/// what would be written.
#[test]
fn hostile_headers_are_read_or_left() {
    let mut ids = IdGenerator::new([5, 6]);
    let mut byte = |max: u64| u8::try_from(ids.root().span.0 % max).unwrap();
    let mut read = 0;
    for _ in 0..50_000 {
        let mut text = EXAMPLE.to_vec();
        for _ in 0..byte(4) {
            let at = usize::from(byte(60));
            match byte(3) {
                0 if at < text.len() => text[at] = byte(256),
                1 => text.truncate(at),
                _ => text.insert(at.min(text.len()), b"0-af\xff\0"[usize::from(byte(6))]),
            }
        }
        let Some(context) = TraceContext::parse(&text) else { continue };
        read += 1;
        assert!(context.trace.0 != 0 && context.span.0 != 0);
        assert_eq!(text[2..53], context.to_string().as_bytes()[2..53], "{text:?}");
    }
    assert!(read > 10_000, "{read} were valid");
}

#[test]
fn the_last_header_counts_and_others_stay() {
    let rubbish = headers(&[("traceparent", EXAMPLE), ("traceparent", b"rubbish")]);
    assert_eq!(TraceContext::of(&rubbish), None);
    let null: Headers =
        std::iter::once(Header { name: "traceparent".into(), value: None }).collect();
    assert_eq!(TraceContext::of(&null), None);
    let all = headers(&[
        ("traceparent", b"rubbish"),
        ("tracestate", b"vendor=1"),
        ("baggage", b"user=7"),
        ("traceparent", EXAMPLE),
    ]);
    let context = TraceContext::of(&all).unwrap();
    assert_eq!(context, example());

    let own = TraceContext { span: SpanId(7), ..context };
    let names = |headers: &Headers| -> Vec<String> {
        headers.iter().map(|header| header.name.to_string()).collect()
    };
    let on = own.into_headers(&all, true);
    assert_eq!(names(&on), ["tracestate", "baggage", "traceparent"]);
    assert_eq!(TraceContext::of(&on), Some(own));
    assert_eq!(TraceContext::state_of(&on).as_deref(), Some(&b"vendor=1"[..]));
    assert_eq!(names(&own.into_headers(&all, false)), ["baggage", "traceparent"]);
}

#[test]
fn samplers_follow_or_decide_by_the_trace() {
    let mut ids = IdGenerator::new([1, 2]);
    let (sampled, unsampled) = (example(), TraceContext { is_sampled: false, ..example() });
    let mut taken = |sampler: Sampler, parent| sampler.sample(parent, &mut ids).is_some();
    for (name, root, of_sampled, of_unsampled) in [
        ("always_on", true, true, true),
        ("always_off", false, false, false),
        ("parentbased_always_on", true, true, false),
        ("parentbased_always_off", false, true, false),
        ("parentbased_traceidratio", false, true, false),
        ("traceidratio", false, false, false),
    ] {
        let sampler = Sampler::named(name, 0.0).unwrap();
        assert_eq!(taken(sampler, None), root, "{name}");
        assert_eq!(taken(sampler, Some(sampled)), of_sampled, "{name}");
        assert_eq!(taken(sampler, Some(unsampled)), of_unsampled, "{name}");
    }
    assert_eq!(Sampler::named("sometimes", 1.0), None);
    assert!(Sampler::alone(0.0).is_off() && !Sampler::following(0.0).is_off());
}

/// Whoever hands on what was decided about a record must not decide anew about one that was not taken.
#[test]
fn a_sampler_that_starts_none_takes_what_others_took_and_begins_nothing() {
    let mut ids = IdGenerator::new([1, 2]);
    for sampler in [Sampler::alone(0.5), Sampler::alone(1.0), Sampler::following(0.5)] {
        let taken = std::iter::repeat_with(|| sampler.sample(None, &mut ids)).flatten();
        let taken: Vec<_> = taken.take(20).collect();
        let handing_on = sampler.starting_none();
        assert!(handing_on.starts_none() && !handing_on.is_off(), "{sampler:?}");
        for root in taken {
            assert!(handing_on.takes(root), "{sampler:?}");
            assert_eq!(handing_on.sample(None, &mut ids), None, "{sampler:?}");
        }
    }
}

#[test]
fn a_ratio_takes_its_share_and_decides_the_same_everywhere() {
    let (ratio, elsewhere) = (Sampler::following(0.25), Sampler::alone(0.25));
    let mut ids = IdGenerator::new([3, 4]);
    let roots: Vec<_> = (0..40_000).filter_map(|_| ratio.sample(None, &mut ids)).collect();
    assert!((9_000..11_000).contains(&roots.len()), "{}", roots.len());
    assert!(roots.iter().all(|root| elsewhere.takes(*root)));
    let distinct: std::collections::HashSet<_> = roots.iter().map(|root| root.trace).collect();
    assert_eq!(distinct.len(), roots.len());
    let again = (0..40_000).scan(IdGenerator::new([3, 4]), |ids, _| Some(ratio.sample(None, ids)));
    assert!(again.flatten().eq(roots), "the same seed, the same ids");
}

#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Follow for Seen {
    fn begins(&mut self, traced: TracedRecord<'_>) {
        let parent = traced.parent.map(|parent| parent.span);
        let text = format!("{}@{} of {parent:?}", traced.partition, traced.record.offset);
        self.0.lock().unwrap().push(text);
    }

    fn ends(&mut self, error: Option<ErrorKind>) {
        self.0.lock().unwrap().push(format!("{error:?}"));
    }

    fn waits(&mut self) {}
}

#[test]
fn a_traced_record_goes_on_with_a_context_of_its_own() {
    let seen = Seen::default();
    let follow = Box::new(seen.clone());
    let mut tracer = RecordTracer::new(Sampler::following(0.0), IdGenerator::new([1, 1]), follow);
    let partition = Arc::new(TopicPartition::new("in", 2));
    let record = |headers| RawRecord {
        key: None,
        value: None,
        timestamp: Timestamp::from_millis(1),
        offset: Offset(9),
        headers,
    };
    let untraced = [headers(&[]), headers(&[("a", b"b")]), headers(&[("traceparent", b"x")])];
    for headers in &untraced {
        assert_eq!(tracer.begin(&partition, &record(headers)), None);
    }
    let traced = headers(&[("traceparent", EXAMPLE)]);
    let given = tracer.begin(&partition, &record(&traced)).unwrap();
    let own = TraceContext::of(&given).unwrap();
    assert_eq!(own.trace, example().trace);
    assert_ne!(own.span, example().span);
    assert_eq!(tracer.current(), Some(own.trace));
    tracer.end(None);
    assert_eq!(tracer.current(), None);
    assert_eq!(*seen.0.lock().unwrap(), ["in-2@9 of Some(00f067aa0ba902b7)", "None"]);
    assert_eq!(tracer.take_uncommitted(), [own]);
    assert!(tracer.take_uncommitted().is_empty());
}

/// A record that waits for a schema is tried again and again: that it waits is no failure of its.
#[test]
fn a_record_that_only_waits_leaves_no_span_and_no_link() {
    for context in [&[][..], &[("traceparent", EXAMPLE)]] {
        let seen = Seen::default();
        let (sampler, ids) = (Sampler::following(1.0), IdGenerator::new([1, 1]));
        let mut tracer = RecordTracer::new(sampler, ids, Box::new(seen.clone()));
        let partition = Arc::new(TopicPartition::new("in", 2));
        let headers = headers(context);
        let record = RawRecord {
            key: None,
            value: None,
            timestamp: Timestamp::from_millis(1),
            offset: Offset(9),
            headers: &headers,
        };
        let waits = |_: RawRecord<'_>| Err(Error::new(ErrorKind::Unavailable, "no schema yet"));
        for _ in 0..2 * LINKS_MAX {
            assert!(tracer.around(&partition, record, waits).unwrap_err().is_retriable());
        }
        assert_eq!(tracer.current().is_some(), !headers.is_empty(), "only a trace that there is");
        let mut own = None;
        let done = tracer.around(&partition, record, |record| {
            own = TraceContext::of(record.headers);
            Ok(())
        });
        assert!(done.is_ok() && tracer.current().is_none());
        assert_eq!(tracer.take_uncommitted(), own.as_slice());
        let seen = seen.0.lock().unwrap();
        let ended = seen.iter().filter(|what| !what.contains('@'));
        assert!(ended.eq(["None"]), "{seen:?}");
    }
}

/// Where no trace begins, most contexts are not parsed: which must change nothing.
#[test]
fn a_context_that_is_not_sampled_is_left_by_its_flags() {
    let mut read = 0;
    for flags in 0_u8..=u8::MAX {
        for digits in [format!("{flags:02x}"), format!("{flags:02X}")] {
            let text = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{digits}");
            let headers = headers(&[("traceparent", text.as_bytes())]);
            let sampled = TraceContext::of(&headers).filter(|context| context.is_sampled);
            assert_eq!(TraceContext::sampled_of(&headers), sampled, "{text}");
            read += usize::from(sampled.is_some());
        }
    }
    // 128 in small letters; of those in capital ones, the 50 that have none.
    assert_eq!(read, 178);
    let later = &b"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-0"[..];
    let all = [(&EXAMPLE[..54], false), (&b""[..], false), (&b"rubbish"[..], false), (later, true)];
    for (text, is_read) in all {
        let headers = headers(&[("traceparent", text)]);
        assert_eq!(TraceContext::sampled_of(&headers).is_some(), is_read);
    }
    assert_eq!(TraceContext::sampled_of(&Headers::default()), None);
}
