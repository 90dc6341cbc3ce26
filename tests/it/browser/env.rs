//! A daemon with a batch of real clips and its page in a browser.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::driver::Browser;
use crate::{
    support::daemon::{TestEnv, clip, quick},
    web::{ANY_PORT, address},
};

/// Jobs as people have them: local and remote, a failure, and one that waits.
const MANIFEST: &str = r#"
defaults:
  video: anna.mp4
  original_audio_volume: 0.2
  labels: { campaign: spring }
jobs:
  - { id: en, audio: welcome-en.mp3 }
  - { id: fr, audio: welcome-fr.mp3, sound_insert_time: 300ms, sound_volume: 1.5 }
  - { id: de, audio: welcome-de.mp3, video: bruno.mp4 }
  - { id: it, audio: too-short-it.mp3 }
  - { id: remote, video: "https://cdn.example.com/v.mp4?duration_ms=9000", audio: "https://cdn.example.com/a.mp3?duration_ms=5000", sound_end_time: 4s }
  - { id: later, audio: welcome-es.wav, not_before: 2099-01-01T00:00:00Z }
"#;

/// The content of the file `password`.
pub const PASSWORD: &str = "0123456789abcdeffedcba9876543210";

/// The daemon and its page.
pub struct Page {
    pub env: TestEnv,
    pub browser: Browser,
    url: String,
}

impl Page {
    /// Starts everything, and waits for the results; none if a program is missing.
    pub fn start() -> Option<Self> {
        Self::with(ANY_PORT)
    }

    /// The same with this `web:` in the configuration.
    pub fn with(web: &str) -> Option<Self> {
        let browser = Browser::start()?;
        let mut env = TestEnv::new(quick());
        let media = format!(
            "media: {{ dirs: [media], public_base_url: \"{}/media/\" }}\n{web}",
            env.sim.base_url()
        );
        fs::write(env.path("password"), PASSWORD).unwrap();
        fs::set_permissions(env.path("password"), fs::Permissions::from_mode(0o600)).unwrap();
        env.configure(5, &media);
        for name in ["anna.mp4", "bruno.mp4"] {
            fs::write(env.path("media").join(name), clip(name)).unwrap();
        }
        for name in [
            "welcome-en.mp3",
            "welcome-fr.mp3",
            "welcome-de.mp3",
            "too-short-it.mp3",
            "welcome-es.wav",
        ] {
            fs::write(env.path("media").join(name), clip(name)).unwrap();
        }
        env.drop_in_old("spring.yaml", MANIFEST);
        env.start();
        for key in ["spring/en", "spring/fr", "spring/de", "spring/remote"] {
            env.until_state(key, "succeeded");
        }
        let url = format!("http://{}", address(&env));
        Some(Self { env, browser, url })
    }

    pub fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.url));
    }

    pub fn port(&self) -> &str {
        self.url.rsplit(':').next().unwrap()
    }

    /// The browser and axe-core report no error of the page, in light and in dark.
    pub fn assert_clean(&self, what: &str) {
        for is_dark in [false, true] {
            self.browser.set_dark(is_dark);
            let violations = self.browser.accessibility_violations();
            assert!(violations.is_empty(), "{what}, dark: {is_dark}: {violations:#?}");
        }
        self.browser.set_dark(false);
        let errors = self.browser.console_errors();
        assert!(errors.is_empty(), "{what}: {errors:#?}");
    }
}
