//! Conditions that do not fit the type of the column.

use portal_core::admin_model;

#[admin_model]
struct Plan {
    id: i64,
    name: String,
    seats: Option<i16>,
}

fn main() {
    let _ = Plan::ID.eq("one");
    let _ = Plan::NAME.gt(5);
    let _ = Plan::SEATS.contains("5");
    let _ = Plan::ID.is_none();
    let _ = Plan::SEATS.refers_to(Plan::ID.eq(1));
}
