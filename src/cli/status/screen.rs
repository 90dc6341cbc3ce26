//! The screen of a terminal: taken over, drawn, and given back as it was.

use std::io;

use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::frame::View;

pub(super) enum ScreenEvent {
    Quit,
    Resized,
}

pub(super) struct Screen {
    terminal: DefaultTerminal,
    events: UnboundedReceiver<ScreenEvent>,
}

impl Screen {
    pub(super) fn enter() -> io::Result<Self> {
        let terminal = ratatui::try_init()?;
        let (send, events) = unbounded_channel();
        // The thread blocks until the process ends: there is no way to interrupt the read. Without keys, for example
        // because stdin is no terminal, signals still end the command.
        std::thread::spawn(move || {
            while let Ok(event) = event::read() {
                if meaning(&event).is_some_and(|meaning| send.send(meaning).is_err()) {
                    return;
                }
            }
        });
        Ok(Self { terminal, events })
    }

    pub(super) async fn event(&mut self) -> ScreenEvent {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    pub(super) fn draw(&mut self, view: &View) -> io::Result<()> {
        self.terminal.draw(|frame| view.draw(frame)).map(drop)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nobody is left to whom a terminal that is gone could be reported.
        let _gone = ratatui::try_restore();
    }
}

fn meaning(event: &Event) -> Option<ScreenEvent> {
    match event {
        Event::Resize(..) => Some(ScreenEvent::Resized),
        Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) => {
            let is_control_c =
                *code == KeyCode::Char('c') && modifiers.contains(KeyModifiers::CONTROL);
            let is_quit = matches!(code, KeyCode::Char('q') | KeyCode::Esc) || is_control_c;
            is_quit.then_some(ScreenEvent::Quit)
        }
        _ => None,
    }
}
