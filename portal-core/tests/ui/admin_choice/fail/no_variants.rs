use portal_core::admin::AdminChoice;

#[derive(AdminChoice)]
enum Stage {}

#[derive(AdminChoice)]
enum Pair<T> {
    One,
    Two(T),
}

#[derive(AdminChoice)]
struct Level {
    number: u8,
}

fn main() {
    let _ = (Pair::One::<u8>, Pair::Two(1), Level { number: 1 }.number);
}
