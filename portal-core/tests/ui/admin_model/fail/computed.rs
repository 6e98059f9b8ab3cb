use portal_core::admin_model;

#[admin_model(computed(margin, price, margin), search(margin), order_by = -margin)]
struct Plan {
    id: i64,
    price: i64,
}

#[admin_model(computed(size, missing))]
struct Offer {
    id: i64,
}

impl Offer {
    fn size(&self) -> [u8; 3] {
        [0; 3]
    }
}

fn main() {
    let _ = (Plan { id: 1, price: 1 }, Offer { id: 1 });
}
