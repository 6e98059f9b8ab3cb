use portal_core::admin_model;

#[admin_model]
struct Company {
    id: i64,
}

#[admin_model]
struct Deal {
    id: i64,
    #[admin(on_delete = cascade)]
    region_id: i64,
    #[admin(references = Company, on_delete = set_null)]
    company_id: i64,
    #[admin(references = Company, on_delete = delete)]
    partner_id: i64,
    #[admin(references = Company, on_delete)]
    seller_id: i64,
}

fn main() {}
