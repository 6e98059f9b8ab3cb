use portal_core::admin::Related;
use portal_core::admin_model;

struct Tag;

#[admin_model]
struct Company {
    id: i64,
    tags: Related<Tag>,
}

fn main() {}
