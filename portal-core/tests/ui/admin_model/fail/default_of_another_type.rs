use portal_core::admin_model;

#[admin_model(list_display(name))]
struct Plan {
    id: i64,
    #[admin(default = 5)]
    name: String,
}

fn main() {
    let _ = Plan { id: 1, name: String::new() };
}
