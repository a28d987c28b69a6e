use super::made::{Holder, Made, World};
use crate::path::{find_path, find_paths};

/// Good leaves, expired ones and strangers in turn, more than one thread takes at a time.
#[test]
fn each_of_many_is_judged_as_on_its_own() {
    let root = Holder::root(Made::authority("CN=root"));
    let ca = root.issue(Made::authority("CN=ca"));
    let stranger = Holder::root(Made::authority("CN=stranger"));
    let world = World::new(&[&root], &[&ca]);
    let leaves: Vec<_> = (0..150_u8)
        .map(|n| {
            let made = Made::end(&format!("CN=leaf {n}")).serial(&[1, n]);
            match n % 3 {
                0 => ca.issue(made),
                1 => ca.issue(made.valid("2020-01-01", "2021-01-01")),
                _ => stranger.issue(made),
            }
            .certificate
        })
        .collect();
    for count in [0, 1, 31, 32, 33, 150] {
        let leaves = &leaves[..count];
        let judged = find_paths(leaves, &world.inputs());
        assert_eq!(judged.len(), count);
        for (n, (leaf, found)) in leaves.iter().zip(&judged).enumerate() {
            assert_eq!(found.is_some(), n % 3 == 0, "{n}");
            let alone = find_path(leaf, &world.inputs());
            let der = |path: &crate::path::VerifiedPath| {
                let chain = path.chain().iter().map(|c| c.der().to_vec());
                chain.collect::<Vec<_>>()
            };
            assert_eq!(found.as_ref().map(der), alone.as_ref().map(der), "{n}");
        }
    }
}
