use portal_core::admin_model;

#[admin_model(list(nmae), search(colour, secret), order_by = -crated_at)]
struct Plan {
    id: i64,
    name: String,
    created_at: String,
    #[admin(skip)]
    secret: String,
}

fn main() {
    let _ = Plan { id: 1, name: String::new(), created_at: String::new(), secret: String::new() };
}
