//! Migrations are embedded at compile time, and cargo does not see the files that a macro reads.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
