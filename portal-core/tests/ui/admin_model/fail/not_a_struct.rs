use portal_core::admin_model;

#[admin_model]
enum Plan {
    Free,
}

#[admin_model]
struct Pair(i64, String);

#[admin_model]
struct Unit;

#[admin_model]
fn plan() {}

fn main() {
    let _ = (Plan::Free, Pair(1, String::new()), Unit);
    plan();
}
