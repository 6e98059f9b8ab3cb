use portal_core::page;

#[page("/number")]
async fn number() -> f32 {
    1.5
}

#[page("/numbers")]
async fn numbers() -> Vec<f32> {
    vec![1.5]
}

#[page("/nothing")]
async fn nothing() {}

fn main() {
    let _ = (number().url(), numbers().url(), nothing().url());
}
