//! `cargo xtask bench pages`: the cost of pages on the server and in the browser.

use std::collections::HashMap;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use portal_testkit::process;
use portal_testkit::{Browser, Interrupt};
use serde_json::{Value, json};

use super::build;
use crate::cargo::Cargo;
use crate::demo_portal::DemoPortal;
use crate::fixture::{self, Fixture};
use crate::progress::step;
use crate::tools::Tools;

/// Pages that are loaded over a slow network.
const SLOW: [&str; 4] = ["/", "/admin/overview", "/admin/users", "/admin/tasks"];

/// Quiet time after which a page is considered ready.
const QUIET: Duration = Duration::from_secs(5);

const OBSERVE: &str = include_str!("observe.js");

/// Options for the page benchmark.
#[derive(Args)]
pub(crate) struct Pages {
    /// Number of times that each page is loaded over a slow network
    #[arg(long, default_value_t = 5)]
    loads: usize,
    /// Skip the measurements of the server and live tabs
    #[arg(long)]
    only_browser: bool,
    /// Arguments for `portal-bench pages`
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub(super) fn run(cargo: &Cargo, settings: &Pages, interrupt: &Interrupt) -> Result<()> {
    let tools = Tools::provide(&fixture::TOOLS)?;
    let program = build(cargo, "reference-portal", interrupt)?;
    if !settings.only_browser {
        let bench = build(cargo, "portal-bench", interrupt)?;
        let mut pages = Command::new(bench);
        pages.arg("pages").args(&settings.arguments);
        pages.env_remove(super::POSTGRES);
        process::run("portal-bench pages", &mut pages, interrupt)?;
        let live = super::Live {
            arguments: Vec::new(),
        };
        super::live(cargo, &live, interrupt)?;
    }

    let Fixture {
        browser, portal, ..
    } = &Fixture::open(&tools, &program, interrupt)?;
    let session = portal.sign_in_as_admin()?;
    step("add demo data", || portal.fill(&session))?;
    browser.use_session(portal.url(), &session)?;
    weigh(browser, portal, interrupt)?;
    let observe = json!({"source": OBSERVE});
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", &observe)?;
    hurry(browser, portal, settings.loads, interrupt)
}

/// Network traffic caused by a page load.
#[derive(Default)]
struct Weight {
    requests: usize,
    bytes: f64,
}

/// Measures the bytes and requests for the first and second load of each page.
fn weigh(browser: &Browser, portal: &DemoPortal, interrupt: &Interrupt) -> Result<()> {
    println!("First load of each page with an empty cache, and its next load.");
    println!(
        "Bytes are those on the network, including response headers of about 800 bytes each. Goal: 7 requests, \
         65,536 bytes of bodies.\n"
    );
    println!("| page | requests | bytes | next: requests | bytes |");
    println!("| --- | --- | --- | --- | --- |");
    browser.resize(1280, 900)?;
    for page in portal.pages()? {
        interrupt.check()?;
        browser.goto("about:blank")?;
        browser.devtools("Network.clearBrowserCache", &json!({}))?;
        let first = load(browser, portal, &page)?;
        browser.goto("about:blank")?;
        let next = load(browser, portal, &page)?;
        println!(
            "| `{page}` | {} | {:.0} | {} | {:.0} |",
            first.requests, first.bytes, next.requests, next.bytes
        );
    }
    println!();
    Ok(())
}

fn load(browser: &Browser, portal: &DemoPortal, page: &str) -> Result<Weight> {
    browser.log("performance")?;
    browser.goto(&format!("{}{page}", portal.url()))?;
    sleep(Duration::from_millis(500));
    let mut weight = Weight::default();
    let mut asked: HashMap<String, bool> = HashMap::new();
    for entry in browser.log("performance")? {
        let entry: Value = serde_json::from_str(&entry)?;
        let event = &entry["message"];
        let params = &event["params"];
        let id = params["requestId"].as_str().unwrap_or_default().to_owned();
        match event["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let address = params["request"]["url"].as_str().unwrap_or_default();
                asked.insert(id, address.starts_with(portal.url()));
            }
            Some("Network.requestServedFromCache") => drop(asked.insert(id, false)),
            Some("Network.responseReceived") if params["response"]["fromDiskCache"] == true => {
                asked.insert(id, false);
            }
            Some("Network.loadingFinished") if asked.get(&id) == Some(&true) => {
                weight.bytes += params["encodedDataLength"].as_f64().unwrap_or_default();
            }
            _ => {}
        }
    }
    weight.requests = asked.values().filter(|counts| **counts).count();
    Ok(weight)
}

/// Timings of one load over a slow network, in milliseconds.
struct Load {
    largest: f64,
    ready: f64,
    blocked: f64,
    shift: f64,
}

/// Loads pages at 1.6 Mbit/s with a round-trip time of 150 ms, on a CPU slowed down by a factor of
/// four.
fn hurry(
    browser: &Browser,
    portal: &DemoPortal,
    loads: usize,
    interrupt: &Interrupt,
) -> Result<()> {
    println!("First loads at 1.6 Mbit/s, 150 ms, a quarter of this CPU; medians of {loads}.\n");
    println!("| page | LCP ms (1300) | TTI ms (1500) | TBT ms (100) | CLS (0.02) |");
    println!("| --- | --- | --- | --- | --- |");
    browser.devtools("Network.enable", &json!({}))?;
    for page in SLOW {
        let mut all = Vec::new();
        for _ in 0..loads {
            interrupt.check()?;
            all.push(load_slowly(browser, &format!("{}{page}", portal.url()))?);
        }
        let middle = |of: fn(&Load) -> f64| median(all.iter().map(of).collect());
        println!(
            "| `{page}` | {:.0} | {:.0} | {:.0} | {:.3} |",
            middle(|load| load.largest),
            middle(|load| load.ready),
            middle(|load| load.blocked),
            middle(|load| load.shift),
        );
    }
    Ok(())
}

fn load_slowly(browser: &Browser, address: &str) -> Result<Load> {
    browser.goto("about:blank")?;
    browser.devtools("Network.clearBrowserCache", &json!({}))?;
    let line = json!({
        "offline": false,
        "latency": 150,
        "downloadThroughput": 1_600_000 / 8,
        "uploadThroughput": 750_000 / 8,
    });
    browser.devtools("Network.emulateNetworkConditions", &line)?;
    browser.devtools("Emulation.setCPUThrottlingRate", &json!({"rate": 4}))?;
    browser.goto(address)?;
    sleep(QUIET + Duration::from_millis(500));
    let measured = browser.script("return portalBench()")?;
    browser.devtools("Emulation.setCPUThrottlingRate", &json!({"rate": 1}))?;
    let unlimited = json!({
        "offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
    });
    browser.devtools("Network.emulateNetworkConditions", &unlimited)?;
    let number = |name: &str| measured[name].as_f64().with_context(|| name.to_owned());
    Ok(Load {
        largest: number("largest")?,
        ready: number("ready")?,
        blocked: number("blocked")?,
        shift: number("shift")?,
    })
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
