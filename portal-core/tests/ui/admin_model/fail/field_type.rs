use portal_core::admin_model;

#[admin_model]
struct Plan {
    id: i64,
    colour: [u8; 3],
}

fn main() {
    let _ = Plan { id: 1, colour: [0; 3] };
    let _ = <Plan as portal_core::AdminModel>::NAME;
}
