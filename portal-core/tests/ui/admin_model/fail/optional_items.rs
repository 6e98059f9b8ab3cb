use portal_core::admin_model;

#[admin_model]
struct Plan {
    id: i64,
    tags: Vec<Option<String>>,
}

fn main() {
    let _ = Plan { id: 1, tags: Vec::new() };
}
