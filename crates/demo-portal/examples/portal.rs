//! Serves a portal until it is interrupted: `portal [ADDRESS] [DEALS] [SEED]`.

use demo_portal::{Portal, PortalOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |default: &str| arguments.next().unwrap_or_else(|| default.to_owned());
    let address = next("127.0.0.1:8940").parse()?;
    let deals = next("5000").parse()?;
    let seed = next("1").parse()?;
    let portal = Portal::start(
        PortalOptions {
            deals,
            seed,
            ..PortalOptions::default()
        },
        address,
    )
    .await?;
    println!("{}", portal.webhook_url());
    println!(
        "{} deals, {} history rows",
        portal.model().deals_len(),
        portal.model().history_len()
    );
    tokio::signal::ctrl_c().await?;
    portal.stop().await;
    Ok(())
}
