use portal_core::admin_model;

#[admin_model(requires_role = "sales")]
struct Deal {
    #[admin(view = "role:finance")]
    id: i64,
    #[admin(change = "finance")]
    name: String,
    #[admin(readonly, change = "role:finance")]
    stage: String,
    #[admin(skip, view = requires_admin)]
    cache: String,
}

fn main() {}
