use portal_core::admin_model;

#[admin_model]
struct Plan<T> {
    id: i64,
    extra: T,
}

fn main() {
    let _ = Plan { id: 1, extra: 2 };
}
