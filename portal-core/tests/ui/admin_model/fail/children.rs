use portal_core::admin_model;

struct Note;

#[admin_model(children(Note, by = deal_id))]
struct Deal {
    id: i64,
}

#[admin_model(children(Deal), children, children(by = deal_id, Deal))]
struct Company {
    id: i64,
}

fn main() {}
