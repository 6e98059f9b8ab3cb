use portal_core::admin::Related;
use portal_core::admin_model;

#[admin_model]
struct Tag {
    id: i64,
}

#[admin_model]
struct Company {
    id: i64,
    tags: Option<Related<Tag>>,
}

fn main() {
    let _ = Company { id: 1, tags: None };
}
