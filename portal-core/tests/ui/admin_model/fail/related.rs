use portal_core::admin::Related;
use portal_core::admin_model;

#[admin_model]
struct Tag {
    id: i64,
}

#[admin_model(order_by = tags)]
struct Company {
    id: i64,
    #[admin(unique, index, default = "1")]
    tags: Related<Tag>,
    #[admin(references = Tag, renamed_from = "old")]
    more: Related<Tag>,
}

fn main() {}
