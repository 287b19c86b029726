//! The inputs of `corpus/fuzz/scripts` through the fuzz target's own function.

#[path = "../../../fuzz/src/scripts.rs"]
mod scripts;

use std::path::Path;

#[test]
fn what_fuzzing_has_found_stays_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/fuzz/scripts");
    let mut paths: Vec<_> =
        std::fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no input is kept");
    for path in paths {
        println!("{}", path.display());
        scripts::run(&std::fs::read(&path).expect("an input"));
    }
}
