use portal_core::admin::Scope;
use portal_core::prelude::*;

#[admin_model(requires_role = "sales", scope = of_region)]
struct Deal {
    id: i64,
}

#[admin_model]
struct Region {
    id: i64,
}

#[admin_model(requires_role = "sales", scope = by_id)]
struct Account {
    id: i64,
}

#[admin_model(requires_role = "sales", scope = not_async)]
struct Contact {
    id: i64,
}

async fn of_region(_user: &User) -> Result<Scope<Region>> {
    Ok(Scope::everything())
}

async fn by_id(_id: i64) -> Result<Scope<Account>> {
    Ok(Scope::everything())
}

fn not_async(_user: &User) -> Result<Scope<Contact>> {
    Ok(Scope::everything())
}

fn main() {}
