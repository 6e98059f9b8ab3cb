use portal_core::page;

#[page("/users")]
struct Users;

fn main() {
    let _ = Users;
}
