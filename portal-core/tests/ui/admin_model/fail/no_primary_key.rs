use portal_core::admin_model;

#[admin_model]
struct Plan {
    name: String,
}

fn main() {
    let _ = Plan { name: String::new() };
    let _ = <Plan as portal_core::AdminModel>::NAME;
}
