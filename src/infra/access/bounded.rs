use std::{collections::HashMap, hash::Hash};

/// Makes room in a map that has reached its capacity: without what is not needed any more, or without everything if that is
/// not half of it. So a full map is not searched again for every entry that comes.
pub(super) fn make_room<K: Eq + Hash, V>(map: &mut HashMap<K, V>, capacity: usize, is_needed: impl Fn(&V) -> bool) {
    if map.len() < capacity {
        return;
    }
    map.retain(|_, value| is_needed(value));
    if map.len() > capacity / 2 {
        map.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_map_keeps_what_is_needed_if_that_is_at_most_half_of_it() {
        for (needed, left) in [(0, 0), (5, 5), (6, 0), (10, 0)] {
            let mut map: HashMap<u32, bool> = (0..10).map(|n| (n, n < needed)).collect();
            make_room(&mut map, 11, |needed| *needed);
            assert_eq!(map.len(), 10, "it is not full");
            make_room(&mut map, 10, |needed| *needed);
            assert_eq!(map.len(), left, "{needed} of 10 are needed");
        }
    }
}
