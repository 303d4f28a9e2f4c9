//! A function whose event says how the invocation ends.
//!
//! The variable `SUBSCRIBER` says who writes what `tracing` is told: by default the client's own subscriber, with `fmt` that of
//! tracing-subscriber, with `none` nobody. Both have colours, because this program asks for the feature `ansi`. With the
//! variable `NO_COLOR` they have none, as without the feature.

use lambda_runtime::{run, service_fn, tracing, Error, LambdaEvent};
use serde_json::Value;
use std::fmt;

/// An error type of the function's own.
#[derive(Debug)]
struct Refusal {
    order: u32,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cargo-5d1f order {} was refused", self.order)
    }
}

impl std::error::Error for Refusal {}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let kind = event.payload["kind"].as_str().unwrap_or_default();
    tracing::info!("cargo-5d1f begins");
    tracing::warn!(left = 3, "cargo-5d1f stock is low");
    match kind {
        "handled" => tracing::error!(order = 17, "cargo-5d1f told to write an error"),
        "error" => return Err("cargo-5d1f told to fail".into()),
        "own type" => return Err(Refusal { order: 17 }.into()),
        "panic" => panic!("cargo-5d1f told to panic"),
        "exit" => std::process::exit(3),
        _ => {}
    }
    println!("cargo-5d1f ends");
    Ok(kind.into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match std::env::var("SUBSCRIBER").as_deref() {
        Ok("none") => {}
        Ok("fmt") => tracing_subscriber::fmt().init(),
        _ => tracing::init_default_subscriber(),
    }
    run(service_fn(handle)).await
}
