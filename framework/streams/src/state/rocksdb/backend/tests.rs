//! What survives a restart, a kill and damage.

use std::fs;
use std::ops::ControlFlow;

use super::*;
use crate::state::Uncommitted;

fn memory() -> RocksDbMemory {
    RocksDbMemory::new(1 << 20, 1 << 20)
}

fn open(path: &Path, stores: &[&str]) -> Result<RocksDbBackend> {
    let families = stores.iter().map(|&name| Some(Arc::from(name))).collect();
    RocksDbBackend::open(path, families, &memory(), Statistics::Off)
}

/// Commits one row to every store, with the same offset to all: `key` is `offset`.
fn commit(backend: &mut RocksDbBackend, stores: usize, offset: i64) {
    let mut rows = Uncommitted::default();
    rows.put(format!("{offset:04}").as_bytes(), Some(offset.to_be_bytes()[..].into()));
    let changes: Vec<_> = (0..stores)
        .map(|family| FamilyChanges {
            family: Family(family),
            rows: &rows,
            expired_before: None,
            offset: Some(Offset(offset)),
        })
        .collect();
    backend.commit(&changes).unwrap();
}

fn keys(backend: &RocksDbBackend, family: usize) -> Vec<String> {
    let mut keys = Vec::new();
    let visit = &mut |key: &[u8], _: &[u8]| {
        keys.push(String::from_utf8_lossy(key).into_owned());
        Ok(ControlFlow::Continue(()))
    };
    backend.scan(Family(family), &[], visit).unwrap();
    keys
}

/// Copies the files of an open database: what a kill at this moment leaves.
fn killed(path: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() && entry.file_name() != "LOCK" {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    copy
}

#[test]
fn rows_and_offsets_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut backend = open(dir.path(), &["a", "b"]).unwrap();
    assert_eq!(backend.offset(Family(0)).unwrap(), None);
    commit(&mut backend, 2, 1);
    commit(&mut backend, 1, 2);
    backend.flush().unwrap();
    drop(backend);

    let backend = open(dir.path(), &["a", "b"]).unwrap();
    assert_eq!(
        (keys(&backend, 0), keys(&backend, 1)),
        (vec!["0001".into(), "0002".into()], vec!["0001".into()])
    );
    assert_eq!(backend.offset(Family(0)).unwrap(), Some(Offset(2)));
    assert_eq!(backend.offset(Family(1)).unwrap(), Some(Offset(1)));
}

#[test]
fn stores_are_found_by_name_and_those_not_asked_for_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut backend = open(dir.path(), &["a", "b"]).unwrap();
    commit(&mut backend, 2, 1);
    commit(&mut backend, 1, 2);
    drop(backend);

    let mut backend = open(dir.path(), &["new", "b"]).unwrap();
    assert_eq!((keys(&backend, 0).len(), keys(&backend, 1).len()), (0, 1));
    assert_eq!(backend.offset(Family(0)).unwrap(), None);
    commit(&mut backend, 1, 9);
    drop(backend);

    let backend = open(dir.path(), &["b", "a"]).unwrap();
    assert_eq!((keys(&backend, 0).len(), keys(&backend, 1).len()), (1, 2));
    assert_eq!(backend.offset(Family(1)).unwrap(), Some(Offset(2)));
}

#[test]
fn a_kill_loses_what_was_not_flushed_and_never_rows_without_their_offset() {
    let dir = tempfile::tempdir().unwrap();
    let mut backend = open(dir.path(), &["a", "b"]).unwrap();
    let fresh = killed(dir.path());
    for offset in 1..=3 {
        commit(&mut backend, 2, offset);
    }
    backend.flush().unwrap();
    for offset in 4..=6 {
        commit(&mut backend, 2, offset);
    }
    let flushed = killed(dir.path());
    assert_eq!(keys(&backend, 0).len(), 6);

    let backend = open(fresh.path(), &["a", "b"]).unwrap();
    assert_eq!((keys(&backend, 0).len(), backend.offset(Family(0)).unwrap()), (0, None));
    let backend = open(flushed.path(), &["a", "b"]).unwrap();
    for family in 0..2 {
        assert_eq!(keys(&backend, family), ["0001", "0002", "0003"]);
        assert_eq!(backend.offset(Family(family)).unwrap(), Some(Offset(3)));
    }
}

