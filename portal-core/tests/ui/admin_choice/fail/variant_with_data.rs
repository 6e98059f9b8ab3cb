use portal_core::admin::AdminChoice;

#[derive(AdminChoice)]
enum Stage {
    New,
    Custom(String),
    Timed { days: u8 },
}

fn main() {
    let _ = [Stage::New, Stage::Custom(String::new()), Stage::Timed { days: 1 }];
}
