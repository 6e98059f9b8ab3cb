use portal_core::admin_model;

struct Cache;

#[admin_model]
struct Plan {
    id: i64,
    #[admin(skip)]
    cache: Cache,
}

fn main() {
    let _ = Plan { id: 1, cache: Cache };
}