#[test]
fn rows_and_offset_agree_after_a_close_without_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let mut backend = open(dir.path(), &["a"]).unwrap();
    commit(&mut backend, 1, 1);
    backend.flush().unwrap();
    commit(&mut backend, 1, 2);
    drop(backend);
    let backend = open(dir.path(), &["a"]).unwrap();
    let rows = i64::try_from(keys(&backend, 0).len()).unwrap();
    assert_eq!(backend.offset(Family(0)).unwrap(), Some(Offset(rows)));
}

#[test]
fn flushes_that_memory_asks_for_are_of_all_stores_together() {
    let dir = tempfile::tempdir().unwrap();
    let families = vec![Some("quiet".into()), Some("busy".into())];
    let memory = RocksDbMemory::new(1 << 20, 64 << 10);
    let mut backend = RocksDbBackend::open(dir.path(), families, &memory, Statistics::Off).unwrap();
    let mut quiet = Uncommitted::default();
    quiet.put(b"once", Some(b"row"[..].into()));
    let nothing = Uncommitted::default();
    for offset in 0..200 {
        let mut busy = Uncommitted::default();
        busy.put(format!("{offset:04}").as_bytes(), Some(vec![7; 8 << 10].into()));
        let change = |family, rows| FamilyChanges {
            family: Family(family),
            rows,
            expired_before: None,
            offset: Some(Offset(offset)),
        };
        let rows = if offset == 0 { &quiet } else { &nothing };
        backend.commit(&[change(0, rows), change(1, &busy)]).unwrap();
    }
    drop(backend);
    let backend = open(dir.path(), &["quiet", "busy"]).unwrap();
    assert_eq!((keys(&backend, 0).len(), keys(&backend, 1).len()), (1, 200));
    assert_eq!(backend.offset(Family(0)).unwrap(), backend.offset(Family(1)).unwrap());
}

#[test]
fn deletes_and_expiry_reach_rows_in_memory_and_in_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut backend = open(dir.path(), &["w"]).unwrap();
    let key = |segment: i64, key: &str| [&segment.to_be_bytes()[..], key.as_bytes()].concat();
    for segment in 0..6 {
        let mut rows = Uncommitted::default();
        for name in ["a", "b"] {
            rows.put(&key(segment, name), Some(b"row"[..].into()));
        }
        let (family, expired_before, offset) = (Family(0), None, None);
        backend.commit(&[FamilyChanges { family, rows: &rows, expired_before, offset }]).unwrap();
        if segment == 2 {
            backend.flush().unwrap();
        }
    }
    let mut rows = Uncommitted::default();
    rows.put(&key(5, "a"), None);
    rows.put(&key(6, "a"), Some(b"new"[..].into()));
    let expired_before = Some(4_i64.to_be_bytes());
    let (family, offset) = (Family(0), Some(Offset(7)));
    backend.commit(&[FamilyChanges { family, rows: &rows, expired_before, offset }]).unwrap();
    let expected: Vec<String> = [key(4, "a"), key(4, "b"), key(5, "b"), key(6, "a")]
        .map(|key| String::from_utf8_lossy(&key).into_owned())
        .into();
    assert_eq!(keys(&backend, 0), expected);
    drop(backend);
    assert_eq!(keys(&open(dir.path(), &["w"]).unwrap(), 0), expected);
}

#[test]
fn a_scan_begins_at_its_key_and_ends_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut backend = open(dir.path(), &["a"]).unwrap();
    (1..=9).for_each(|offset| commit(&mut backend, 1, offset));
    let mut seen = 0;
    let visit = &mut |key: &[u8], _: &[u8]| {
        assert!(key >= &b"0004"[..]);
        seen += 1;
        Ok(if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    backend.scan(Family(0), b"0004", visit).unwrap();
    assert_eq!(seen, 3);
    let failing = &mut |_: &[u8], _: &[u8]| Err(Error::state("stop"));
    assert_eq!(backend.scan(Family(0), &[], failing).unwrap_err().to_string(), "stop");
}

#[test]
fn a_store_that_is_not_there_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let backend =
        RocksDbBackend::open(dir.path(), vec![None, Some("a".into())], &memory(), Statistics::Off)
            .unwrap();
    for family in [0, 7] {
        let error = backend.read(Family(family), b"k", &mut |_| Ok(())).unwrap_err();
        let path = dir.path().display();
        assert_eq!(
            error.to_string(),
            format!("the database {path} has no store with number {family}")
        );
    }
}

