use super::*;

fn config(settings: &[(&str, &str)]) -> Result<TopicConfig, ResponseError> {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    TopicConfig::new(settings.collect()).map_err(|refusal| refusal.error)
}

#[test]
fn every_default_is_a_valid_value() {
    assert!(SETTINGS.is_sorted_by_key(|setting| setting.name));
    for setting in SETTINGS {
        assert_eq!(setting.check(setting.default), Ok(()), "{}", setting.name);
    }
}

#[test]
fn the_defaults_are_kafkas() {
    let expected = TopicSettings {
        is_compacted: false,
        is_deletable: true,
        message_bytes_max: 1_048_588,
        segment_bytes_max: 1_073_741_824,
        segment_ms: 604_800_000,
        retention_ms: 604_800_000,
        retention_bytes: -1,
        delete_retention_ms: 86_400_000,
        compaction_lag_min_ms: 0,
        compaction_lag_max_ms: i64::MAX,
        dirty_ratio_min: 0.5,
        timestamp_type: TimestampType::CreateTime,
        timestamp_before_max_ms: i64::MAX,
        timestamp_after_max_ms: 3_600_000,
    };
    assert_eq!(*config(&[]).unwrap().settings(), expected);
}

#[test]
fn what_is_set_counts() {
    let set = config(&[
        ("cleanup.policy", " compact , delete "),
        ("max.message.bytes", "77"),
        ("message.timestamp.type", "LogAppendTime"),
        ("message.timestamp.before.max.ms", "5"),
    ]);
    let set = *set.unwrap().settings();
    assert!(set.is_compacted && set.is_deletable);
    assert_eq!((set.message_bytes_max, set.timestamp_before_max_ms), (77, 5));
    assert_eq!(set.timestamp_type, TimestampType::LogAppendTime);
    assert!(!config(&[("cleanup.policy", "compact")]).unwrap().settings().is_deletable);
}

#[test]
fn wrong_names_and_values_are_refused() {
    let wrong = [
        ("no.such", "1"),
        ("retention.ms", "-2"),
        ("retention.ms", "soon"),
        ("max.message.bytes", "-1"),
        ("max.message.bytes", "3000000000"),
        ("segment.bytes", "1000"),
        ("preallocate", "yes"),
        ("min.cleanable.dirty.ratio", "1.5"),
        ("min.cleanable.dirty.ratio", "NaN"),
        ("message.timestamp.type", "createtime"),
        ("cleanup.policy", "compact,drop"),
        ("compression.type", "brotli"),
        ("compression.gzip.level", "0"),
        ("compression.gzip.level", "-2"),
        ("compression.gzip.level", "10"),
        ("compression.lz4.level", "0"),
        ("compression.lz4.level", "18"),
        ("compression.zstd.level", "23"),
        ("compression.zstd.level", "-131073"),
    ];
    for (name, value) in wrong {
        let refused = config(&[(name, value)]).unwrap_err();
        assert_eq!(refused, ResponseError::InvalidConfig, "{name}={value}");
    }
}

#[test]
fn compression_levels_are_those_of_the_codecs() {
    for (codec, levels) in [("gzip", [-1, 1, 9]), ("lz4", [1, 9, 17]), ("zstd", [-131_072, 0, 22])]
    {
        for level in levels {
            let set = config(&[(&format!("compression.{codec}.level"), &level.to_string())]);
            assert!(set.is_ok(), "{codec} {level}");
        }
    }
    let refused = TopicConfig::new([("compression.gzip.level".to_owned(), "0".to_owned())].into());
    assert!(refused.unwrap_err().message.ends_with("expected -1 or 1 to 9"));
}

#[test]
fn the_shortest_lag_of_compaction_is_not_above_the_longest() {
    let lags =
        |min, max| config(&[("min.compaction.lag.ms", min), ("max.compaction.lag.ms", max)]).err();
    assert_eq!(lags("5", "5"), None);
    assert_eq!(lags("6", "5"), Some(ResponseError::InvalidConfig));
}
