use portal_core::admin_model;

#[admin_model(
    view = "sales",
    create = "role:chief editor",
    change = "role:admin",
    delete = requires_auth,
    export = "permission:Deals",
    import("role:sales", 3),
    restore
)]
struct Deal {
    id: i64,
    name: String,
}

#[admin_model(readonly, view = "role:sales", create = "role:sales")]
struct Region {
    id: i64,
}

#[admin_model(requires_role = "sales", scope = "visible")]
struct Account {
    id: i64,
}

fn main() {}
