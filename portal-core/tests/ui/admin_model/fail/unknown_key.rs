use portal_core::admin_model;

#[admin_model(titel = "Plan")]
struct Plan {
    id: i64,
    #[admin(uniqe)]
    name: String,
    #[admin = "skip"]
    notes: String,
}

fn main() {
    let _ = Plan { id: 1, name: String::new(), notes: String::new() };
}