#[test]
fn a_database_in_use_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let _owner = open(dir.path(), &["a"]).unwrap();
    let error = open(dir.path(), &["a"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State);
    assert!(error.to_string().starts_with("cannot open the state in "), "{error}");
    assert!(error.report().to_lowercase().contains("lock"), "{}", error.report());
}

/// Makes a database with rows in files, and damages the files of a kind.
fn damaged(file: impl Fn(&str) -> bool, damage: impl Fn(&Path)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut backend = open(dir.path(), &["a"]).unwrap();
    (1..=50).for_each(|offset| commit(&mut backend, 1, offset));
    backend.flush().unwrap();
    drop(backend);
    let mut hits = 0;
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if file(&path.file_name().unwrap().to_string_lossy()) {
            damage(&path);
            hits += 1;
        }
    }
    assert!(hits > 0, "no file to damage");
    dir
}

fn rubbish(path: &Path) {
    let len = fs::metadata(path).unwrap().len().max(16);
    let bytes: Vec<u8> = (0..len).map(|at| (at * 151 + 7).to_le_bytes()[0]).collect();
    fs::write(path, bytes).unwrap();
}

/// Opens a damaged database and reads all of it; returns the first error.
fn first_error(path: &Path) -> Option<Error> {
    let backend = match open(path, &["a"]) {
        Ok(backend) => backend,
        Err(error) => return Some(error),
    };
    let continues = &mut |_: &[u8], _: &[u8]| Ok(ControlFlow::Continue(()));
    let read = backend.read(Family(0), b"0001", &mut |_| Ok(())).map(drop);
    let all = backend.scan(Family(0), &[], continues);
    read.and(all).and(backend.offset(Family(0)).map(drop)).err()
}

#[test]
fn rubbish_in_the_files_is_an_error_that_names_the_place_and_no_panic() {
    let kinds: [(&str, fn(&str) -> bool); 3] = [
        ("CURRENT", |name| name == "CURRENT"),
        ("MANIFEST", |name| name.starts_with("MANIFEST")),
        ("SST", |name| name.ends_with(".sst")),
    ];
    for (kind, file) in kinds {
        for (how, damage) in [
            ("rubbish", rubbish as fn(&Path)),
            ("empty", |path| {
                fs::write(path, []).unwrap();
            }),
        ] {
            let dir = damaged(file, damage);
            let error = first_error(dir.path());
            let error = error.unwrap_or_else(|| panic!("{kind}, {how}: nothing was noticed"));
            println!("{kind}, {how}: {:?} {}", error.kind(), error.report());
            assert!(matches!(error.kind(), ErrorKind::Corrupted | ErrorKind::State));
            assert!(error.to_string().contains(&dir.path().display().to_string()), "{error}");
        }
    }
}

#[test]
fn damage_that_a_restore_mends_says_that_it_is_corruption() {
    let current = damaged(|name| name == "CURRENT", rubbish);
    let manifest = damaged(|name| name.starts_with("MANIFEST"), rubbish);
    let table = damaged(|name| name.ends_with(".sst"), rubbish);
    let missing = damaged(|name| name.ends_with(".sst"), |path| fs::remove_file(path).unwrap());
    for (what, dir) in
        [("CURRENT", current), ("MANIFEST", manifest), ("SST", table), ("missing SST", missing)]
    {
        let error = first_error(dir.path()).unwrap_or_else(|| panic!("{what}: not noticed"));
        assert!(error.is_corrupted(), "{what}: {:?} {}", error.kind(), error.report());
    }
}

#[test]
fn an_offset_that_is_none_is_corruption() {
    let dir = tempfile::tempdir().unwrap();
    let backend = open(dir.path(), &["a"]).unwrap();
    backend.db.put_cf(backend.offsets().unwrap(), b"a", b"short").unwrap();
    let error = backend.offset(Family(0)).unwrap_err();
    assert!(error.is_corrupted());
    assert!(error.to_string().starts_with("the offset of store a in "), "{error}");
}
