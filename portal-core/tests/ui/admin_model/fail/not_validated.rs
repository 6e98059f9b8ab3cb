use portal_core::admin_model;

#[admin_model(validate)]
struct Plan {
    id: i64,
}

fn main() {
    let _ = Plan { id: 1 };
}
