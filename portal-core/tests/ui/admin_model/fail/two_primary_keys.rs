use portal_core::admin_model;

#[admin_model]
struct Plan {
    #[admin(primary_key)]
    id: i64,
    #[admin(primary_key)]
    name: String,
}

fn main() {
    let _ = Plan { id: 1, name: String::new() };
}
