use std::time::Duration;

use super::*;
use crate::time::Timestamp;
use crate::windows::{Window, Windowed};

fn bytes<T>(serde: &dyn Serde<T>, value: &T) -> Option<Vec<u8>> {
    let mut out = b"before".to_vec();
    let range = encode_into(serde, "t", value, &mut out).expect("encodes");
    range.map(|range| out[range].to_vec())
}

#[test]
fn integers_are_big_endian_and_lengths_are_checked() {
    assert_eq!(bytes(&I64, &258), Some(vec![0, 0, 0, 0, 0, 0, 1, 2]));
    assert_eq!(bytes(&I32, &-1), Some(vec![255; 4]));
    assert_eq!(I64.decode("t", &[0; 7]).unwrap_err().to_string(), "expected 8 bytes, found 7");
}

#[test]
fn text_must_be_utf8() {
    assert_eq!(bytes::<String>(&Utf8, &"ä".to_owned()), Some(vec![0xc3, 0xa4]));
    assert!(Serde::<String>::decode(&Utf8, "t", &[0xff]).is_err());
}

#[test]
fn bytes_are_kept_within_other_serdes_too() {
    let second = Duration::from_secs(1);
    let shared: SerdeRef<Vec<u8>> = Arc::new(Bytes);
    assert!(shared.keeps_bytes() && Nullable::shared(shared.clone()).keeps_bytes());
    assert!(TimeWindowed::new(shared.clone(), second).keeps_bytes());
    assert!(Changed(shared).keeps_bytes());
    assert!(!Nullable::of(I64).keeps_bytes() && !Serde::<String>::keeps_bytes(&Utf8));
}

#[test]
fn nulls_are_part_of_the_type() {
    let nullable = Nullable::of(I64);
    assert_eq!(bytes(&nullable, &None), None);
    assert_eq!(nullable.decode_nullable("t", None).unwrap(), None);
    assert_eq!(I64.decode_nullable("t", None).unwrap_err().to_string(), NULL_REFUSED);
}

#[test]
fn a_windowed_key_is_the_key_then_its_start() {
    let serde = TimeWindowed::new(String::default_serde(), Duration::from_millis(10)).shared();
    let key = Windowed { key: "ab".to_owned(), window: Window::starting_at(256, 10) };
    let encoded = bytes(&*serde, &key).unwrap();
    assert_eq!(encoded, [b'a', b'b', 0, 0, 0, 0, 0, 0, 1, 0]);
    assert_eq!(serde.decode("t", &encoded).unwrap(), key);
    assert_eq!(key.window.end, Timestamp::from_millis(266));
    assert_eq!(serde.partitioning_part(&encoded), b"ab");
    assert!(serde.decode("t", &[1, 2, 3]).is_err());
}

#[cfg(feature = "json")]
mod json {
    use super::*;

    #[test]
    fn none_is_a_tombstone_and_not_the_word_null() {
        let serde: SerdeRef<Option<Vec<u32>>> = Json.shared();
        assert_eq!(bytes(&*serde, &None), None);
        assert_eq!(bytes(&*serde, &Some(vec![1, 2])), Some(b"[1,2]".to_vec()));
        assert_eq!(serde.decode_nullable("t", None).unwrap(), None);
    }

    #[test]
    fn a_null_where_the_type_has_none_says_so() {
        let serde: SerdeRef<Vec<u32>> = Json.shared();
        assert_eq!(serde.decode_nullable("t", None).unwrap_err().to_string(), NULL_REFUSED);
        assert!(serde.decode("t", b"{").unwrap_err().to_string().contains("line 1"));
    }
}
