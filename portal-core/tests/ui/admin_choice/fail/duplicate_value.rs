use portal_core::admin::AdminChoice;

#[derive(AdminChoice)]
enum Stage {
    Open,
    #[admin(value = "open")]
    Reopened,
    #[admin(value = "a,b")]
    Other,
    #[admin(lable = "Done")]
    Done,
}

fn main() {
    let _ = [Stage::Open, Stage::Reopened, Stage::Other, Stage::Done];
}
