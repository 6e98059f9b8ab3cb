use portal_core::admin_model;

struct Customer;

#[admin_model]
struct Order {
    id: i64,
    #[admin(references = Customer)]
    customer: i64,
    #[admin(widget = Textbox)]
    notes: String,
}

fn main() {
    let _ = Order { id: 1, customer: 1, notes: String::new() };
}
