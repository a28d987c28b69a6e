//! Proofs as whoever does not trust the log checks them.

use super::{Hash, LogError, LogErrorKind};

/// Verifies that `leaf` is the hash of the entry `index` in the tree of `size` entries with this
/// `root`.
///
/// # Errors
/// [`LogErrorKind::Range`] unless `index` < `size`; [`LogErrorKind::Malformed`] where the proof is too
/// long or too short; [`LogErrorKind::Mismatch`] where it leads to another root.
///
/// # Source
/// RFC 9162 §2.1.3.2.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), LogError> {
    if index >= size {
        return Err(LogError::new(
            LogErrorKind::Range,
            format_args!("inclusion proof: entry {index} is outside a tree of {size} entries"),
        ));
    }
    let (mut fn_, mut sn) = (index, size - 1);
    let mut r = *leaf;
    for p in proof {
        if sn == 0 {
            return Err(length("inclusion", "long"));
        }
        if fn_ & 1 == 1 || fn_ == sn {
            r = Hash::node(p, &r);
            while fn_ & 1 == 0 && fn_ != 0 {
                fn_ >>= 1;
                sn >>= 1;
            }
        } else {
            r = Hash::node(&r, p);
        }
        fn_ >>= 1;
        sn >>= 1;
    }
    if sn != 0 {
        return Err(length("inclusion", "short"));
    }
    same("inclusion proof", &r, root)
}

/// Verifies that the tree of `old` entries with `old_root` is the beginning of that of `new` entries
/// with `new_root`.
///
/// # Errors
/// Those of [`verify_inclusion`]; [`LogErrorKind::Range`] where `old` > `new`.
///
/// # Source
/// RFC 9162 §2.1.4.2, with the cases that it leaves to the caller: equal sizes (equal roots, no
/// proof), and an old tree without entries (its root is known, no proof).
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), LogError> {
    if old > new {
        return Err(LogError::new(
            LogErrorKind::Range,
            format_args!("consistency proof: the log had {old} entries, now has {new}"),
        ));
    }
    if old == new || old == 0 {
        if !proof.is_empty() {
            return Err(length("consistency", "long"));
        }
        let expected = if old == 0 { &Hash::empty() } else { new_root };
        return same("consistency proof", old_root, expected);
    }
    let mut path = proof.iter();
    let mut fr = if old.is_power_of_two() {
        *old_root
    } else {
        *path.next().ok_or_else(|| length("consistency", "short"))?
    };
    let mut sr = fr;
    let (mut fn_, mut sn) = (old - 1, new - 1);
    let ones = fn_.trailing_ones();
    fn_ >>= ones;
    sn >>= ones;
    for c in path {
        if sn == 0 {
            return Err(length("consistency", "long"));
        }
        if fn_ & 1 == 1 || fn_ == sn {
            fr = Hash::node(c, &fr);
            sr = Hash::node(c, &sr);
            while fn_ & 1 == 0 && fn_ != 0 {
                fn_ >>= 1;
                sn >>= 1;
            }
        } else {
            sr = Hash::node(&sr, c);
        }
        fn_ >>= 1;
        sn >>= 1;
    }
    if sn != 0 {
        return Err(length("consistency", "short"));
    }
    same("consistency proof (old root)", &fr, old_root)?;
    same("consistency proof (new root)", &sr, new_root)
}

fn length(which: &str, how: &str) -> LogError {
    LogError::malformed(format_args!("{which} proof: is too {how} for these sizes"))
}

fn same(what: &str, found: &Hash, expected: &Hash) -> Result<(), LogError> {
    if found == expected {
        return Ok(());
    }
    Err(LogError::new(
        LogErrorKind::Mismatch,
        format_args!("{what}: leads to {found}, expected {expected}"),
    ))
}

#[cfg(test)]
#[allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the trees of these tests are small"
)]
mod tests {
    use super::super::{Frontier, consistency_proof, inclusion_proof};
    use super::*;

    /// MTH by its definition, RFC 9162 §2.1.1: another way than the frontier's.
    fn mth(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::empty(),
            [leaf] => *leaf,
            _ => {
                let k = 1 << (leaves.len() - 1).ilog2();
                Hash::node(&mth(&leaves[..k]), &mth(&leaves[k..]))
            }
        }
    }

    fn leaves(n: u64) -> Vec<Hash> {
        (0..n).map(|i| Hash::leaf(&i.to_be_bytes())).collect()
    }

    fn at(leaves: &[Hash], level: u32, index: u64) -> Result<Hash, LogError> {
        let from = usize::try_from(index << level).unwrap();
        Ok(mth(&leaves[from..from + (1 << level)]))
    }

    #[test]
    fn every_proof_up_to_300_entries_holds_and_no_other_does() {
        const N: u64 = 300;
        let all = leaves(N);
        let roots: Vec<Hash> = (0..=all.len()).map(|n| mth(&all[..n])).collect();
        let mut frontier = Frontier::new();
        for size in 1..=N {
            frontier.push(all[size as usize - 1]).unwrap();
            let root = roots[size as usize];
            assert_eq!(frontier.root(), root);
            // Neighbours and ends stand for the other indices where there are many.
            for index in 0..size {
                let proof = inclusion_proof(index, size, &mut |l, i| at(&all, l, i)).unwrap();
                let leaf = all[index as usize];
                verify_inclusion(&leaf, index, size, &proof, &root).unwrap();
                let other = all[(index as usize + 1) % all.len()];
                assert!(verify_inclusion(&other, index, size, &proof, &root).is_err());
                assert!(
                    verify_inclusion(&leaf, index, size, &proof, &roots[size as usize - 1])
                        .is_err()
                );
                if let Some((_, short)) = proof.split_last() {
                    assert!(verify_inclusion(&leaf, index, size, short, &root).is_err());
                }
                let long = [&proof[..], &[leaf]].concat();
                assert!(verify_inclusion(&leaf, index, size, &long, &root).is_err());
                if size > 1 {
                    assert!(
                        verify_inclusion(&leaf, (index + 1) % size, size, &proof, &root).is_err()
                    );
                }
            }
            for old in 0..=size {
                let proof = consistency_proof(old, size, &mut |l, i| at(&all, l, i)).unwrap();
                let old_root = roots[old as usize];
                verify_consistency(old, &old_root, size, &root, &proof).unwrap();
                let wrong = Hash([7; 32]);
                assert!(verify_consistency(old, &wrong, size, &root, &proof).is_err());
                if old != 0 {
                    assert!(verify_consistency(old, &old_root, size, &wrong, &proof).is_err());
                }
                for place in 0..proof.len() {
                    let mut bad = proof.clone();
                    bad[place] = wrong;
                    assert!(verify_consistency(old, &old_root, size, &root, &bad).is_err());
                }
                let long = [&proof[..], &[wrong]].concat();
                assert!(verify_consistency(old, &old_root, size, &root, &long).is_err());
                if let Some((_, short)) = proof.split_last() {
                    assert!(verify_consistency(old, &old_root, size, &root, short).is_err());
                }
            }
        }
    }

    #[test]
    fn the_trees_of_rfc_6962_implementations_have_their_known_roots() {
        // The eight entries and roots that the implementations of RFC 6962 share as test data.
        let entries: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[
                0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d,
                0x6e, 0x6f,
            ],
        ];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut frontier = Frontier::new();
        for (size, root) in roots.iter().enumerate() {
            let hex: String = frontier
                .root()
                .0
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            assert_eq!(&hex, root, "{size} entries");
            if let Some(entry) = entries.get(size) {
                frontier.push(Hash::leaf(entry)).unwrap();
            }
        }
    }
}
