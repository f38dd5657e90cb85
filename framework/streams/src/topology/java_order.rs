//! The orders of Java's collections, as far as a description shows them.
//!
//! The JVM library connects nodes in the order of a hash map of their names, and keeps neighbours in
//! tree sets by a size that grows while it connects: what comes out depends on both.

use std::cmp::Ordering;

/// Returns the order in which `java.util.HashMap` walks over distinct keys that were put one by one.
pub(super) fn hash_order<'a>(keys: impl ExactSizeIterator<Item = &'a str>) -> Vec<usize> {
    const BUCKETS_MIN: u32 = 16;
    let mut buckets = BUCKETS_MIN;
    // It doubles when it is filled by more than three quarters.
    while keys.len() * 4 > buckets as usize * 3 {
        buckets *= 2;
    }
    let bucket = |key: &str| {
        let hash = hash_code(key);
        (hash ^ (hash >> 16)) & (buckets - 1)
    };
    let mut order: Vec<(u32, usize)> =
        keys.enumerate().map(|(at, key)| (bucket(key), at)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, at)| at).collect()
}

/// `String.hashCode`.
fn hash_code(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

/// `java.util.TreeSet`, for an order that changes between two insertions: then where a value ends up
/// follows from the shape of the tree.
#[derive(Debug, Default)]
pub(super) struct TreeSet {
    nodes: Vec<TreeNode>,
    root: Option<usize>,
}

#[derive(Debug)]
struct TreeNode {
    value: usize,
    red: bool,
    parent: Option<usize>,
    children: [Option<usize>; 2],
}

const LEFT: usize = 0;
const RIGHT: usize = 1;

impl TreeSet {
    /// Adds a value, unless its way down the tree meets an equal one.
    pub(super) fn insert(&mut self, value: usize, compare: impl Fn(usize, usize) -> Ordering) {
        let mut place = None;
        let mut next = self.root;
        while let Some(at) = next {
            let node = self.node(at);
            let side = match compare(value, node.value) {
                Ordering::Equal => return,
                Ordering::Less => LEFT,
                Ordering::Greater => RIGHT,
            };
            place = Some((at, side));
            next = self.child(at, side);
        }
        let added = self.nodes.len();
        let parent = place.map(|(at, _)| at);
        self.nodes.push(TreeNode { value, red: true, parent, children: [None, None] });
        self.link(place, Some(added));
        self.balance(added);
    }

    /// Returns the values in the tree's order.
    pub(super) fn values(&self) -> Vec<usize> {
        let mut values = Vec::with_capacity(self.nodes.len());
        let (mut open, mut next) = (Vec::new(), self.root);
        loop {
            while let Some(at) = next {
                open.push(at);
                next = self.child(at, LEFT);
            }
            let Some(at) = open.pop() else { return values };
            values.push(self.node(at).value);
            next = self.child(at, RIGHT);
        }
    }

    /// Restores the colours after an insertion: no red node has a red parent.
    fn balance(&mut self, added: usize) {
        let mut at = added;
        while let Some(parent) = self.node(at).parent
            && self.node(parent).red
            && let Some(grandparent) = self.node(parent).parent
        {
            let side = self.side(grandparent, parent);
            let uncle = self.child(grandparent, 1 - side).filter(|&uncle| self.node(uncle).red);
            self.node_mut(grandparent).red = true;
            if let Some(uncle) = uncle {
                self.node_mut(parent).red = false;
                self.node_mut(uncle).red = false;
                at = grandparent;
                continue;
            }
            let mut top = parent;
            if self.side(parent, at) != side {
                self.rotate(parent, side);
                (top, at) = (at, parent);
            }
            self.node_mut(top).red = false;
            self.rotate(grandparent, 1 - side);
        }
        if let Some(root) = self.root {
            self.node_mut(root).red = false;
        }
    }

    /// Moves a node down to a side; its child of the other side takes its place.
    fn rotate(&mut self, at: usize, side: usize) {
        let Some(risen) = self.child(at, 1 - side) else { return };
        let above = self.node(at).parent.map(|parent| (parent, self.side(parent, at)));
        let between = self.child(risen, side);
        self.link(Some((at, 1 - side)), between);
        self.link(above, Some(risen));
        self.link(Some((risen, side)), Some(at));
    }

    /// Puts a node below another, or at the root.
    fn link(&mut self, place: Option<(usize, usize)>, child: Option<usize>) {
        match place {
            Some((parent, LEFT)) => self.node_mut(parent).children[LEFT] = child,
            Some((parent, _)) => self.node_mut(parent).children[RIGHT] = child,
            None => self.root = child,
        }
        if let Some(child) = child {
            self.node_mut(child).parent = place.map(|(parent, _)| parent);
        }
    }

    fn side(&self, parent: usize, child: usize) -> usize {
        if self.child(parent, LEFT) == Some(child) { LEFT } else { RIGHT }
    }

    fn child(&self, at: usize, side: usize) -> Option<usize> {
        self.node(at).children.get(side).copied().flatten()
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are never removed")]
    fn node(&self, at: usize) -> &TreeNode {
        &self.nodes[at]
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are never removed")]
    fn node_mut(&mut self, at: usize) -> &mut TreeNode {
        &mut self.nodes[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_codes_are_those_of_java() {
        assert_eq!(hash_code(""), 0);
        assert_eq!(hash_code("abc"), 96_354);
        assert_eq!(hash_code("é😀"), 1_996_812);
        assert_eq!(hash_code("KSTREAM-SOURCE-0000000000"), 1_861_603_632);
    }

    #[test]
    fn maps_are_walked_over_as_java_does() {
        let names: Vec<String> = (0..14).map(|n| format!("node-{n}")).collect();
        let order = hash_order(names.iter().map(String::as_str));
        assert_eq!(order, [0, 1, 2, 3, 4, 5, 13, 6, 12, 7, 11, 8, 10, 9]);
    }

    #[test]
    fn an_order_that_changes_leaves_the_tree_as_in_java() {
        // What `java.util.TreeSet` answers; heavier values come first, and some gain between additions.
        for (every, expected) in [
            (3, [4, 6, 13, 0, 1, 3, 2, 12, 19, 5, 7, 8, 9, 10, 11, 14, 15, 16, 17, 18]),
            (5, [9, 0, 1, 3, 2, 7, 12, 4, 19, 6, 18, 5, 8, 10, 11, 14, 15, 16, 13, 17]),
        ] {
            let (mut tree, mut weights) = (TreeSet::default(), [1; 20]);
            for at in 0..20 {
                tree.insert(at * 7 % 20, |a, b| weights[b].cmp(&weights[a]).then(a.cmp(&b)));
                weights[at * 3 % 20] += at % every;
            }
            assert_eq!(tree.values(), expected);
        }
    }

    #[test]
    fn a_tree_of_a_steady_order_is_sorted() {
        for step in [1, 7, 36] {
            let mut tree = TreeSet::default();
            for at in 0..37 {
                tree.insert(at * step % 37, |a, b| a.cmp(&b));
                tree.insert(at * step % 37, |a, b| a.cmp(&b));
            }
            assert_eq!(tree.values(), (0..37).collect::<Vec<_>>());
        }
    }
}
