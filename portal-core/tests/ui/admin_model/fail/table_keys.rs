use portal_core::prelude::*;

#[admin_model(managed = "no", unique(name), index(naem, name), version = "row version")]
struct Plan {
    id: i64,
    name: String,
}

#[admin_model(unique(name, name), index = name, renamed_from = "Old")]
struct Other {
    id: i64,
    #[admin(renamed_from = old_name, index = 1)]
    name: String,
}

#[admin_model(managed = false, renamed_from = "before")]
struct Customer {
    id: i64,
}

fn main() {
    let _ = portal_core::migrations!("no_such_directory");
    let _ = portal_core::migrations!(migrations);
}
