use axum::Form;
use portal_core::page;

#[page("users", titel = "Users", requires_admin, requires_auth = false)]
fn users(form: Form<Vec<u8>>, flag: bool) -> f32 {
    form.len() as f32 + f32::from(flag)
}

fn main() {
    let _ = users().url();
}
