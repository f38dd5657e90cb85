//! The ids under which clients know topics, whatever their names.
//!
//! An id is made from the cluster's id and the number of the topic, both of which are kept: it is
//! the same after a restart, another for a topic that is created again, and another in another
//! cluster.

use std::collections::BTreeMap;

use uuid::Uuid;

/// The ids of all topics.
#[derive(Debug, Default)]
pub(crate) struct Uuids {
    cluster: u64,
    names: BTreeMap<Uuid, String>,
}

impl Uuids {
    /// Takes note of the cluster whose topics these are.
    pub(crate) fn set_cluster(&mut self, id: &str) {
        // FNV-1a: the same on every machine and in every version.
        let digest =
            |digest: u64, byte: u8| (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        self.cluster = id.bytes().fold(0xcbf2_9ce4_8422_2325, digest);
    }

    /// Returns the name of the topic with this id.
    pub(crate) fn name(&self, uuid: &Uuid) -> Option<&str> {
        self.names.get(uuid).map(String::as_str)
    }

    /// Returns the id of the topic with this number, which has the name from now on.
    pub(super) fn give(&mut self, number: u64, name: &str) -> Uuid {
        let uuid = Uuid::from_u64_pair(self.cluster, number.wrapping_add(self.cluster));
        self.names.insert(uuid, name.to_owned());
        uuid
    }

    pub(super) fn forget(&mut self, uuid: &Uuid) {
        self.names.remove(uuid);
    }
}
