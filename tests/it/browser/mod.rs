//! The web page in a real browser: Chromium, controlled by WebDriver.

mod driver;
mod env;
mod pages;
mod player;
mod screenshots;
